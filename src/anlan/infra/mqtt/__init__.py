"""MQTT 3.1.1 and 5 as bytes: what both ends read and write, without sockets, clocks or meaning.

Only what a door needs at which others publish (ADR 0014), and who listens to a broker (ADR 0025): QoS 0
and 1 in both directions, no wills, no retained messages of its own, no topic aliases, no enhanced
authentication; a client does not publish.
"""

from anlan.infra.mqtt import client, packets
from anlan.infra.mqtt.connection import ClientConnection, ServerConnection
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
    "ClientConnection",
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
    "client",
    "packets",
]
