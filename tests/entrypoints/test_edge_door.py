"""The edge's door, asked as a server asks it: forms, codes, bounds, and who may send."""

from __future__ import annotations

import json
import struct
from datetime import timedelta
from types import SimpleNamespace

import pytest

from anlan.entrypoints import clock
from anlan.entrypoints.edge import bodies
from anlan.entrypoints.edge import door as doors
from anlan.infra import contents
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.sensing import public as sensing
from anlan.sensing.domain.binarywire import BINARY
from anlan.sensing.models import Quarantine
from tests.entrypoints import asked
from tests.sensing.conftest import NOW, live, load_small_city  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)
AT = NOW.isoformat()
ROW = {"stream": "s1", "at": AT, "value": 0.5}


class Standing:
    now_is = NOW

    def now(self):
        return self.now_is


@pytest.fixture
def world(monkeypatch, live):  # noqa: F811
    standing = Standing()
    monkeypatch.setattr(clock, "_current", standing)
    load_small_city()
    return standing


def issue(role="program", areas=("",), days=1):
    actor = system_actor("test")
    post = registry.city().commander_post if role == "duty_officer" else None
    account = registry.create_account(actor, f"{role}-x", role, post=post, areas=areas, now=NOW)
    return registry.issue_token(actor, account, None, None, NOW + timedelta(days=days), now=NOW)


def asking(talk, *, token=None):
    """Run ``talk`` with a door; everything is closed afterwards."""
    return asked.asking(talk, token or issue()[1])


def kept():
    return [
        (one.stream, one.at, one.value, one.quality.value)
        for batch in sensing.batches_after(0, 10_000)
        for one in batch.observations
    ]


def binary(rows, codes, unit=""):
    names = "\n".join(codes).encode()
    records = b"".join(struct.pack("<IqdB", *row) for row in rows)
    head = struct.pack("<4sIIHH", b"ANR1", len(rows), len(names), len(unit), 0)
    return head + unit.encode() + names + records


