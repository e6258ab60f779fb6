"""A TCP proxy that cuts connections when told to: what a bad network does to unmodified clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

__all__ = ["Proxy", "proxy_to"]


class Proxy:
    """Forwards a port of its own to the server's."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> int:
        """Reset every connection, without a closing handshake. Returns how many sockets there were."""
        writers = tuple(self._writers)
        for writer in writers:
            writer.transport.abort()
        return len(writers)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection both ways until either side ends."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError):
                server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
                self._writers |= {writer, server_writer}
                await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))
                self._writers -= {writer, server_writer}
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def end(self) -> None:
        """Cut everything and wait until it is gone."""
        while self._tasks:
            self.cut()
            await asyncio.wait(self._tasks, timeout=0.1)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    """Run a proxy to this port of 127.0.0.1."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
