"""The replay's own CAP messages are real ones: the sensing room's parser reads them."""

from datetime import timedelta

from anlan.learning.domain import capxml, library
from anlan.sensing.domain.capparse import parse_cap


def test_the_first_red_is_an_update_of_the_yellow_in_plain_cap():
    scenario = library.scenario("zhengzhou-2021")
    yellow, red = scenario.inputs.signals[:2]
    sent = scenario.instant(red.known_at)
    before = [(4, scenario.instant(yellow.known_at))]
    alert = parse_cap(capxml.message(red, scenario=scenario.id, number=9, sent=sent, before=before))
    assert (alert.status, alert.msg_type) == ("Actual", "Update")
    assert alert.sent == sent
    assert [item.identifier for item in alert.references] == ["anlan-replay.zhengzhou-2021.4"]
    info = alert.infos[0]
    assert info.severity == "Extreme"
    assert info.expires == sent + timedelta(hours=12)


def test_a_first_message_is_an_alert_and_text_is_escaped():
    scenario = library.scenario("zhengzhou-2021")
    signal = scenario.inputs.signals[0]
    hostile = type(signal)(
        **{**{f: getattr(signal, f) for f in signal.__struct_fields__}, "text": "<a>&"}
    )
    data = capxml.message(hostile, scenario="x", number=1, sent=scenario.instant(signal.known_at))
    alert = parse_cap(data)
    assert alert.msg_type == "Alert"
    assert b"&lt;a&gt;&amp;" in data
