"""The shape of picows' class that is not public API. When this fails, read `vola.transports.picows_handover` again."""

import re

import picows.picows
from picows import WSListener

from vola.transports.picows_handover import PROTOCOL_ARGUMENTS


def test_the_protocol_class_takes_the_arguments_that_we_give() -> None:
    # Cython embeds no signature for __init__; the source is shipped beside the module.
    source = (picows.picows.__file__ or "").rpartition("/")[0] + "/picows.pyx"
    with open(source, encoding="utf-8") as file:  # noqa: PTH123
        text = file.read()
    declaration = re.search(r"cdef class WSProtocol\(.*?def __init__\(self,(.*?)\):", text, re.DOTALL)
    assert declaration is not None
    names = [part.split()[-1] for part in declaration.group(1).split(",")]
    assert tuple(names) == PROTOCOL_ARGUMENTS


def test_the_protocol_reads_through_a_buffer() -> None:
    protocol = picows.picows.WSProtocol  # type: ignore[attr-defined]
    for name in ("connection_made", "connection_lost", "get_buffer", "buffer_updated", "eof_received"):
        assert callable(getattr(protocol, name))
    for name in ("on_ws_connected", "on_ws_frame", "on_ws_disconnected", "pause_writing", "resume_writing"):
        assert callable(getattr(WSListener, name))
