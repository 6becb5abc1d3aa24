"""Whatever happens in between, the alert instances are those of a judge that never stops."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from anlan.infra import failpoints
from anlan.infra.failpoints import FailpointError
from anlan.sensing import public as sensing
from anlan.warning.services.streams import here, saving
from anlan.warning.services.streams.here import stream_judge
from tests.warning import town

from .twin import Told, Twin, an_afternoon, instances

pytestmark = pytest.mark.django_db(databases="__all__")

POINTS = ("findings_kept", "cut_written", "checkpoint_saved", "checkpoint_noted")
STREAMS = ("TUN-01", "CROWD-01", "POND-01", "RAIN-01")

sending = st.tuples(
    st.just("send"),
    st.sampled_from(STREAMS),
    st.lists(
        st.tuples(st.integers(-12, 1), st.sampled_from([None, 0.0, 3.0, 6.0, 20.0, 31.0, 45.0])),
        min_size=1,
        max_size=5,
    ),
)
waiting = st.tuples(
    st.just("wait"), st.sampled_from([-200, -3, 0, 0.5, 1, 1, 2, 4, 6, 11, 70, 200])
)
again = st.tuples(st.just("again"))
dying = st.tuples(st.just("die"), st.sampled_from(POINTS))
falling = st.tuples(st.just("fall"))
history = st.lists(
    st.one_of(sending, sending, waiting, waiting, again, dying, falling), max_size=25
)


class Afternoon:
    """One afternoon: what comes, the judge that may die, and the one that does not."""

    def __init__(self, *, in_commit: bool) -> None:
        self.now, self.in_commit = 0.0, in_commit
        self.twin = Twin()
        self.last: tuple[sensing.RowIn, ...] = ()
        self.deaths = self.lost = 0
        self.tick()

    def tick(self) -> None:
        """Let both judges look; the one that dies begins anew at once."""
        self.twin.judge(now=town.at(self.now))
        while True:
            if self.in_commit:
                stream_judge().start()
            try:
                stream_judge().tick_if_free(now=town.at(self.now))
            except FailpointError:
                self.deaths += 1
                here.forget()
                continue
            return

    def send(self, rows: tuple[sensing.RowIn, ...]) -> None:
        self.last = rows
        sensing.keep_observations(town.SENDER, sensing.BatchIn(rows), now=town.at(self.now))
        if self.in_commit:
            self.twin.judge(now=town.at(self.now))
            self.tick()

    def do(self, what: str, *said) -> None:
        if what == "send":
            stream, values = said
            at = town.at(self.now)
            self.send(
                tuple(
                    sensing.RowIn(stream, at + timedelta(minutes=minutes), value)
                    for minutes, value in values
                )
            )
        elif what == "wait":
            self.now = max(0.0, self.now + said[0])
            self.tick()
        elif what == "again" and self.last:
            self.send(self.last)
        elif what == "lose":
            self.lost += 1
            town.begin_anew(keep_file=False)
            self.tick()
        elif what == "fall":
            here.forget()
        elif what == "die":
            failpoints.arm(f"judge.{said[0]}:raise")


@pytest.mark.parametrize("in_commit", [False, True])
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=history, checkpoints=st.sampled_from([1, 2, 5, 500]))
def test_restarts_change_nothing(demo, in_commit, history, checkpoints) -> None:
    with an_afternoon(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "CUTS", checkpoints)
        patch.setattr(saving, "CUTS_US", 0)
        one = Afternoon(in_commit=in_commit)
        for what in history:
            one.do(*what)
        one.tick()
        assume(not one.twin.too_late)
        assert instances() == one.twin.instances
        assert stream_judge().mended == 0


losing = st.tuples(st.just("lose"))
with_losses = st.lists(
    st.one_of(sending, sending, sending, waiting, waiting, again, losing), max_size=25
)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=with_losses)
def test_a_memory_that_is_lost_doubles_nothing_and_forgets_nothing_open(demo, history) -> None:
    with an_afternoon():
        one = Afternoon(in_commit=False)
        for what in history:
            one.do(*what)
        one.tick()
        assume(not one.twin.too_late)
        found, wanted = instances(), one.twin.instances
        assert len({row[:3] for row in found}) == len(found)
        assert _open(found) == _open(wanted)
        assert {row[:2] for row in found} == {row[:2] for row in wanted}


def _open(rows: list[Told]) -> list[Told]:
    return [row[:2] for row in rows if row[5] is None]


@pytest.mark.parametrize("in_commit", [False, True])
def test_news_that_are_not_worth_telling_are_not_forgotten_by_a_death(demo, in_commit) -> None:
    """A late reading moves the beginning of what was told already; then the alert ends as it would."""
    with an_afternoon(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving, "CUTS", 500)
        one = Afternoon(in_commit=in_commit)
        one.do("wait", 20)
        one.do("send", "RAIN-01", [(-1, 45.0), (0, 20.0)])
        one.do("wait", 1)
        one.do("send", "RAIN-01", [(-3, 6.0)])
        one.do("wait", 0)
        one.do("fall")
        one.now += 64
        one.do("send", "RAIN-01", [(0, 0.0)])
        one.do("wait", 1)
        assert "rain.hour" in {row[0] for row in instances()}
        assert instances() == one.twin.instances


def test_a_death_before_the_first_checkpoint_costs_nothing(demo) -> None:
    with an_afternoon(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(saving.Saving, "write", lambda *_: None)  # it never came to that
        one = Afternoon(in_commit=True)
        one.do("wait", 20)
        one.do("send", "RAIN-01", [(-1, 45.0), (0, 20.0)])
        one.do("fall")
        patch.undo()
        one.do("wait", 70)
        assert "rain.hour" in {row[0] for row in instances()}
        assert instances() == one.twin.instances
        assert stream_judge().mended == 0
