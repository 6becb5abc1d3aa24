"""CAP messages: what is read, where a broken one is broken, and that hostile ones are harmless."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.sensing.domain import captree
from anlan.sensing.domain.cap import CapAlert
from anlan.sensing.domain.capparse import parse_cap
from anlan.sensing.domain.errors import CapError
from tests.sensing.domain.messages import AREA, INFO, message


def fault(data: bytes) -> tuple[str, str]:
    with pytest.raises(CapError) as caught:
        parse_cap(data)
    return caught.value.code, caught.value.where


def test_a_whole_message_is_read():
    alert = parse_cap(message())
    assert (alert.version, alert.identifier, alert.status) == ("1.2", "CN-410100-1", "Actual")
    assert alert.sent == datetime(2021, 7, 20, 0, 0, tzinfo=UTC)
    info = alert.infos[0]
    assert info.event_codes == (("cn12379", "11B03"),)
    assert info.expires == datetime(2021, 7, 20, 12, 0, tzinfo=UTC)
    assert info.areas[0].polygons[0][0] == (34.0, 113.0)
    assert info.areas[0].circles[0].radius_km == 5
    assert not alert.signed


@pytest.mark.parametrize("name", ["identifier", "sender", "sent", "status", "msgType", "scope"])
def test_each_required_element_of_the_head(name):
    assert fault(message(**{name: ""})) == ("cap.missing_element", f"alert/{name}")


@pytest.mark.parametrize(
    "name", ["category", "event", "urgency", "severity", "certainty", "areaDesc"]
)
def test_each_required_element_inside(name):
    body = INFO.replace("{area}", AREA)
    start, end = body.index(f"<{name}>"), body.index(f"</{name}>")
    broken = body[:start] + body[end + len(name) + 3 :]
    where = "alert/info[0]/area[0]/areaDesc" if name == "areaDesc" else f"alert/info[0]/{name}"
    assert fault(message(info=broken)) == ("cap.missing_element", where)


@pytest.mark.parametrize(
    ("before", "after", "code", "where"),
    [
        ("<status>Actual", "<status>actual", "cap.bad_value", "alert/status"),
        ("<msgType>Alert", "<msgType>Warn", "cap.bad_value", "alert/msgType"),
        ("<scope>Public", "<scope>All", "cap.bad_value", "alert/scope"),
        (">Extreme<", ">Red<", "cap.bad_value", "alert/info[0]/severity"),
        (">Shelter<", ">Run<", "cap.bad_value", "alert/info[0]/responseType"),
        (">Met<", ">Weather<", "cap.bad_value", "alert/info[0]/category"),
        ("T08:00:00+08:00</sent>", "T08:00:00</sent>", "cap.bad_time", "alert/sent"),
        ("2021-07-20T08:00:00+08:00</sent>", "2021-02-30T08:00:00+08:00</sent>",
         "cap.bad_time", "alert/sent"),
        ("2021-07-20T08:00:00+08:00</sent>", "0001-01-01T00:00:00+14:00</sent>",
         "cap.bad_time", "alert/sent"),
        ("<onset>2021", "<onset>today 2021", "cap.bad_time", "alert/info[0]/onset"),
        ("34.0,113.0</polygon>", "34.1,113.0</polygon>", "cap.polygon_open",
         "alert/info[0]/area[0]/polygon[0]"),
        ("34.0,114.0 35.0,114.0 ", "34.0,114.0 ", "cap.polygon_too_short",
         "alert/info[0]/area[0]/polygon[0]"),
        ("35.0,114.0", "113.5,34.0", "cap.bad_position", "alert/info[0]/area[0]/polygon[0]"),
        ("35.0,114.0", "35.0", "cap.bad_position", "alert/info[0]/area[0]/polygon[0]"),
        ("35.0,114.0", "nan,114.0", "cap.bad_number", "alert/info[0]/area[0]/polygon[0]"),
        ("34.7,113.6 5", "34.7,113.6", "cap.bad_circle", "alert/info[0]/area[0]/circle[0]"),
        ("34.7,113.6 5", "34.7,113.6 -1", "cap.bad_circle", "alert/info[0]/area[0]/circle[0]"),
        ("<headline>", "<headlin>x</headlin><headline>", "cap.unknown_element",
         "alert/info[0]/headlin"),
        ("<status>", "<status>Test</status><status>", "cap.repeated_element", "alert/status"),
        ("CN-410100-1", "CN 410100", "cap.bad_name", "alert/identifier"),
        ("CN-410100-1", "C" * 301, "cap.too_long", "alert/identifier"),
        ("<valueName>cn12379</valueName>", "", "cap.missing_element",
         "alert/info[0]/eventCode[0]/valueName"),
        ("zh-CN", "zh_CN;DROP", "cap.bad_value", "alert/info[0]/language"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(before, after, code, where):
    broken = message().decode().replace(before, after, 1)
    assert broken.encode() != message()
    assert fault(broken.encode()) == (code, where)


@pytest.mark.parametrize("kind", ["Update", "Cancel", "Ack", "Error"])
def test_what_speaks_of_another_message_names_it(kind):
    assert fault(message(msgType=kind)) == ("cap.references_missing", "alert/references")
    reference = "met@example.invalid,CN-0,2021-07-20T07:00:00+08:00"
    alert = parse_cap(message(msgType=kind, references=f"{reference}\n {reference}"))
    assert [item.identifier for item in alert.references] == ["CN-0", "CN-0"]
    assert fault(message(msgType=kind, references="CN-0"))[0] == "cap.bad_reference"


def test_restricted_and_private_say_to_whom():
    assert fault(message(scope="Restricted"))[1] == "alert/restriction"
    assert parse_cap(message(scope="Restricted", restriction="r")).scope == "Restricted"
    assert fault(message(scope="Private"))[1] == "alert/addresses"
    assert parse_cap(message(scope="Private", addresses="a")).scope == "Private"


def test_empty_optional_elements_foreign_ones_and_signatures_do_no_harm():
    head = (
        "<restriction/><note/><references/>"
        '<x:ext xmlns:x="urn:other"><x:deep>1</x:deep></x:ext>'
        '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature>'
    )
    alert = parse_cap(message(head=head))
    assert alert.signed
    assert alert.references == ()


def test_an_alert_without_information_is_legal():
    assert parse_cap(message(info="")).infos == ()


def test_older_versions():
    old = message().replace(b"cap:1.2", b"cap:1.1")
    assert parse_cap(old).version == "1.1"
    oldest = message().replace(
        b"urn:oasis:names:tc:emergency:cap:1.2", b"http://www.incident.com/cap/1.0"
    )
    oldest = oldest.replace(b"<category>Met</category>", b"").replace(
        b"<valueName>cn12379</valueName><value>11B03</value>", b"SAME=FFW"
    ).replace(b"Observed", b"Very Likely")  # fmt: skip
    info = parse_cap(oldest).infos[0]
    assert (info.event_codes, info.certainty) == ((("SAME", "FFW"),), "Likely")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings(encoding):
    text = message(identifier="a-1").decode().replace("UTF-8", encoding)
    for chinese in ("全市", "郑州市气象台发布暴雨红色预警信号", "暴雨"):
        text = text.replace(chinese, "café")
    assert parse_cap(text.encode(encoding)).infos[0].event == "café"


def hostile_messages() -> dict[str, tuple[bytes, str]]:
    laughs = "".join(
        f'<!ENTITY l{level} "{f"&l{level - 1};" * 10 if level else "ha"}">' for level in range(9)
    )
    external = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    whole = message().decode()
    body = whole[whole.index("<alert") :]
    return {
        "external entity": (
            f'<?xml version="1.0"?>{external}{body.replace("暴雨", "&x;")}'.encode(),
            "cap.forbidden_xml",
        ),
        "billion laughs": (
            f'<?xml version="1.0"?><!DOCTYPE a [{laughs}]>{body.replace("暴雨", "&l8;")}'.encode(),
            "cap.forbidden_xml",
        ),
        "external dtd": (
            f'<?xml version="1.0"?><!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">{body}'.encode(),
            "cap.forbidden_xml",
        ),
        "parameter entity": (
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p">%p;]><a/>',
            "cap.forbidden_xml",
        ),
        "too large": (message() + b" " * captree.MAX_BYTES, "cap.too_large"),
        "too deep": (b"<alert>" * 100_000, "cap.too_deep"),
        "too many": (
            b"<alert>" + b"<info/>" * (captree.MAX_ELEMENTS + 1) + b"</alert>",
            "cap.too_many_elements",
        ),
        "truncated": (message()[:400], "cap.not_xml"),
        "undefined entity": (b"<alert>&nope;</alert>", "cap.not_xml"),
        "binary": (b"\x00\xff\xfe\x01", "cap.not_xml"),
        "empty": (b"", "cap.not_xml"),
        "unknown encoding": (b'<?xml version="1.0" encoding="x-no"?><alert/>', "cap.not_xml"),
        "a web page": (b"<html><body>502 Bad Gateway</body></html>", "cap.not_cap"),
        "no namespace": (b"<alert/>", "cap.not_cap"),
        "json": (b'{"alert": 1}', "cap.not_xml"),
    }


@pytest.mark.parametrize("name", sorted(hostile_messages()))
def test_hostile_messages_are_refused_before_they_cost_anything(name):
    data, code = hostile_messages()[name]
    assert fault(data)[0] == code


def test_a_fault_in_the_xml_names_line_and_column():
    assert fault(b"<alert>\n  <info></alert>") == ("cap.not_xml", "line 2, column 10")


def test_too_many_points():
    ring = "34.0,113.0 " * 50_001
    code, _ = fault(message(area=f"<area><areaDesc>a</areaDesc><polygon>{ring}</polygon></area>"))
    assert code == "cap.too_many_points"


@settings(max_examples=150, deadline=None)
@given(
    cut=st.integers(0, 1500),
    patch=st.binary(max_size=12),
    width=st.integers(0, 40),
)
def test_whatever_is_sent_is_read_or_refused(cut, patch, width):
    whole = message()
    data = whole[:cut] + patch + whole[cut + width :]
    assert isinstance(outcome(data), CapAlert | str)


def outcome(data: bytes) -> CapAlert | str:
    """Return the alert or the code of its refusal; anything else is a crash."""
    try:
        return parse_cap(data)
    except CapError as error:
        return error.code
