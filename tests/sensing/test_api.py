"""The doors over HTTP, with tokens: what goes in comes out, what is wrong is told."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from anlan.entrypoints import clock
from anlan.infra import contents
from anlan.infra.models import JournalEntry
from anlan.kernel.actor import system_actor
from anlan.registry import public as registry
from anlan.sensing import public, selectors
from anlan.sensing.models import Quarantine, Report, Signal
from tests.sensing.conftest import NOW
from tests.sensing.domain.messages import message
from tests.sensing.test_photos import a_photo

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def doors(city, monkeypatch):
    class Standing:
        def now(self):
            return NOW

    monkeypatch.setattr(clock, "_current", Standing())

    def client(role="program", areas=("",)):
        me = system_actor("test")
        account = registry.create_account(me, f"test-{role}", role, areas=areas, now=NOW)
        secret = registry.issue_token(me, account, None, None, NOW + timedelta(days=1), now=NOW)[1]
        return Client(headers={"Authorization": f"Bearer {secret}", "Accept-Language": "en"})

    return client


def post(client, path, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/xml" if path.endswith("signals") else "application/json"
    return client.post(
        f"/api/v1/{path}",
        data,
        content_type=kind,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )


def code(answer):
    return answer.json()["error"]["code"]


def test_a_report_and_following_it(doors):
    answer = post(doors(), "reports", {"text": "燃气味", "lat": 34.2, "lon": 113.2})
    assert answer.status_code == 201, answer.content
    receipt = answer.json()
    assert (receipt["hazard"], receipt["area"], receipt["flags"]) == ("gas.leak", "410102001", [])
    path = f"/api/v1/reports/{receipt['number']}"
    seen = Client().get(path, {"secret": receipt["secret"]}).json()
    assert seen["text"] == "燃气味"
    assert Client().get(path, headers={"X-Report-Secret": receipt["secret"]}).json() == seen
    for bad in (Client().get(path), Client().get(path, {"secret": "x"})):
        assert (bad.status_code, code(bad)) == (404, "not_found")


def test_an_officer_reads_the_reports_of_the_area(doors):
    gateway, officer = doors(), doors("street_officer", ("410100/410102",))
    inside = post(gateway, "reports", {"text": "a", "lat": 34.2, "lon": 113.2}).json()["number"]
    outside = post(gateway, "reports", {"text": "b", "area": "410103"}).json()["number"]
    page = officer.get("/api/v1/reports").json()
    assert [row["number"] for row in page["reports"]] == [inside]
    assert "text" not in page["reports"][0]  # personal data only in the detail
    assert "text" not in officer.get(f"/api/v1/reports/{inside}").json()
    seen = officer.get(f"/api/v1/reports/{inside}", {"reason": "handling"}).json()
    assert (seen["text"], seen["contact"]) == ("a", {})
    assert officer.get(f"/api/v1/reports/{outside}").status_code == 404
    assert gateway.get("/api/v1/reports").status_code == 403


def test_words_are_read_for_a_reason_that_is_journalled(doors):
    given = {"text": "燃气味", "contact": {"name": "王某", "phone": "13800000000"}}
    number = post(doors(), "reports", given).json()["number"]
    officer, path = doors("duty_officer"), f"/api/v1/reports/{number}"
    assert "text" not in officer.get(path).json()
    assert code(officer.get(path, {"reason": "x"})) == "content.reason_needed"
    assert not JournalEntry.objects.filter(event="ContentsRead").exists()
    assert officer.get(path, {"reason": "handling"}).json()["contact"] == {}
    assert officer.get(path, {"reason": "call_back"}).json()["contact"] == given["contact"]
    read = JournalEntry.objects.filter(event="ContentsRead").order_by("seq")
    assert [entry.payload["reason"] for entry in read] == ["handling", "call_back"]
    report = Report.objects.get(number=number)
    assert {entry.payload["what"] for entry in read} == {f"report:{report.pk}"}
    assert "王某" not in str(read.values())
    auditor = doors("auditor").get(path, {"reason": "handling"})
    assert (auditor.status_code, "text" in auditor.json()) == (200, False)


def test_an_auditor_reads_that_a_report_came_and_not_what_it_says(doors):
    text = {"text": "燃气味, 找王某 13800000000", "place": "王某家", "lat": 34.2, "lon": 113.2}
    number = post(doors(), "reports", text).json()["number"]
    answer = doors("auditor").get(f"/api/v1/reports/{number}")
    assert answer.status_code == 200
    assert (answer.json()["number"], answer.json()["hazard"]) == (number, "gas.leak")
    assert "13800000000" not in answer.content.decode()
    assert "王某" not in answer.content.decode()


def test_a_repeated_call_is_answered_like_the_first(doors):
    client = doors()
    first = post(client, "reports", {"text": "a"}, Idempotency_Key="k1")
    again = post(client, "reports", {"text": "a"}, Idempotency_Key="k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = post(client, "reports", {"text": "b"}, Idempotency_Key="k1")
    assert (other.status_code, code(other)) == (409, "idempotency.key_reused")
    assert Report.objects.count() == 1
    long = post(client, "reports", {"text": "a"}, Idempotency_Key="x" * 300)
    assert (long.status_code, code(long)) == (422, "idempotency.key_malformed")


def test_a_report_with_photos(doors):
    form = {
        "text": "裂缝",
        "lat": "34.2",
        "lon": "113.2",
        "contact_phone": "1390000",
        "photo": [SimpleUploadedFile("a.exe", a_photo()), SimpleUploadedFile("b", a_photo("PNG"))],
    }
    answer = doors().post("/api/v1/reports", form)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["photos"], answer.json()["area"]) == (2, "410102001")
    assert selectors.report_said(Report.objects.get().pk).contact == {"phone": "1390000"}


def test_a_photo_that_is_none(doors):
    form = {"text": "x", "photo": SimpleUploadedFile("a.jpg", b"<script>", "image/jpeg")}
    answer = doors().post("/api/v1/reports", form)
    assert (answer.status_code, code(answer)) == (422, "photo.not_a_photo")
    assert not Report.objects.exists()


@pytest.mark.parametrize("body", [b"", b"not json", b"[1,2]", b'{"text": "\\ud800"}', b"\xff\xfe"])
def test_an_unreadable_report_is_kept_aside(doors, body):
    answer = post(doors(), "reports", body)
    assert (answer.status_code, code(answer)) == (422, "report.malformed")
    row = Quarantine.objects.get()
    assert str(row.pk) == answer.json()["error"]["params"]["quarantine"]
    assert str(row.pk) in answer.json()["error"]["what"]


def test_ten_megabytes_of_text(doors):
    answer = post(doors(), "reports", {"text": "x" * 10_000_000})
    assert (answer.status_code, code(answer)) == (422, "report.text_too_long")
    answer = post(doors("duty_officer"), "reports", {"text": "x" * 13_000_000})
    assert (answer.status_code, code(answer)) == (413, "input.too_large")
    assert not Report.objects.exists()


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "'; DROP TABLE sensing_report;--",
    "\x00",
    "../../etc/passwd",
    "{{7*7}}",
    "x" * 400,
    "🔥",
    "\u202e",
]
FIELDS = ["text", "place", "area", "hazard", "channel", "language", "known_at", "lat", "contact"]


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_words_in_every_field_are_kept_or_refused_plainly(doors, field):
    client = doors()
    for word in HOSTILE:
        answer = post(client, "reports", {"text": "x", field: word})
        assert answer.status_code == 201, (field, word, answer.content)
    assert Report.objects.count() == len(HOSTILE)


def test_hostile_words_in_addresses_find_nothing(doors):
    client = doors("duty_officer")
    for word in ("%00", "%27%20OR%201=1", "..%2F..%2Fx", "x" * 500):
        found = client.get(f"/api/v1/reports/{word}").status_code
        if word == "%00":
            assert found == 422, "a NUL is refused in every address"
            continue
        assert found == 404, word
        assert client.get(f"/api/v1/reports?hazard={word}").json()["reports"] == []
        assert client.get(f"/api/v1/quarantine?door={word}").json()["quarantine"] == []
        assert client.get(f"/api/v1/observations/latest?stream={word}").json() == []


def test_readings(doors):
    client = doors()
    rows = [
        {"stream": "s1", "at": NOW.isoformat(), "value": 0.5},
        {"stream": "s1", "at": "?", "value": 1},
        {"stream": "no", "at": NOW.isoformat(), "value": 1},
    ]
    answer = post(client, "observations", {"observations": rows, "key": "m1"})
    assert answer.status_code == 202, answer.content
    receipt = answer.json()
    assert (receipt["kept"], [r["index"] for r in receipt["refused"]]) == (1, [1, 2])
    again = post(client, "observations", {"observations": rows, "key": "m1"})
    assert again.json() == receipt
    officer = doors("duty_officer")
    span = {"stream": "s1", "start": NOW.isoformat(), "end": (NOW + timedelta(1)).isoformat()}
    read = officer.get("/api/v1/observations", span).json()
    assert (read["unit"], [r["value"] for r in read["readings"]]) == ("cm", [50.0])
    (newest,) = officer.get("/api/v1/observations/latest", {"stream": "s1,s2,no"}).json()
    assert (newest["stream"], newest["value"]) == ("s1", 50.0)
    bad = officer.get("/api/v1/observations", {**span, "end": "2026-07-20T00:00:00"})
    assert (bad.status_code, code(bad)) == (422, "observation.bad_period")
    assert officer.get("/api/v1/observations", {**span, "stream": "no"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ([{"stream": "no", "at": "2026-07-20T08:00:00Z", "value": 1}], "observation.nothing_kept"),
        ([], "observation.batch_empty"),
        ({"x": 1}, "observation.batch_malformed"),
        (b"{", "observation.batch_malformed"),
    ],
)
def test_batches_of_which_nothing_is_kept(doors, body, refusal):
    answer = post(doors(), "observations", body)
    assert (answer.status_code, code(answer)) == (422, refusal)
    assert "–" not in answer.json()["error"]["do"]


def test_a_signal(doors):
    client = doors()
    first = post(client, "signals", message())
    assert first.status_code == 201, first.content
    assert (first.json()["hazard"], first.json()["level"]) == ("met.rain", "red")
    assert post(client, "signals", message()).json() == first.json()
    listed = doors("duty_officer").get("/api/v1/signals").json()["signals"]
    assert [row["identifier"] for row in listed] == ["CN-410100-1"]


def test_a_street_officer_relays_no_signal(doors):
    answer = post(doors("street_officer"), "signals", message())
    assert (answer.status_code, code(answer)) == (403, "signal.not_a_relay")


def test_a_bad_signal_is_told_with_its_place_and_dealt_with(doors):
    answer = post(doors(), "signals", message(status="Maybe"))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "cap.bad_value")
    assert error["params"]["where"] == "alert/status"
    officer = doors("duty_officer")
    (row,) = officer.get("/api/v1/quarantine").json()["quarantine"]
    address = f"/api/v1/quarantine/{row['id']}/raw"
    assert code(officer.get(address)) == "content.reason_needed"
    assert code(officer.get(address, {"reason": "curious"})) == "content.reason_needed"
    raw = officer.get(address, {"reason": "checking"})
    assert raw.content == message(status="Maybe")
    read = JournalEntry.objects.get(event="ContentsRead")
    assert read.payload["what"] == f"quarantine:{row['id']}"
    assert read.payload["reason"] == "checking"
    assert read.actor.startswith("account:")
    assert raw["Content-Type"] == "application/octet-stream"
    path = f"quarantine/{row['id']}/release"
    again = post(officer, path, {"outcome": "retry"})
    assert (again.status_code, code(again)) == (422, "quarantine.still_unreadable")
    assert post(officer, path, {"outcome": "discard"}).json()["outcome"] == "discarded"
    assert officer.get("/api/v1/quarantine").json()["quarantine"] == []
    assert len(officer.get("/api/v1/quarantine", {"released": "true"}).json()["quarantine"]) == 1
    assert post(officer, path, {"outcome": "eat"}).status_code == 422


def test_the_doors_are_described():
    described = Client().get("/api/openapi.json").json()["paths"]
    report = described["/api/v1/reports"]["post"]
    assert set(report["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    assert "application/xml" in described["/api/v1/signals"]["post"]["requestBody"]["content"]
    rows = described["/api/v1/observations"]["post"]["requestBody"]["content"]["application/json"]
    assert len(rows["schema"]["oneOf"]) == 3


def form_of(*parts: bytes, boundary: bytes = b"XX") -> bytes:
    return b"".join(b"--XX\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def field(name: bytes, value: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value


def send_form(client, body, boundary="XX"):
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post("/api/v1/reports", body, content_type=kind)


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (form_of(field(b"text", "积水".encode())), "other"),  # nothing would be found in it
        (form_of(field(b"text", "积水".encode("gbk"))), "XX"),  # the letters would be lost
        (form_of(*(field(b"f%d" % number, b"x") for number in range(1100))), "XX"),
        (
            form_of(*(field(b'p"; filename="%d' % number, b"x") for number in range(110))),
            "XX",
        ),
    ],
    ids=["boundary", "gbk", "fields", "files"],
)
def test_a_form_that_cannot_be_read_is_kept_aside_whole(doors, body, boundary):
    """Never acknowledged with half of it missing, and no error of the inside."""
    answer = send_form(doors(), body, boundary)
    assert (answer.status_code, code(answer)) == (422, "report.malformed"), answer.content
    assert contents.get(Quarantine.objects.get().raw_content) == body
    assert not Report.objects.exists()


def test_a_replacement_mark_that_was_sent_is_no_loss(doors):
    assert send_form(doors(), form_of(field(b"text", "\ufffd".encode()))).status_code == 201


def test_a_field_that_comes_twice_is_kept_twice(doors):
    answer = send_form(doors(), form_of(field(b"text", b"one"), field(b"text", b"two")))
    assert (answer.status_code, answer.json()["flags"]) == (201, ["extra_fields"])
    said = contents.get(Report.objects.get().said_content)
    assert b"one" in said
    assert b"two" in said


def test_a_photo_under_another_name_is_kept(doors):
    answer = doors().post("/api/v1/reports", {"picture": SimpleUploadedFile("a", a_photo())})
    assert (answer.status_code, answer.json()["photos"]) == (201, 1)


@pytest.mark.parametrize(
    ("path", "body"), [("reports", b"{"), ("observations", b"{"), ("signals", b"<a>")]
)
def test_a_message_repeated_with_its_key_is_kept_aside_once(doors, path, body):
    client = doors()
    first, again = (post(client, path, body, Idempotency_Key="k") for _ in range(2))
    assert first.status_code == again.status_code == 422
    assert first.json() == again.json()
    assert Quarantine.objects.count() == 1
    assert post(client, path, body + b" ", Idempotency_Key="k").status_code == 422
    assert Quarantine.objects.count() == 2, "other bytes are not lost"


@pytest.mark.parametrize(
    ("path", "bad", "good", "kept"),
    [
        ("reports", '{"text": "燃气", "lat": NaN}', '{"text": "燃气"}', Report),
        ("signals", message(status="Maybe").decode(), message().decode(), Signal),
        (
            "observations",
            '[{"stream": "s1", "at": "2026-07-20T08:00:00Z", "value": NaN}]',
            '[{"stream": "s1", "at": "2026-07-20T08:00:00Z", "value": null}]',
            None,
        ),
    ],
)
def test_a_message_kept_aside_can_be_put_right(doors, path, bad, good, kept):
    post(doors(), path, bad.encode())
    officer = doors("duty_officer")
    (row,) = officer.get("/api/v1/quarantine").json()["quarantine"]
    release = f"quarantine/{row['id']}/release"
    worse = post(officer, release, {"outcome": "retry", "message": "<still bad"})
    assert (worse.status_code, code(worse)) == (422, "quarantine.still_unreadable")
    broken = post(officer, release, {"outcome": "retry", "message": "\ud800"})
    assert (broken.status_code, code(broken)) == (422, "input.invalid")
    count = kept.objects.count if kept else public.last_batch_id
    assert count() == 0
    done = post(officer, release, {"outcome": "retry", "message": good})
    assert (done.status_code, done.json()["outcome"]) == (200, "accepted"), done.content
    assert count() == 1
    raw = officer.get(f"/api/v1/quarantine/{row['id']}/raw", {"reason": "checking"})
    assert raw.content == bad.encode(), "what came stays as it came"
    assert JournalEntry.objects.get(event="MessageReleased").payload["corrected"] is True
