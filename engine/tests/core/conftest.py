"""A node, its ports and its clients without sockets, anew for every test."""

import pytest

from engine.tests.core.world import World


@pytest.fixture
def world() -> World:
    return World()
