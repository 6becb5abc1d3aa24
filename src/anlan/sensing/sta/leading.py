"""Following an address to what it names, and answering what is asked there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from anlan.kernel.errors import NotAllowedError
from anlan.sensing.domain.sta_errors import EntityUnknownError, OptionError
from anlan.sensing.sta import answers, entities, looking
from anlan.sensing.sta.answers import Json
from anlan.sensing.sta.catalogue import Numbers
from anlan.sensing.sta.model import (
    BASIC,
    KINDS,
    MULTI,
    QUANTITY,
    READING,
    SETS,
    STREAM,
    THING,
    link,
    relation,
)
from anlan.sensing.sta.options import Options, options_of
from anlan.sensing.sta.paths import Step, steps_of
from anlan.sensing.sta.readings import Readings
from anlan.sensing.sta.view import View

READS = "signs:read"


class Place(NamedTuple):
    """Where an address leads: to one entity or to many of a kind, and to what is asked of it."""

    kind: str
    numbers: Numbers  # of entities; for readings, of their streams
    reading: Readings | None
    many: bool
    rest: tuple[str, ...] = ()  # a property, $value, $ref


def lead(view: View, path: str) -> Place:
    """Return where a path leads.

    Raises
    ------
    EntityUnknownError
        When something on the way does not exist or may not be seen.
    """
    steps = steps_of(path)
    place = _begin(view, steps[0])
    for number, step in enumerate(steps[1:], start=1):
        if step.name in KINDS[place.kind].relations and not place.many:
            place = _follow(view, place, step)
            continue
        rest = tuple(one.name for one in steps[number:])
        if any(one.id is not None for one in steps[number:]) or not _may_follow(place, rest):
            raise EntityUnknownError(what="path", id=path[:80])
        return place._replace(rest=rest)
    return place


def _may_follow(place: Place, rest: tuple[str, ...]) -> bool:
    if rest == ("$ref",):
        return True
    known = rest[0] in BASIC[place.kind]
    return not place.many and known and rest[1:] in {(), ("$value",)}


def _begin(view: View, step: Step) -> Place:
    kind = SETS[step.name]
    if kind == READING:
        if step.id is not None:
            return _of_reading(view, step.id)
        owners = np.flatnonzero(view.sees(STREAM) | view.sees(MULTI))
        return Place(kind, owners, None, many=True)
    if step.id is not None:
        return Place(kind, np.array([view.number(kind, step.id)]), None, many=False)
    return Place(kind, np.flatnonzero(view.sees(kind)), None, many=True)


def _of_reading(view: View, id_: str | int, stream: int | None = None) -> Place:
    may_read(view)
    found = looking.one(view, id_, stream) if isinstance(id_, int) else looking.row(view, id_)
    return Place(READING, found.stream, found, many=False)


def may_read(view: View) -> None:
    """Refuse readings to whoever may not see any."""
    if not view.reads:
        raise NotAllowedError(permission=READS)


def _follow(view: View, place: Place, step: Step) -> Place:
    led = relation(place.kind, step.name)
    if led.kind == READING:
        if step.id is None:
            return Place(READING, place.numbers, None, many=True)
        found = _of_reading(view, step.id, _stream_in(place))
        if found.numbers[0] != place.numbers[0]:
            raise EntityUnknownError(what="Observations", id=step.id)
        return found
    if place.kind == READING:
        if (
            view.only(led.kind, place.numbers) < 0
        ).any():  # of a Datastream, or of a MultiDatastream
            raise EntityUnknownError(what=step.name, id="")
        return Place(led.kind, place.numbers, None, many=False)
    _, children, _ = view.related(place.kind, place.numbers, step.name)
    if step.id is not None:
        children = children[children == view.number(led.kind, step.id)]
    one = not led.many or step.id is not None
    if one and not len(children):
        raise EntityUnknownError(what=step.name, id="" if step.id is None else str(step.id)[:80])
    in_order = place.kind == MULTI and led.kind == QUANTITY  # as its results are
    return Place(led.kind, children if in_order else np.sort(children), None, many=not one)


def _stream_in(place: Place) -> int | None:
    """Return the stream that a path has named so far."""
    return int(place.numbers[0]) if place.kind == STREAM else None


class Plain(NamedTuple):
    """The bare value of a property."""

    value: Any


def answer(view: View, path: str, given: Mapping[str, str]) -> Json | Plain:
    """Return what is asked at a path.

    Raises
    ------
    QueryError, EntityUnknownError
        When the question cannot be understood, or leads nowhere.
    """
    place = lead(view, path)
    options = options_of(place.kind, given)
    _check_allowed(view, place, options)
    if not place.many:
        return _single(view, place, options)
    if options.arrays and place.kind != READING:
        raise OptionError(option="$resultFormat", problem="only Observations come as data arrays")
    return _set(view, place, path.strip("/"), options)


def _check_allowed(view: View, place: Place, options: Options) -> None:
    if place.kind == READING:
        may_read(view)
    waiting = [(place.kind, options)]
    while waiting:
        kind, one = waiting.pop()
        for name, within in one.expand:
            target = relation(kind, name).kind
            if target == READING:
                may_read(view)
            waiting.append((target, within))


def _single(view: View, place: Place, options: Options) -> Json | Plain:
    if place.rest and place.rest[0] != "$ref":
        options = Options(select=(place.rest[0],))
    if place.reading is not None:
        shown, _ = answers.readings_shown(view, place.reading, options)
    else:
        shown, _ = answers.entities_shown(view, place.kind, place.numbers, options)
    if not place.rest:
        return shown[0]
    if place.rest == ("$ref",):
        return {"@iot.selfLink": shown[0]["@iot.selfLink"]}
    value = shown[0].get(place.rest[0])
    if place.rest[1:] == ("$value",) or value is None:
        return Plain(value)
    return {place.rest[0]: value}


def _set(view: View, place: Place, path: str, options: Options) -> Json:
    asked = place.rest == ("$ref",)
    if place.kind == READING:
        found = looking.look(view, place.numbers, options, of_each=_of_one(place))
        total = sum(found.counts.values())
        more = bool(found.more)
        if options.arrays:
            shown = answers.arrays(view, found, options)
        elif asked:
            ids = found.readings.ids
            shown = [{"@iot.selfLink": link(view.base, READING, one)} for one in ids]
        else:
            shown, _ = answers.readings_shown(view, found.readings, options)
    else:
        page, total, more = answers.chosen(view, place.kind, place.numbers, options)
        if asked:
            ids = [entities.id_of(view.of, place.kind, one) for one in page.tolist()]
            shown = [{"@iot.selfLink": link(view.base, place.kind, one)} for one in ids]
        else:
            shown, _ = answers.entities_shown(view, place.kind, page, options)
    found_all: Json = {"@iot.count": total} if options.count else {}
    if more:
        found_all["@iot.nextLink"] = answers.next_link(view, path, options)
    return {**found_all, "value": shown}


def _of_one(place: Place) -> bool:
    """Return whether the readings of one stream are asked for: its newest is known without a look."""
    return len(place.numbers) == 1


def owner_of(view: View, path: str) -> tuple[str, str]:
    """Return kind and code of the stream whose readings a path names; empty for those of all.

    Raises
    ------
    EntityUnknownError
        When it names something else.
    """
    place = lead(view, path)
    if place.kind != READING or not place.many or place.rest:
        raise EntityUnknownError(what="path", id=path[:80])
    if not steps_of(path)[1:]:
        return "", ""
    number = int(place.numbers[0])
    kind = STREAM if number < len(view.of.streams) else MULTI
    return kind, entities.id_of(view.of, kind, number)


def thing_of(view: View, path: str, kind: str) -> str:
    """Return the Thing within which a path enters an entity; empty where it names none.

    Raises
    ------
    EntityUnknownError
        When entities of the kind are not entered there.
    """
    steps = steps_of(path)
    if len(steps) == 1 and steps[0].id is None:
        return ""
    place = lead(view, path.rpartition("/")[0])
    if (
        place.kind != THING
        or place.many
        or place.rest
        or kind not in {STREAM, MULTI}
        or steps[-1].id is not None
    ):
        raise EntityUnknownError(what="path", id=path[:80])
    return entities.id_of(view.of, THING, int(place.numbers[0]))
