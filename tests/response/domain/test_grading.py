"""Grades at their bounds: the packs' own tables, number by number."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from anlan.kernel.scales import RiskGrade
from anlan.registry.domain.parse import jurisdiction_folder, read_jurisdiction
from anlan.response.domain.errors import UnknownFactorError
from anlan.response.domain.grading import grade_risk

CN = read_jurisdiction(jurisdiction_folder("cn")).pack
LEC = next(method for method in CN.risk_methods if method.id == "lec")
LS = next(method for method in CN.risk_methods if method.id == "ls")


@pytest.mark.parametrize(
    ("factors", "score", "grade"),
    [
        ((10, 2, 15), "300", RiskGrade.CONSIDERABLE),
        ((1, 3, 100), "300", RiskGrade.CONSIDERABLE),
        ((6, 10, 7), "420", RiskGrade.MAJOR),
        ((10, 1, 7), "70", RiskGrade.GENERAL),  # only 320 belongs to the band below
        ((3, 6, 7), "126", RiskGrade.GENERAL),
        ((0.5, 6, 40), "120", RiskGrade.GENERAL),
        ((0.1, 0.5, 1), "0.05", RiskGrade.LOW),
    ],
)
def test_lec(factors, score, grade):
    graded = grade_risk(LEC, dict(zip("LEC", factors, strict=True)))
    assert graded.score == Decimal(score)
    assert graded.grade is grade


def naive_grade(method, score):
    """Read the bands from the top, as a person reads the table."""
    for band in method.bands:
        bound = Decimal(str(band.at_least))
        if (score > bound) if band.open else (score >= bound):
            return band.grade
    raise AssertionError(score)


@pytest.mark.parametrize("method", [LEC, LS], ids=["lec", "ls"])
def test_every_possible_product_has_the_grade_of_its_band(method):
    names = list(method.factors)
    values = [[factor.value for factor in method.factors[name]] for name in names]
    for chosen in product(*values):
        score = Decimal(1)
        for value in chosen:
            score *= Decimal(str(value))
        graded = grade_risk(method, dict(zip(names, chosen, strict=True)))
        assert graded.score == score
        assert graded.grade is naive_grade(method, score)


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        ((5, 5), RiskGrade.MAJOR),
        ((4, 5), RiskGrade.MAJOR),
        ((3, 5), RiskGrade.CONSIDERABLE),
        ((3, 3), RiskGrade.GENERAL),
        ((1, 1), RiskGrade.LOW),
    ],
)
def test_ls(score, grade):
    likelihood, severity = score
    assert grade_risk(LS, {"L": likelihood, "S": severity}).grade is grade


@pytest.mark.parametrize(
    "factors",
    [{}, {"L": 6, "E": 6}, {"L": 6, "E": 6, "C": 15, "X": 1}, {"L": 5, "E": 6, "C": 15}],
)
def test_factors_that_the_table_does_not_hold_are_refused(factors):
    with pytest.raises(UnknownFactorError):
        grade_risk(LEC, factors)


def test_what_is_kept_is_enough_to_grade_again():
    graded = grade_risk(LEC, {"L": 6, "E": 6, "C": 15})
    kept = graded.plain()
    again = grade_risk(LEC, kept["factors"])
    assert again.plain() == kept
    assert kept["score"] == "540"
    assert (kept["method"], kept["version"]) == ("lec", LEC.version)
