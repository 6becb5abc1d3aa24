"""MQTT 3.1.1 and 5 as bytes: what a server reads and writes, without sockets, clocks or meaning.

Only what a door needs at which others publish (ADR 0014): QoS 0 and 1 in both directions, no wills,
no retained messages of its own, no topic aliases, no enhanced authentication.
"""

from anlan.infra.mqtt import packets
from anlan.infra.mqtt.connection import ServerConnection
from anlan.infra.mqtt.packets import (
    Connect,
    Disconnect,
    Packet,
    PingReq,
    PubAck,
    Publish,
    Subscribe,
    Unsubscribe,
)
from anlan.infra.mqtt.wire import BrokenError, Reason

__all__ = [
    "BrokenError",
    "Connect",
    "Disconnect",
    "Packet",
    "PingReq",
    "PubAck",
    "Publish",
    "Reason",
    "ServerConnection",
    "Subscribe",
    "Unsubscribe",
    "packets",
]
