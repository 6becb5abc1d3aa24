"""The live stream behind the real server: many watch, reports still get in, and it can stop."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request

import pytest

from anlan.entrypoints.cli.serve import WEB_PROCESSES
from anlan.entrypoints.web.watching.hub import MOST_VIEWERS
from tests.served import served

pytestmark = pytest.mark.sqlite_only
VIEWERS = 200
PATIENT_S = 30.0


class Watching(threading.Thread):
    """One open page: what its stream was answered with, and how many events came."""

    def __init__(self, place, secret):
        super().__init__(daemon=True)
        self.line = socket.create_connection(("127.0.0.1", place.port), timeout=PATIENT_S)
        head = (
            f"GET /watch/live HTTP/1.1\r\nHost: 127.0.0.1:{place.port}\r\n"
            f"Cookie: anlan_session={secret}\r\n\r\n"
        )
        self.line.sendall(head.encode())
        self.status, self.text, self.ended = 0, b"", False
        self.start()

    def run(self):
        try:
            while piece := self.line.recv(65536):
                self.text += piece
                self.status = self.status or int(self.text[9:12])
        except OSError:
            pass
        finally:
            self.line.close()
            self.ended = True

    @property
    def events(self):
        return self.text.count(b"event: lists")


def until(true, seconds=PATIENT_S):
    """Wait until something is true; return whether it became so."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def got(asked):
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return answer.read()


def test_many_watch_while_reports_get_in_and_the_server_can_stop(tmp_path):
    with served(tmp_path) as place:
        room = WEB_PROCESSES * MOST_VIEWERS
        secrets = place.sessions("duty_officer", room + 30)  # a session has a few streams only
        viewers = [Watching(place, secret) for secret in secrets[:VIEWERS]]
        assert until(lambda: all(one.events for one in viewers))
        before = {one: one.events for one in viewers}
        began = time.monotonic()
        place.report("路灯倒了", lat=34.64, lon=113.86)
        taken = time.monotonic() - began
        assert until(lambda: all(one.events > before[one] for one in viewers))
        assert taken < 5  # viewers sleep in threads of their own: nobody waits for them
        watch = urllib.request.Request(
            f"{place.address}/watch?lang=en", headers={"Cookie": f"anlan_session={secrets[0]}"}
        )
        assert until(lambda: b"group-unanswered" in got(watch))

        more = [Watching(place, secret) for secret in secrets[VIEWERS:]]
        assert until(lambda: all(one.status for one in more))
        assert {one.status for one in more} == {200, 204}
        assert sum(one.status == 200 for one in (*viewers, *more)) <= room
        stopping = time.monotonic()
    # It did not wait for its viewers, of whom none left by itself.
    assert time.monotonic() - stopping < 20
    assert until(lambda: all(one.ended for one in (*viewers, *more)))
