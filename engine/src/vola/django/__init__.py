"""Vola for Django: channels, methods, publishing and the server, with Django's users, permissions and transactions.

Add "vola.django" to INSTALLED_APPS, declare channels in an app's channels.py and methods in its rpc.py, and run
`manage.py vola serve`.
"""

from vola.core.ports import Delivery, LatestSource, SourceFrames
from vola.django.channels import Channel, anyone, has_perm, register
from vola.django.errors import NodeNotRunning, RpcError
from vola.django.inspecting import counters
from vola.django.methods import RpcCall, rpc
from vola.django.publishing import apublish, publish

__all__ = [
    "Channel",
    "Delivery",
    "LatestSource",
    "NodeNotRunning",
    "RpcCall",
    "RpcError",
    "SourceFrames",
    "anyone",
    "apublish",
    "counters",
    "has_perm",
    "publish",
    "register",
    "rpc",
]