NOW_US = int(NOW.timestamp() * 1_000_000)
FORMS = {
    "rows": ({"observations": [ROW, {"stream": "s2", "at": AT, "value": None}]}, ""),
    "list": ([ROW, {"stream": "s2", "at": AT, "value": None}], ""),
    "columns": ({"streams": ["s1", "s2"], "at": [AT, AT], "value": [0.5, None]}, ""),
    "one time": ({"streams": ["s1", "s2"], "at": AT, "value": [0.5, None]}, ""),
    "ms": ({"streams": ["s1", "s2"], "at_ms": NOW_US // 1000, "value": [0.5, None]}, ""),
    "us": (
        {
            "streams": ["s1", "s2"], "at_us": [NOW_US, NOW_US], "value": [50, -999],
            "quality": ["", "missing"], "unit": "cm",
        },
        "",
    ),
    "units": ({"streams": ["s1", "s2"], "at": AT, "value": [500, None], "unit": ["mm", ""]}, ""),
    "binary": (
        binary([(0, NOW_US, 50.0, 0), (1, NOW_US, float("nan"), 4)], ["s1", "s2"], "cm"),
        BINARY,
    ),
}  # fmt: skip


def test_every_form_says_the_same(world):
    async def talk(asked):
        return [
            (await asked.ask(body, content_type=kind), name) for name, (body, kind) in FORMS.items()
        ]

    for number, ((status, said, _), name) in enumerate(asking(talk), 1):
        assert (status, said) == (
            202, {"batch": number, "kept": 2, "refused": [], "quarantine": None},
        ), name  # fmt: skip
    each = [("s1", NOW, 50.0, "good"), ("s2", NOW, None, "missing")]
    assert kept() == each * len(FORMS)


def test_one_row_alone_and_a_stream_of_many_times(world):
    async def talk(asked):
        times = [NOW_US - n for n in range(3)]
        return [
            await asked.ask(ROW),
            await asked.ask({"streams": "s2", "at_us": times, "value": [1, 2, 3]}),
        ]

    assert [answer[0] for answer in asking(talk)] == [202, 202]
    assert len(kept()) == 4


def test_a_slip_costs_its_row_and_is_kept_as_it_came(world):
    sent = {
        "streams": ["s1", "s1", "s1", "nope", "s1", "s1", "s2"],
        "at": [AT, "yesterday", AT[:19], AT, "2999-01-01T00:00:00Z", AT, AT],
        "value": ["0.5", 1, 1, 1, 1, [], 1],
        "quality": ["", "", "", "", "", "", "superb"],
    }

    async def talk(asked):
        return await asked.ask(sent, idempotency_key="k"), await asked.ask(
            sent, idempotency_key="k"
        )

    first, again = asking(talk)
    assert first == again
    assert first[0] == 202
    assert first[1]["kept"] == 1
    assert [(one["index"], one["code"]) for one in first[1]["refused"]] == [
        (1, "observation.row_malformed"),
        (2, "observation.time_missing"),
        (3, "observation.stream_unknown"),
        (4, "observation.time_ahead"),
        (5, "observation.row_malformed"),
        (6, "observation.quality_unknown"),
    ]
    row = Quarantine.objects.get(pk=first[1]["quarantine"])
    lines = [json.loads(line)["row"] for line in contents.get(row.raw_content).splitlines()]
    assert json.loads(lines[0]) == {"stream": "s1", "at": "yesterday", "value": 1, "quality": ""}
    assert json.loads(lines[5])["quality"] == "superb"
    assert kept() == [("s1", NOW, 50.0, "good")]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "observation.batch_malformed"),
        (b"\xff\xfe{", 422, "observation.batch_malformed"),
        (b"[" * 50_000, 422, "observation.batch_malformed"),
        (b'{"streams":' + b"[" * 50_000, 422, "observation.batch_malformed"),
        (b'{"streams":["s1"],"at":["' + AT.encode() + b'"],"value":[1,2]}', 422,
         "observation.batch_malformed"),
        (b'{"streams":["s1"],"value":[1]}', 422, "observation.batch_malformed"),
        (b'{"streams":["s1"],"at_ms":1,"at_us":1,"value":[1]}', 422,
         "observation.batch_malformed"),
        (b'{"streams":["s1"],"observations":[],"at_ms":1,"value":[1]}', 422,
         "observation.batch_malformed"),
        (b'{"streams":[],"at":[],"value":[]}', 422, "observation.batch_empty"),
        (b'{"streams":["s1"],"at_us":[99999999999999999999],"value":[1]}', 422,
         "observation.nothing_kept"),
        (b'{"streams":["s1"],"at_ms":[9007199254740993000],"value":[1]}', 422,
         "observation.nothing_kept"),
        (b'{"streams":["s1"],"at":["' + AT.encode() + b'"],"value":[1e999]}', 422,
         "observation.nothing_kept"),
        (json.dumps({"streams": ["s1"], "at_us": 0, "value": [1] * 3}).encode(), 422,
         "observation.batch_malformed"),
        (json.dumps({"streams": "s1", "at_us": 0, "value": [1] * 20_001}).encode(), 422,
         "observation.batch_too_large"),
        (b" " * 100_001, 413, "input.too_large"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_with_its_code(world, body, status, code):
    async def talk(asked):
        return await asked.ask(body)

    found, said, _ = asking(talk)
    assert (found, said["error"]["code"]) == (status, code)
    assert said["error"]["what"]
    assert said["error"]["do"]
    assert kept() == []
    if code == "observation.batch_malformed":
        assert int(said["error"]["params"]["quarantine"]) == Quarantine.objects.get().pk


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ANR1",
        binary([(0, NOW_US, 1.0, 0)], ["s1"])[:-1],
        binary([(0, NOW_US, 1.0, 0)], ["s1"]) + b"x",
        b"ANR2" + binary([(0, NOW_US, 1.0, 0)], ["s1"])[4:],
        binary([(0, NOW_US, 1.0, 0)], ["s1"])[:4] + b"\xff" * 4 + bytes(40),
        binary([(0, NOW_US, 1.0, 0)], ["s1"]).replace(b"s1", b"\xff\xfe"),
    ],
)
def test_binary_that_does_not_add_up_is_kept_aside(world, body):
    async def talk(asked):
        return await asked.ask(body, content_type=BINARY)

    status, said, _ = asking(talk)
    assert (status, said["error"]["code"]) == (422, "observation.batch_malformed")
    assert contents.get(Quarantine.objects.get().raw_content) == body


