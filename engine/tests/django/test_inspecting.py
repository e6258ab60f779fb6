"""Reading the node's counters from another thread."""

import pytest

from vola.django import NodeNotRunning, counters


def test_without_a_node_there_is_nothing_to_read() -> None:
    with pytest.raises(NodeNotRunning):
        counters()
