"""Brokers of the tests' own: they do what no real one can be made to do."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from anlan.entrypoints.mqtt.settings import BrokerPart, TopicPart
from anlan.infra.mqtt import Connect, Disconnect, Reason, ServerConnection, packets
from anlan.infra.mqtt.wire import V311


class Answers:
    """A broker in a thread: does one thing after the other with each line that comes."""

    def __init__(self, listener, serve, tls):
        self.listener, self.serve, self.tls = listener, serve, tls
        self.heard, self.lines = [], []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                line = self.listener.accept()[0]
            except OSError:
                return
            if self.tls is not None:
                try:
                    line = self.tls.wrap_socket(line, server_side=True)
                except OSError:  # it does not trust us
                    line.close()
                    continue
            with line:
                line.settimeout(30)
                self.lines.append(line)
                self.server = ServerConnection(largest=1 << 20)
                try:
                    self.serve(self, line, len(self.lines))
                except OSError:
                    continue

    def hear(self, line, kind):
        """Read until something of a kind has come; return it."""
        while True:
            data = line.recv(65536)
            if not data:
                raise OSError("closed")
            found = self.server.receive(data)
            self.heard += found
            for one in found:
                if isinstance(one, kind):
                    return one

    def let_in(self, line, *, said=None, reasons=(1,)):
        """Let in, and take the subscription."""
        level = self.hear(line, Connect).level
        line.sendall(packets.connack(level, Reason.SUCCESS, said=said or {}))
        asked = self.hear(line, packets.Subscribe)
        line.sendall(packets.suback(level, asked.packet_id, reasons))


@contextmanager
def answering(serve, tls=None):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Answers(listener, serve, tls)
        yield found
        listener.shutdown(socket.SHUT_RDWR)
    for line in found.lines:
        with suppress(OSError):  # it is closed
            line.shutdown(socket.SHUT_RDWR)
    found.thread.join(10)


def a_part(port, **said):
    given = {
        "name": "city", "host": "127.0.0.1", "port": port, "tls": False, "token_file": "t",
        "topics": (TopicPart("anlan/#"),),
    }  # fmt: skip
    return BrokerPart(**(given | said))


def refusing(reason):
    def serve(found, line, _number):
        line.sendall(packets.connack(found.hear(line, Connect).level, reason))
        found.hear(line, Disconnect)

    return serve


def a_message(number):
    return packets.publish(V311, "anlan/observations", b"%d" % number, packet_id=number)


def run_apart(coroutine):
    """Run a coroutine in a thread of its own: browser tests leave an event loop in the one that tests run in."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
