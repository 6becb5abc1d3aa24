"""The state tables: what they allow, what they refuse, and that no duty ends in a dead end."""

from __future__ import annotations

from itertools import product

import pytest

from anlan.response.domain.errors import WrongStateError
from anlan.response.domain.states import (
    HANDS_ON,
    TABLES,
    Guard,
    Who,
    move_for,
    stage_of,
    start_state,
    triggers_from,
)
from anlan.response.domain.words import ENDED, CaseState, Stage, Trigger

KINDS = sorted(TABLES)


def states_of(kind):
    table = TABLES[kind]
    return {state for state, _ in table} | {move.to for move in table.values() if move.to}


@pytest.mark.parametrize("kind", KINDS)
def test_from_every_open_state_a_closing_can_be_reached(kind):
    for start in states_of(kind) - ENDED - {CaseState.SUSPENDED}:
        seen, todo = set(), [start]
        while todo:
            state = todo.pop()
            if state not in seen:
                seen.add(state)
                todo += [move.to for _, move in triggers_from(kind, state) if move.to]
        assert CaseState.CLOSED in seen, start


@pytest.mark.parametrize("kind", KINDS)
def test_every_open_state_can_be_urged_listed_raised_and_dismissed(kind):
    for state in states_of(kind) - ENDED:
        for trigger in (Trigger.URGE, Trigger.LIST, Trigger.RAISE, Trigger.DISMISS):
            assert move_for(kind, state, trigger)


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_ends_or_confirms_a_danger_asks_for_proof(kind):
    for (state, trigger), move in TABLES[kind].items():
        if move.to in {CaseState.CLOSED, CaseState.DISMISSED}:
            assert Guard.PROOF in move.guards, (state, trigger)
        if trigger in {Trigger.CHECK, Trigger.RECHECK}:
            assert Guard.PROOF in move.guards


@pytest.mark.parametrize("kind", KINDS)
def test_closing_is_reached_only_after_somebody_had_it_in_hand(kind):
    for (state, trigger), move in TABLES[kind].items():
        if move.to is CaseState.CLOSED:
            assert trigger is Trigger.CLOSE
            assert state in {CaseState.RECHECKED, CaseState.FED_BACK, CaseState.CHECKED}
    into = [
        trigger
        for (_, trigger), move in TABLES[kind].items()
        if move.to in {CaseState.SELF_CHECKED, CaseState.FED_BACK}
        and trigger not in {Trigger.EXTEND, Trigger.REASSIGN, Trigger.URGE, Trigger.LIST}
        and trigger not in {Trigger.RAISE, Trigger.ENFORCE}
    ]
    assert into
    assert set(into) <= HANDS_ON


@pytest.mark.parametrize("kind", KINDS)
def test_time_is_given_only_from_above_and_with_an_end(kind):
    for (_, trigger), move in TABLES[kind].items():
        if trigger in {Trigger.SUSPEND, Trigger.EXTEND}:
            assert move.who is Who.ABOVE
            assert {Guard.REASON, Guard.END} <= set(move.guards)
        if trigger is Trigger.RETURN:
            assert {Guard.REASON, Guard.ONCE} <= set(move.guards)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_in_the_table_is_refused(kind):
    for state, trigger in product(CaseState, Trigger):
        if (state, trigger) in TABLES[kind]:
            assert move_for(kind, state, trigger) is TABLES[kind][state, trigger]
        else:
            with pytest.raises(WrongStateError):
                move_for(kind, state, trigger)


def test_the_closed_loop_of_a_hidden_danger():
    state = CaseState.FOUND
    for trigger, after in (
        (Trigger.REGISTER, "registered"),
        (Trigger.GRADE, "graded"),
        (Trigger.ASSIGN, "assigned"),
        (Trigger.BEGIN, "fixing"),
        (Trigger.SELF_CHECK, "self_checked"),
        (Trigger.RECHECK, "rechecked"),
        (Trigger.CLOSE, "closed"),
        (Trigger.REOPEN, "fixing"),
    ):
        state = move_for("hidden_danger", state, trigger).to
        assert state == after


def test_an_ended_case_moves_only_by_reopening_or_rating():
    for kind in KINDS:
        for state in ENDED:
            assert {trigger for trigger, _ in triggers_from(kind, state)} <= {
                Trigger.REOPEN,
                Trigger.RATE,
            }
        assert not triggers_from(kind, CaseState.MERGED)


def test_stages_follow_the_states():
    assert stage_of(CaseState.REPORTED) is Stage.ACCEPT
    assert stage_of(CaseState.ASSIGNED) is Stage.HANDLE
    assert stage_of(CaseState.HANDLING) is Stage.HANDLE
    assert stage_of(CaseState.SELF_CHECKED) is Stage.CHECK
    assert stage_of(CaseState.ARBITRATING) is Stage.ARBITRATE


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_found_by_a_rule_starts_where_its_owner_can_act(kind):
    state = start_state(kind, found_by_rule=True)
    assert stage_of(state) is Stage.HANDLE
    assert any(trigger in HANDS_ON for trigger, _ in triggers_from(kind, state))
