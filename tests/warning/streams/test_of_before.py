"""Database or store of readings restored alone: the judge trusts no memory of the other time, and judges on."""

from __future__ import annotations

import shutil

import pytest

from anlan.infra.here import workspace
from anlan.sensing import public as sensing
from anlan.sensing.services import hands
from anlan.warning.models import AlertInstance, JudgeCut, JudgeState
from anlan.warning.services.streams import cuts
from anlan.warning.services.streams.here import stream_judge
from tests.warning import town
from tests.warning.town import at, readings, tick

pytestmark = pytest.mark.django_db(databases="__all__")


def crowds() -> list[tuple[str, bool]]:
    rows = AlertInstance.objects.filter(rule="crowd.density").order_by("raised_at")
    return [(row.subject, row.cleared_at is None) for row in rows]


def test_a_database_of_before_in_which_nothing_more_is_open_is_judged_on(demo) -> None:
    tick(0)
    tick(100)  # all are silent by now
    rows = list(JudgeState.objects.filter(key=cuts.STREAMS).values())
    readings("CROWD-01", *[1] * 3, start=100)
    tick(103)
    readings("CROWD-01", 4, 4, 4, *[1] * 14, start=104)
    tick(121)
    assert crowds() == [("stream:CROWD-01", False)]
    stream_judge().close()
    # The alert came and went since: what is open tells nobody that the file is ahead.
    AlertInstance.objects.filter(rule="crowd.density").delete()
    JudgeCut.objects.all().delete()
    JudgeState.objects.filter(key=cuts.STREAMS).delete()
    JudgeState.objects.bulk_create(JudgeState(**row) for row in rows)
    readings("CROWD-01", 4, 4, 4, start=122)
    tick(125)
    assert stream_judge().mended == 1
    assert crowds()[-1] == ("stream:CROWD-01", True)


@pytest.mark.parametrize("put_back", ["older", "empty"])
@pytest.mark.parametrize("keep_file", [True, False])
def test_a_store_of_before_is_judged_on_under_its_own_numbers(
    demo, tmp_path, put_back, keep_file
) -> None:
    tick(0)
    readings("CROWD-01", 2, 2)
    tick(2)
    hands.let_go()
    shutil.copytree(workspace().observations, tmp_path / "kept")
    readings("CROWD-01", 4, 4, 4, start=3)
    tick(6)
    assert crowds() == [("stream:CROWD-01", True)]
    sensing.agree(now=at(6))
    town.begin_anew(keep_file=keep_file)
    hands.let_go()
    shutil.rmtree(workspace().observations)
    if put_back == "older":
        shutil.copytree(tmp_path / "kept", workspace().observations)
    # Another stream speaks first: in an empty store it has the number that was the crowd's.
    readings("POND-01", 1, 1, start=7)
    readings("CROWD-01", 4, 4, start=7)
    tick(9)
    assert sensing.passed_over()[1] > 0
    assert stream_judge().mended == 1
    assert crowds() == [("stream:CROWD-01", True)]  # what was open stays open
    readings("CROWD-01", *[1] * 14, start=10)
    tick(25)
    assert crowds() == [("stream:CROWD-01", False)]
    readings("CROWD-01", 4, 4, 4, start=26)
    tick(29)
    assert crowds() == [("stream:CROWD-01", False), ("stream:CROWD-01", True)]
    town.begin_anew(keep_file=True)
    tick(30)
    assert stream_judge().mended == 0  # a memory of after the loss is believed
