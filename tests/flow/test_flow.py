"""The flow on one page is complete, and every refusal has its wording."""

from __future__ import annotations

import importlib
import pkgutil
from string import Formatter

import anlan
from anlan.flow import REACTIONS
from anlan.infra import catalogue, delivery
from anlan.kernel.errors import AnlanError
from anlan.kernel.events import Event


def _import_everything():
    for module in pkgutil.walk_packages(anlan.__path__, "anlan."):
        skip = ("migrations", "__main__", "anlan.conf.settings", "verifier", "fast")
        if not any(part in module.name for part in skip):
            importlib.import_module(module.name)


_import_everything()


def _subclasses(cls):
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def test_every_event_stands_in_the_flow_table():
    declared = {cls.__name__ for cls in _subclasses(Event) if cls.__module__.startswith("anlan.")}
    assert declared == {event.__name__ for event in REACTIONS}


def test_listeners_have_distinct_names():
    listeners = {listener for heard in REACTIONS.values() for listener in heard}
    assert len({delivery.listener_name(one) for one in listeners}) == len(listeners)


def test_every_error_code_has_its_wording_in_both_languages():
    codes = {cls.code for cls in _subclasses(AnlanError) if cls.__module__.startswith("anlan.")}
    entries = catalogue.entries()
    assert not sorted(codes - set(entries)), "codes without wording"
    for code, texts in entries.items():
        assert set(texts) == {"zh_what", "zh_do", "en_what", "en_do"}, code
        assert all(text.strip() for text in texts.values()), code


def test_wording_fills_what_is_known_and_never_fails():
    for code, texts in catalogue.entries().items():
        for language in ("zh", "en", "fr"):
            filled = catalogue.wording(code, {}, language)
            assert filled["what"]
            assert filled["do"]
        for text in texts.values():
            assert all(
                name is None or name.isidentifier() for _, name, _, _ in Formatter().parse(text)
            )


def test_an_unknown_code_still_says_something():
    assert catalogue.wording("no.such.code", {}, "en")["what"]
