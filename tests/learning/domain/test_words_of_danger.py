"""The shipped words tell everyday complaints from danger, in both languages."""

from __future__ import annotations

import pytest

from anlan.learning.domain.complaints import KINDS
from anlan.registry.domain.jurisdiction import Jurisdiction
from anlan.registry.domain.parse import jurisdiction_folder, read_jurisdiction
from anlan.sensing.domain.reports import recognise, words_of


@pytest.fixture(scope="module", params=["cn", "generic"])
def law(request: pytest.FixtureRequest) -> Jurisdiction:
    return read_jurisdiction(jurisdiction_folder(request.param)).pack


@pytest.mark.parametrize(
    ("text", "hazard"),
    [
        ("电梯抖动有异响", "lift.trapped"),
        ("the lift shakes", "lift.trapped"),
        ("烧烤摊冒烟呛人", "env.pollution"),
        ("barbecue smoke", "env.pollution"),
        ("电动车逆行", ""),
        ("storm surge on the coast", "marine.storm_surge"),
        ("消防通道被私家车堵住", "fire.equipment"),
    ],
)
def test_an_everyday_word_is_no_danger(law: Jurisdiction, text: str, hazard: str) -> None:
    seen = recognise(text, words_of(law.lexicon))
    assert (seen.hazard, seen.strong) == (hazard, False)


@pytest.mark.parametrize(
    ("text", "hazard"),
    [
        ("人太多了，有人被挤倒，倒成一片", "security.crowd"),
        ("台阶上对冲人流，挤得喘不过气", "security.crowd"),
        ("a crowd wave lifted people off, I was lifted off my feet", "security.crowd"),
        ("people fall on the stairs and cannot breathe", "security.crowd"),
        ("老房子墙体异响，还掉渣", "building.danger"),
        ("电梯困人，里面有孩子", "lift.trapped"),
        ("three people stuck in the lift", "lift.trapped"),
        ("五楼着火了，楼道浓烟，有人被困", "fire.building"),
        ("thick smoke from the third floor, people inside", "fire.building"),
    ],
)
def test_words_of_danger_are_strong(law: Jurisdiction, text: str, hazard: str) -> None:
    seen = recognise(text, words_of(law.lexicon))
    assert (seen.hazard, seen.strong) == (hazard, True)


def test_a_crowded_bus_or_a_lift_that_stands_still_never_counts_as_danger(
    law: Jurisdiction,
) -> None:
    named = {"crowded bus", "crowded place", "lift", "small fire", "restaurant smell", "wall"}
    kinds = [kind for kind in KINDS if kind.name in named]
    assert len(kinds) == len(named)
    dangerous = {
        text
        for kind in kinds
        for texts in kind.texts.values()
        for text in texts
        if recognise(text, words_of(law.lexicon)).strong
    }
    # A tile that came down is strong whoever says it.
    assert dangerous <= {"外墙瓷砖掉下来一块"}
