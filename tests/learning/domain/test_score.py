"""Raised, lead and gain, against small journals made by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.events import Told
from anlan.kernel.scales import WarningLevel
from anlan.learning.domain import score
from anlan.learning.domain.scenario import (
    About,
    Compared,
    Input,
    Inputs,
    Mark,
    PersonReport,
    Reading,
    RelayedSignal,
    Scenario,
    Words,
)
from anlan.notices.domain.events import NoticePosted
from anlan.registry.domain.packwords import Basis, Confidence, Text
from anlan.registry.domain.rulespecs import (
    ClusterLimit,
    ClusterRule,
    ConjunctionRule,
    LagRule,
    Limit,
    SignalCondition,
    ThresholdRule,
)
from anlan.response.domain.events import CaseOpened, TaskGiven
from anlan.warning.domain.events import AlertLevelChanged, AlertRaised

START = datetime(2021, 7, 19, 12, tzinfo=UTC)
ABOUT = About(hazards=("flood",), places=("TUNNEL",), areas=("410102",))
PATHS = {"410100": "410100", "410102": "410100/410102", "410102001": "410100/410102/410102001"}


def path_of(code: str) -> str:
    return PATHS.get(code, code)


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def told(*pairs):
    return [
        Told(event=event, seq=seq, at=minutes(at), actor="system:test")
        for seq, (at, event) in enumerate(pairs, 1)
    ]


def words(**extra):
    return {
        "title": Text(zh="题", en="title"),
        "advice": Text(zh="做", en="do"),
        "basis": Basis(title="basis"),
        "confidence": Confidence.DEFAULT,
        "effective_from": date(2020, 1, 1),
        **extra,
    }


RULES = {
    "lag": LagRule(
        id="lag",
        hazard="flood",
        level=WarningLevel.RED,
        signal=SignalCondition(hazard="flood", at_least=WarningLevel.RED),
        **words(),
    ),
    "conj": ConjunctionRule(
        id="conj",
        hazard="flood",
        level=WarningLevel.RED,
        place_kinds=("road_tunnel",),
        signal=SignalCondition(hazard="flood", at_least=WarningLevel.RED),
        **words(),
    ),
    "cluster": ClusterRule(
        id="cluster",
        hazard="flood",
        within_m=500,
        limits=(ClusterLimit(level=WarningLevel.RED, reports=2, within="1h"),),
        **words(),
    ),
    "level": ThresholdRule(
        id="level",
        hazard="flood",
        quantity="depth",
        unit="m",
        limits=(Limit(level=WarningLevel.RED, raise_at=1, clear_at=0.5),),
        **words(),
    ),
}


def alert(number, rule, *, level="red", place="", area="410100", subject=""):
    return AlertRaised(
        alert=number,
        rule=rule,
        rule_version=1,
        subject=subject or f"place:{place}",
        hazard="flood",
        level=level,
        area=area,
        place=place,
        at=START,
    )


def case(number, *, hazard="flood", place="", area="410100", origin="report:1"):
    return CaseOpened(
        case=number,
        number=f"C{number}",
        kind="service",
        hazard=hazard,
        area=area,
        place=place,
        priority=1,
        owner="P",
        origin=origin,
    )


def notice(about, post="P"):
    return NoticePosted(notice=1, post=post, about=about, urgency="red")


def first(journal):
    return score.first_raised(score.raisings(journal, RULES), ABOUT, path_of)


def test_a_case_counts_when_it_reaches_an_inbox_not_when_it_opens():
    found = first(told((0, case(7, place="TUNNEL")), (3, notice("case:7"))))
    assert found is not None
    assert found.at == minutes(3)
    assert found.form == "case"


def test_a_case_that_told_nobody_was_not_raised():
    assert first(told((0, case(7, place="TUNNEL")))) is None


def test_another_kind_or_another_place_does_not_count():
    assert first(told((0, case(7, place="TUNNEL", hazard="noise")), (1, notice("case:7")))) is None
    assert first(told((0, case(7, place="SCHOOL")), (1, notice("case:7")))) is None


def test_a_place_below_the_harmed_area_counts_and_one_above_does_not():
    inside = told((0, case(7, area="410102001")), (1, notice("case:7")))
    above = told((0, case(7, area="410100")), (1, notice("case:7")))
    assert first(inside) is not None
    assert first(above) is None


def test_an_alert_counts_only_when_it_is_a_lag_alert():
    signal = told((0, alert(3, "conj", place="TUNNEL")), (1, notice("alert:3")))
    lag = told((0, alert(4, "lag", area="410102")), (1, notice("alert:4")))
    assert first(signal) is None
    found = first(lag)
    assert found is not None
    assert (found.form, found.level) == ("lag", "red")


def test_a_task_stands_for_its_case():
    given_task = TaskGiven(task=9, case=7, post="Q", due_at=START)
    found = first(
        told((0, case(7, place="TUNNEL")), (0, given_task), (2, notice("task:9", post="Q")))
    )
    assert found is not None
    assert (found.form, found.post, found.place) == ("task", "Q", "TUNNEL")


def test_the_level_is_the_one_the_alert_had_reached():
    risen = AlertLevelChanged(
        alert=3, rule="conj", subject="place:TUNNEL", hazard="flood", area="410100",
        place="TUNNEL", before="yellow", level="orange", at=START,
    )  # fmt: skip
    journal = told(
        (0, alert(3, "conj", place="TUNNEL", level="yellow")),
        (0, case(7, place="TUNNEL", origin="alert:3")),
        (1, risen),
        (2, notice("case:7")),
    )
    found = first(journal)
    assert found is not None
    assert (found.level, found.rule) == ("orange", "conj")


@pytest.mark.parametrize("about", ["system:disk", "case:99", "task:99", "alert:99", "case:x", ""])
def test_a_notice_about_nothing_known_is_no_raising(about):
    assert score.raisings(told((0, notice(about))), RULES) == []


@given(st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=20))
def test_the_first_is_the_earliest_that_fits(rows):
    journal = []
    for number, (at, fits) in enumerate(rows):
        journal += [
            (at, case(number, place="TUNNEL" if fits else "SCHOOL")),
            (at, notice(f"case:{number}")),
        ]
    found = first(told(*journal))
    fitting = [at for at, fits in rows if fits]
    assert (found.at if found else None) == (minutes(min(fitting)) if fitting else None)


def an_input(fact, mark, at=0.0, sign="", number=1):
    return score.Given(Input(minutes(at), fact, mark, number), sign)


def report(text="smoke"):
    return PersonReport(known_at="2021-07-19T20:00", text=text, mark=Mark.VERIFIED)


def signal():
    return RelayedSignal(
        known_at="2021-07-19T20:00", colour=WarningLevel.RED, hazard="flood", text="red",
        area="410100", area_zh="市", mark=Mark.VERIFIED,
    )  # fmt: skip


def arrival(rule="", origin="", subject="", at=10.0):
    return score.Raised(
        at=minutes(at), form="case", hazard="flood", place="TUNNEL", area="410100", post="P",
        about="case:7", rule=rule, origin=origin, subject=subject,
    )  # fmt: skip


def test_a_case_from_a_report_rests_on_that_report_alone():
    inputs = [
        an_input(report(), Mark.MEMORY, sign="report:1"),
        an_input(report(), Mark.VERIFIED, sign="report:2"),
    ]
    assert score.marks_behind(arrival(origin="report:2"), inputs, RULES) == ()
    assert score.marks_behind(arrival(origin="report:1"), inputs, RULES) == (Mark.MEMORY,)


def test_a_cluster_rests_on_where_the_calls_are_said_to_come_from():
    placed = PersonReport(
        known_at="2021-07-19T20:00", text="smoke", lat=1.0, lon=2.0, place_mark=Mark.ASSUMED,
        mark=Mark.VERIFIED,
    )  # fmt: skip
    raised = arrival(rule="cluster", origin="alert:3")
    assert score.marks_behind(raised, [an_input(placed, Mark.VERIFIED)], RULES) == (Mark.ASSUMED,)
    nowhere = msgspec.structs.replace(placed, lat=None, lon=None)
    assert score.marks_behind(raised, [an_input(nowhere, Mark.VERIFIED)], RULES) == ()


def test_the_span_from_orange_or_red_bears_the_marks_of_its_own_inputs():
    found = [
        arrival(rule="cluster", origin="report:1", at=10),
        replace(arrival(rule="cluster", origin="report:1", at=20), level="orange"),
    ]
    inputs = [
        an_input(report(), Mark.VERIFIED, at=10, sign="report:1"),
        an_input(report(), Mark.MEMORY, at=20, sign="report:2"),
    ]
    lead, _ = score.figures(
        scenario("2021-07-19T13:00", "2021-07-19T14:00"), found, inputs, RULES, path_of
    )
    assert lead.marks == ()
    assert lead.urgent_marks == (Mark.MEMORY,)


def test_of_several_at_one_instant_the_one_that_names_the_very_area_stands_for_it():
    whole = About(hazards=("flood",), areas=("410100",))
    inside = arrival(rule="conj", origin="alert:3")
    itself = replace(inside, form="lag", place="", rule="lag")
    assert score.first_raised([inside, itself], whole, path_of) is itself
    earlier = replace(inside, at=minutes(9))
    assert score.first_raised([itself, earlier], whole, path_of) is earlier


def test_a_figure_rests_on_the_kinds_its_rule_reads_and_only_on_what_was_known():
    inputs = [
        an_input(signal(), Mark.VERIFIED),
        an_input(Reading("S1", "rain", "mm", 1.0), Mark.RECONSTRUCTED),
        an_input(signal(), Mark.ASSUMED, at=20),
    ]
    assert score.marks_behind(arrival(rule="conj", origin="alert:3"), inputs, RULES) == ()


def test_a_stream_rests_on_its_own_readings():
    inputs = [
        an_input(Reading("S1", "depth", "m", 1.0), Mark.VERIFIED),
        an_input(Reading("S2", "depth", "m", 1.0), Mark.RECONSTRUCTED),
    ]
    raised = arrival(rule="level", origin="alert:3", subject="stream:S1")
    assert score.marks_behind(raised, inputs, RULES) == ()
    other = replace(raised, subject="stream:S2")
    assert score.marks_behind(other, inputs, RULES) == (Mark.RECONSTRUCTED,)


def scenario(harm_at, decision_at):
    def row(at):
        return Compared(what=Words(zh="害", en="harm"), at=at, about=ABOUT, mark=Mark.VERIFIED)

    toll = Compared(what=Words(zh="数", en="toll"), mark=Mark.MEMORY)
    return Scenario(
        format=1, id="x", title=Words(zh="甲", en="x"), source="s", timezone="UTC", city="demo",
        starts_at="2021-07-19T12:00", ends_at="2021-07-20T12:00", places=(), inputs=Inputs(),
        decision=(row(decision_at),), outcome=(row(harm_at), toll),
    )  # fmt: skip


def test_lead_and_gain_and_a_toll_without_a_time():
    found = [arrival(rule="conj", origin="alert:3", at=10)]
    inputs = [an_input(signal(), Mark.MEMORY)]
    lead, gain = score.figures(
        scenario("2021-07-19T13:00", "2021-07-19T12:05"), found, inputs, RULES, path_of
    )
    assert (lead.form, lead.span) == ("lead", timedelta(minutes=50))
    assert (gain.form, gain.span) == ("gain", timedelta(minutes=-5))
    assert lead.marks == (Mark.MEMORY,)


def test_what_was_never_raised_has_no_figure():
    lead, gain = score.figures(
        scenario("2021-07-19T13:00", "2021-07-19T14:00"), [], [], RULES, path_of
    )
    assert lead.span is None
    assert gain.raised is None
    assert lead.marks == ()
