"""Grading a danger by a method's factors; the methods are tables of the jurisdiction pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import prod

from anlan.kernel.scales import RiskGrade
from anlan.registry.domain.jurisdiction import RiskBand, RiskMethod
from anlan.response.domain.errors import UnknownFactorError


@dataclass(frozen=True, slots=True)
class Graded:
    """The outcome of a grading, with everything needed to recompute it."""

    method: str
    version: int
    factors: dict[str, float]
    score: Decimal
    grade: RiskGrade

    def plain(self) -> dict[str, object]:
        """Return it as it is kept on the case."""
        return {
            "method": self.method,
            "version": self.version,
            "factors": self.factors,
            "score": f"{self.score.normalize():f}",
        }


def grade_risk(method: RiskMethod, factors: Mapping[str, float]) -> Graded:
    """Grade a danger by the product of its factors (LEC: D = L x E x C; LS: R = L x S).

    The product is exact, so that a score on a bound falls where the band says it does.

    Raises
    ------
    UnknownFactorError
        When a factor is missing, unknown, or has a value the method's table does not hold.
    """
    if set(factors) != set(method.factors):
        wrong = sorted(set(factors) ^ set(method.factors))
        raise UnknownFactorError(method=method.id, factor=", ".join(wrong))
    for name, value in factors.items():
        if value not in {factor.value for factor in method.factors[name]}:
            raise UnknownFactorError(method=method.id, factor=name, value=value)
    score = prod((Decimal(str(factors[name])) for name in method.factors), start=Decimal(1))
    band = next((band for band in method.bands if _reaches(band, score)), None)
    if band is None:
        raise UnknownFactorError(method=method.id, factor="score", value=str(score))
    chosen = {name: float(factors[name]) for name in method.factors}
    return Graded(method.id, method.version, chosen, score, band.grade)


def _reaches(band: RiskBand, score: Decimal) -> bool:
    bound = Decimal(str(band.at_least))
    return score > bound if band.open else score >= bound
