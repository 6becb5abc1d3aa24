"""The scenarios that come with Anlan, as data files in the package."""

from __future__ import annotations

from importlib.resources import files

from anlan.kernel.errors import NotFoundError
from anlan.learning.domain.scenario import Scenario, parse

_FOLDER = files("anlan.learning").joinpath("scenarios")


class ScenarioUnknownError(NotFoundError):
    """There is no scenario of that name."""

    code = "scenario.unknown"


def names() -> list[str]:
    """Return the names of all scenarios."""
    return sorted(
        item.name.removesuffix(".yaml") for item in _FOLDER.iterdir() if item.name.endswith(".yaml")
    )


def scenario(name: str) -> Scenario:
    """Return a scenario by its name.

    Raises
    ------
    ScenarioUnknownError
        When there is none; the error lists those there are.
    """
    if name not in names():
        raise ScenarioUnknownError(name=name, known=", ".join(names()))
    return parse(_FOLDER.joinpath(f"{name}.yaml").read_bytes())
