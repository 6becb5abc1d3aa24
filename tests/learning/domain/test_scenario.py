"""Scenario files: what they say, what they refuse, and what may ever be given."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files

import msgspec
import pytest

from anlan.learning.domain import scenario as scenarios
from anlan.learning.domain.scenario import Mark, PersonReport, Reading, RelayedSignal

NAMES = ["bund-2014", "itaewon-2022", "shiyan-2021", "zhengzhou-2021"]
FOLDER = files("anlan.learning").joinpath("scenarios")


def load(name: str) -> scenarios.Scenario:
    return scenarios.parse(FOLDER.joinpath(f"{name}.yaml").read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_is_whole(name):
    scenario = load(name)
    assert scenario.id == name
    assert scenario.source
    given = scenarios.timeline(scenario)
    assert [item.known_at for item in given] == sorted(item.known_at for item in given)
    assert all(isinstance(item.mark, Mark) for item in given)
    assert any(row.at for row in scenario.outcome)


def test_the_rain_meets_the_published_totals():
    scenario = load("zhengzhou-2021")
    rows = scenarios.series_rows(scenario, scenario.inputs.series[0])

    def total(start: str, end: str) -> float:
        first, last = scenario.instant(start), scenario.instant(end)
        return round(sum(value for at, value in rows if first < at <= last), 1)

    assert total("2021-07-17T20:00", "2021-07-20T20:00") == 617.1
    assert total("2021-07-19T20:00", "2021-07-20T20:00") == 552.5
    assert total("2021-07-19T17:00", "2021-07-20T17:00") == 457.5
    assert total("2021-07-20T16:00", "2021-07-20T17:00") == 201.9
    assert len(rows) == 72


def test_the_first_red_signal_keeps_its_instant_and_mark():
    scenario = load("zhengzhou-2021")
    reds = [
        item
        for item in scenarios.timeline(scenario)
        if isinstance(item.fact, RelayedSignal) and item.fact.colour == "red"
    ]
    assert reds[0].known_at.astimezone(UTC) == datetime(2021, 7, 19, 13, 59, tzinfo=UTC)
    assert reds[0].mark is Mark.VERIFIED
    assert len(reds) == 5


def test_what_was_decided_or_came_of_it_is_never_given():
    for name in NAMES:
        scenario = load(name)
        never = [row.what.en for row in (*scenario.decision, *scenario.outcome)]
        never += [row.handled for row in scenario.inputs.reports if row.handled]
        given = scenarios.timeline(scenario)
        for item in given:
            fact = item.fact
            said = fact.text if isinstance(fact, PersonReport | RelayedSignal) else ""
            assert not any(text in said for text in never if len(text) > 6), (name, said)


def test_what_was_known_before_is_given_at_the_beginning_not_earlier():
    scenario = load("shiyan-2021")
    first = scenarios.timeline(scenario)[0]
    assert first.known_at == scenario.instant(scenario.starts_at)
    assert isinstance(first.fact, PersonReport)
    assert first.fact.kind == "record"


def test_the_background_is_spread_evenly():
    scenario = load("zhengzhou-2021")
    values = [
        item.fact.value
        for item in scenarios.timeline(scenario)
        if isinstance(item.fact, Reading) and item.known_at <= scenario.instant("2021-07-19T17:00")
    ]
    assert len(values) == 45
    assert values == pytest.approx([54.6 / 45] * 45)


def changed(**values):
    data = FOLDER.joinpath("itaewon-2022.yaml").read_bytes()
    plain = msgspec.to_builtins(scenarios.parse(data))
    plain.update(values)
    return msgspec.yaml.encode(plain)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"verdict": "guilty"}, "verdict"),
        ({"starts_at": "2022-10-30T18:00"}, "ends after"),
        ({"ends_at": "2022-10-29T21:00"}, "only after the scenario ends"),
        ({"timezone": "Mars/Olympus"}, "Mars"),
        (
            {
                "outcome": [
                    {"what": {"zh": "一", "en": "a"}, "at": "2022-10-29T22:15", "mark": "verified"}
                ]
            },
            "about",
        ),
        ({"decision": [{"what": {"zh": "一", "en": "a"}, "mark": "sure"}]}, "sure"),
        ({"title": {"en": "only one language"}}, "zh"),
        ({"format": 2}, "format"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(values, said):
    with pytest.raises(scenarios.ScenarioError) as refused:
        scenarios.parse(changed(**values))
    assert said in str(refused.value)


def test_what_is_not_yaml_is_refused():
    with pytest.raises(scenarios.ScenarioError):
        scenarios.parse(b"format: [1")


def test_rows_out_of_order_are_refused():
    data = FOLDER.joinpath("zhengzhou-2021.yaml").read_bytes()
    swapped = data.replace(b'["2021-07-20T16:00", 31.6]', b'["2021-07-20T10:30", 31.6]')
    with pytest.raises(scenarios.ScenarioError, match="order of time"):
        scenarios.parse(swapped)


def test_a_step_that_does_not_divide_the_background_is_refused():
    data = FOLDER.joinpath("zhengzhou-2021.yaml").read_bytes()
    with pytest.raises(scenarios.ScenarioError, match="whole number of steps"):
        scenarios.parse(data.replace(b"step: 1h", b"step: 7h"))


def test_instants_carry_the_offset_of_the_place():
    assert load("itaewon-2022").instant("2022-10-29T22:15").utcoffset() == timedelta(hours=9)
