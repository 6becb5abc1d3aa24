"""Guards, priorities, ladders and measurements: pure answers and their bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.kernel.errors import AnlanError
from anlan.response.domain import joining, ladders
from anlan.response.domain.grounds import default_ground, frozen_ladder
from anlan.response.domain.guards import (
    ASKED,
    Facts,
    Standing,
    is_their_move,
    proof_of,
    refusal_before_asking,
    refusal_of,
)
from anlan.response.domain.measuring import Measurement
from anlan.response.domain.states import Guard, Move, Who
from anlan.response.domain.words import CaseState, Proof, Stage

NOW = datetime(2021, 7, 20, tzinfo=UTC)
OWNER = Standing("a", is_owner=True, is_above=False, is_checker=True)
ABOVE = Standing("b", is_owner=False, is_above=True, is_checker=True)
CHECKER = Standing("c", is_owner=False, is_above=False, is_checker=True)
NOBODY = Standing("d", is_owner=False, is_above=False, is_checker=False)
CLOCKWORK = Standing("e", is_owner=False, is_above=False, is_checker=False, is_clockwork=True)
LOW = Measurement(value=0.1, limit=1.0, unit="%LEL", points=2, minutes=5)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (Who.OWNER, {"a", "b", "e"}),
        (Who.ABOVE, {"b", "e"}),
        (Who.CHECKER, {"a", "b", "c", "e"}),
    ],
)
def test_whose_move_it_is(who, may):
    move = Move(CaseState.CLOSED, who)
    people = (OWNER, ABOVE, CHECKER, NOBODY, CLOCKWORK)
    assert {person.actor for person in people if is_their_move(move, person)} == may


@given(
    handled=st.booleans(),
    needs=st.booleans(),
    cleared=st.booleans(),
    stated=st.sampled_from([None, 0.1, 1.0, 5.0]),
    clockwork=st.booleans(),
)
def test_proof_by_its_definition(handled, needs, cleared, stated, clockwork):
    """I5: never the handler's word alone, never the clockwork's, never a bad measurement."""
    measurement = stated and Measurement(value=stated, limit=1.0, unit="m", points=1, minutes=1)
    facts = Facts(
        now=NOW,
        standing=CLOCKWORK if clockwork else CHECKER,
        hands=("c", "e") if handled else ("x",),
        needs_measurement=needs,
        readings_cleared=cleared,
        measurement=measurement,
    )
    below = stated is None or stated < 1.0
    second = not handled and not clockwork
    sound = below and (cleared or (second and (not needs or stated is not None)))
    try:
        proof = proof_of(facts)
    except AnlanError:
        assert not sound
    else:
        assert sound
        assert (proof is Proof.MEASUREMENT) == (cleared or stated is not None)


def test_what_a_person_can_still_bring_does_not_hide_a_move():
    move = Move(CaseState.ARBITRATING, guards=tuple(ASKED))
    assert refusal_before_asking(move, Facts(now=NOW, standing=OWNER)) is None
    assert refusal_of(move, Facts(now=NOW, standing=OWNER)) is not None
    proof = Move(CaseState.CLOSED, Who.CHECKER, (Guard.PROOF,))
    needs = Facts(now=NOW, standing=CHECKER, needs_measurement=True)
    assert refusal_before_asking(proof, needs) is None
    assert refusal_of(proof, needs).code == "case.measurement_needed"
    handled = Facts(now=NOW, standing=CHECKER, hands=("c",))
    assert refusal_before_asking(proof, handled).code == "case.second_person_needed"


@pytest.mark.parametrize(
    ("until", "latest", "good"),
    [
        (None, None, False),
        (NOW, None, False),
        (NOW + timedelta(seconds=1), None, True),
        (NOW + timedelta(days=2), NOW + timedelta(days=1), False),
        (NOW + timedelta(days=1), NOW + timedelta(days=1), True),
    ],
)
def test_an_end_lies_ahead_and_within_the_limit(until, latest, good):
    move = Move(CaseState.SUSPENDED, guards=(Guard.END,))
    facts = Facts(now=NOW, standing=OWNER, until=until, latest_end=latest)
    assert (refusal_of(move, facts) is None) is good


@pytest.mark.parametrize(
    ("rating", "good"), [(None, False), (0, False), (1, True), (5, True), (6, False)]
)
def test_ratings(rating, good):
    move = Move(CaseState.RATED, guards=(Guard.RATING,))
    assert (refusal_of(move, Facts(now=NOW, standing=OWNER, rating=rating)) is None) is good


@pytest.mark.parametrize(
    ("priority", "good"), [(None, False), (0, False), (1, True), (2, True), (3, False), (4, False)]
)
def test_a_priority_only_rises(priority, good):
    move = Move(CaseState.OPENED, guards=(Guard.PRIORITY,))
    facts = Facts(now=NOW, standing=OWNER, priority=priority, priority_before=3)
    assert (refusal_of(move, facts) is None) is good


counts = st.integers(0, 40)


@given(counts, counts, counts, counts)
def test_more_signs_never_lower_the_priority(signs, strong, more, more_strong):
    before = joining.priority_by_signs(signs, strong)
    assert joining.priority_by_signs(signs + more, strong + more_strong) <= before
    assert 1 <= before <= joining.LOWEST


def test_levels_only_rise():
    assert joining.higher_level("", "blue") == "blue"
    assert joining.higher_level("orange", "yellow") == "orange"
    assert joining.higher_level("orange", "red") == "red"
    assert joining.higher_level("", "") == ""


@pytest.mark.parametrize(
    ("level", "priority"), [("red", 1), ("orange", 2), ("yellow", 3), ("blue", 4), ("", 4)]
)
def test_a_level_gives_a_place_in_the_queue(level, priority):
    assert joining.priority_by_level(level) == priority


LADDER = {
    "id": "x",
    "version": 2,
    "basis": {"title": "t"},
    "rungs": [
        {"after": "0s", "calendar": "natural", "post": "superior"},
        {"after": "2h", "calendar": "working_hours", "post": "P-FIRE"},
    ],
    "repeat": "45m",
}


@given(st.integers(0, 500))
def test_the_ladder_never_ends(rung):
    step = ladders.step(LADDER, rung)
    assert step.is_reminder == (rung >= 2)
    assert step.after == ("45m" if rung >= 2 else LADDER["rungs"][rung]["after"])


def test_who_is_told():
    def told(rung, **known):
        facts = {"climbs_from": "A", "superior": "B", "commander": "C", "top": "T", **known}
        return ladders.post_to_tell(ladders.step(LADDER, rung), **facts)

    assert told(0) == "B"
    assert told(0, superior=None) == "C"
    assert told(0, superior=None, commander="") == "A"
    assert told(1) == "P-FIRE"
    assert told(2) == "T"


def test_without_a_pack_there_is_a_ladder_and_a_clock_for_every_stage():
    assert ladders.step(frozen_ladder(None), 99).is_reminder
    for stage in Stage:
        for priority in (1, 2, 3, 4):
            ground = default_ground(stage, priority)
            assert ground.rule_id
            assert ground.basis["title"]


@pytest.mark.parametrize(
    ("value", "higher_is_worse", "below"),
    [
        (0.9, True, True),
        (1.0, True, False),
        (1.1, True, False),
        (1.1, False, True),
        (1.0, False, False),
    ],
)
def test_which_side_of_the_limit_is_safe(value, higher_is_worse, below):
    measured = Measurement(
        value=value, limit=1.0, unit="m", points=1, minutes=0, higher_is_worse=higher_is_worse
    )
    assert measured.is_below is below


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": float("nan")},
        {"value": float("inf")},
        {"limit": float("nan")},
        {"unit": ""},
        {"points": 0},
        {"minutes": -1},
        {"minutes": float("nan")},
    ],
)
def test_half_a_measurement_is_none(wrong):
    facts = {"value": 0.1, "limit": 1.0, "unit": "m", "points": 1, "minutes": 1.0}
    with pytest.raises(ValueError, match="measurement"):
        Measurement(**{**facts, **wrong})
