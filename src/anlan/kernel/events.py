"""Events: facts in the past tense that rooms tell one another.

An event class is a frozen dataclass derived from :class:`Event`.  Its fields
are JSON-able (text, numbers, instants, enums, tuples and dicts of these) and
hold no contact data, free text or photo (I12).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True)
class Event:
    """Something that happened.  The class name is the event's stable name."""

    # By hand: ``slots=True`` would make a second class, and ``super()`` below would miss it.
    __slots__ = ()

    registered: ClassVar[dict[str, type[Event]]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        # A slotted dataclass is built twice under one name: the later one is the real one.
        known = Event.registered.get(cls.__name__)
        if known is not None and known.__module__ != cls.__module__:
            raise TypeError(f"two events are called {cls.__name__}")
        Event.registered[cls.__name__] = cls

    @property
    def name(self) -> str:
        """The stable name under which the event is journalled."""
        return type(self).__name__

    def payload(self) -> dict[str, object]:
        """Return the event's fields by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class Told:
    """An event as a handler hears it: with its place in the journal."""

    event: Event
    seq: int
    at: datetime
    actor: str
