"""Nothing is worded that nobody says, and nothing is offered that nobody calls."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import anlan
from anlan.infra.catalogue import ROOMS, entries
from anlan.kernel.errors import AnlanError
from anlan.notices.catalogue import messages

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "anlan"
WITH_A_FACE = [room for room in ROOMS if (SOURCE / room / "public.py").exists()]
# Said by the pieces from which their codes are put together: see the wording of messages.
PUT_TOGETHER = ("frame.", "system.sick.", "case.silence")


@cache
def code_of(folder: Path) -> str:
    """Return the code of a folder as one text, imports and lists of names left out."""
    texts = [
        path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.py"))
        if "migrations" not in path.parts
    ]
    return re.sub(
        r"^from [\w.]+ import (?:\([^)]*\)|.*)$|^__all__ = \[[^\]]*\]",
        "",
        "\n".join(texts),
        flags=re.MULTILINE,
    )


@cache
def refusals() -> list[type[AnlanError]]:
    for found in pkgutil.walk_packages(anlan.__path__, "anlan."):
        if not found.name.startswith(("anlan.__main__", "anlan.conf")):
            importlib.import_module(found.name)
    waiting, known = [AnlanError], []
    while waiting:
        for one in waiting.pop().__subclasses__():
            waiting.append(one)
            known.append(one)
    return [one for one in known if one.__module__.startswith("anlan.")]


def test_every_wording_is_of_a_refusal_that_is_made_or_a_code_that_is_named():
    made = {one.code for one in refusals()}
    named = code_of(SOURCE)
    assert [code for code in entries() if code not in made and f'"{code}"' not in named] == []


def test_every_refusal_is_made_somewhere():
    said = Counter(re.findall(r"\w+", code_of(SOURCE)))
    idle = [
        one.__name__ for one in refusals() if not one.__subclasses__() and said[one.__name__] < 2
    ]
    assert idle == []


def test_every_message_is_told():
    text = code_of(SOURCE)
    idle = [
        subject
        for subject in messages()
        if f'"{subject}"' not in text and not subject.startswith(PUT_TOGETHER)
    ]
    assert idle == []


@pytest.mark.parametrize("room", WITH_A_FACE)
def test_what_a_room_offers_is_called_or_in_the_contract(room):
    offered = importlib.import_module(f"anlan.{room}.public").__all__
    contract = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    others = "\n".join(
        code_of(path) if path.is_dir() else path.read_text(encoding="utf-8")
        for path in sorted(SOURCE.iterdir())
        if path.name != room
    )
    called = set(re.findall(r"\w+", others + contract))
    # A type that an offered call takes or gives is offered with it.
    typed = set(re.findall(r"(?:: |-> |\[|\| )([A-Z]\w+)", code_of(SOURCE / room)))
    assert [name for name in offered if name not in called | typed] == []