def test_a_record_that_names_no_stream_costs_itself_alone(world):
    async def talk(asked):
        body = binary(
            [(7, NOW_US, 1.0, 0), (0, NOW_US, float("nan"), 0), (0, NOW_US, 2.0, 0)], ["s2"]
        )
        return await asked.ask(body, content_type=BINARY)

    _, said, _ = asking(talk)
    assert [one["code"] for one in said["refused"]] == [
        "observation.row_malformed",
        "observation.not_a_number",
    ]
    assert kept() == [("s2", NOW, 2.0, "good")]


def test_slow_cut_and_too_many_bodies(world, monkeypatch):
    monkeypatch.setattr(bodies, "BODY_S", 0.2)

    async def talk(asked):
        slow = await asked.ask(pieces=[b"[", 5.0, b"]"])
        slower = await asked.ask(pieces=[b"[", 5.0, b"]"], content_length="3")
        cut = await asked.ask(pieces=[b"{}"], content_length="9")
        monkeypatch.setattr(bodies, "AT_ONCE_BYTES", 8)
        cut_later = await asked.ask(pieces=[b"{}"], content_length="9")
        large = await asked.ask(content_length="100001")
        unstated = await asked.ask(pieces=[b"x" * 60_000, b"x" * 60_000, b"x"])
        asked.door.bodies.reading = bodies.MOST_READING + 1
        many = await asked.ask(ROW)
        asked.door.bodies.reading -= bodies.MOST_READING + 1
        assert asked.door.bodies.reading == asked.door.answering == 0
        return slow, slower, cut, cut_later, large, unstated, many

    found = asking(talk)
    assert [(status, said["error"]["code"]) for status, said, _ in found] == [
        (408, "input.too_slow"),
        (408, "input.too_slow"),
        (422, "input.cut_short"),
        (422, "input.cut_short"),
        (413, "input.too_large"),
        (413, "input.too_large"),
        (503, "observation.intake_full"),
    ]
    assert found[-1][2]["retry-after"]


def test_a_full_disk_keeps_nothing_says_so_and_goes_on_when_there_is_room(world, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    async def talk(asked):
        with monkeypatch.context() as patch:
            patch.setattr("anlan.sensing.store.log._write_durably", full)
            refused = await asked.ask(ROW, idempotency_key="k")
        return refused, await asked.ask(ROW, idempotency_key="k")

    (status, said, headers), again = asking(talk)
    assert (status, said["error"]["code"]) == (503, "unavailable")
    assert headers["retry-after"]
    assert again[1]["batch"] == 1
    assert len(kept()) == 1


def test_only_these_addresses_and_methods(world):
    async def talk(asked):
        found = [
            await asked.ask(path=path, method=method, authorization="")
            for path, method in (
                ("/", "GET"), ("/api/v1/cases", "GET"), ("/api/v1/observations/", "POST"),
                (doors.ADDRESS, "GET"), (doors.ADDRESS, "POST"), ("/healthz", "POST"),
                ("/healthz", "GET"), ("/metrics", "GET"),
            )
        ]  # fmt: skip
        asked.door.judging = SimpleNamespace(behind=3)
        return [*found, await asked.ask(path="/metrics", method="GET")]

    found = asking(talk)
    assert [status for status, _, _ in found] == [404, 404, 404, 405, 401, 405, 200, 200, 200]
    assert found[4][2]["www-authenticate"]
    assert found[6][1].items() >= {"well": True, "judging": False, "not_judged": None}.items()
    assert "anlan_edge_not_judged 3" in found[8][1]
    assert "anlan_edge_commits_total 0" in found[7][1]
