"""The server: the node composed with asyncio, uvicorn and its transports."""
