"""Entities as the JSON of the standard, with what is expanded, each level in one go."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from anlan.sensing.domain.sta_errors import TooWideError
from anlan.sensing.sta import entities, looking, readings, times
from anlan.sensing.sta.catalogue import Numbers
from anlan.sensing.sta.evaluate import holds, ranks
from anlan.sensing.sta.looking import Found
from anlan.sensing.sta.model import (
    BASIC,
    KINDS,
    MULTI,
    QUANTITY,
    READING,
    STREAM,
    key,
    link,
    relation,
)
from anlan.sensing.sta.options import Options, window
from anlan.sensing.sta.readings import Readings
from anlan.sensing.sta.view import Entities, View
from anlan.sensing.store.rows import REMOVED, standing

MOST_SHOWN = 200_000
"""Entities of one answer, counted with those within others."""

Json = dict[str, Any]
Shown = tuple[list[Json], NDArray[np.int64]]
"""Entities, and how many each of them shows with those within."""


def chosen(view: View, kind: str, numbers: Numbers, options: Options) -> tuple[Numbers, int, bool]:
    """Return the page of entities, how many there are in all, and whether there are more."""
    if options.filter is not None:
        numbers = numbers[holds(options.filter, Entities(view, kind, numbers))]
    if options.order:
        numbers = numbers[np.lexsort(_keys(view, kind, numbers, options))]
    end = options.skip + options.rows(view.page)
    return numbers[options.skip : end], len(numbers), len(numbers) > end


def _keys(view: View, kind: str, numbers: Numbers, options: Options) -> list[NDArray[Any]]:
    return [numbers, *ranks(options.order, Entities(view, kind, numbers))]


def entities_shown(view: View, kind: str, numbers: Numbers, options: Options) -> Shown:
    """Return entities with everything that is expanded."""
    names = BASIC[kind] if options.select is None else options.select
    getters = [(x, entities.SAID[kind][x][1]) for x in names if x in entities.SAID[kind]]
    linked = [name for name in _linked(kind, options) if name not in dict(options.expand)]
    plain = options.select is None or "@iot.id" in options.select
    found = []
    for number in numbers.tolist():
        id_ = entities.id_of(view.of, kind, number)
        own = link(view.base, kind, id_)
        one: Json = {"@iot.id": id_, "@iot.selfLink": own} if plain else {}
        for name, getter in getters:
            value = getter(view.of, number)
            if value is not None:
                one[name] = value
        for name in linked:
            one[f"{name}@iot.navigationLink"] = f"{own}/{name}"
        found.append(one)
    weights = np.ones(len(found), np.int64)
    for name, within in options.expand:
        _expand(view, kind, numbers, name, within, (found, weights))
        if weights.sum() > MOST_SHOWN:
            raise TooWideError(limit=f"{MOST_SHOWN} entities")
    return found, weights


def _linked(kind: str, options: Options) -> list[str]:
    names = KINDS[kind].relations
    return [name for name in names if options.select is None or name in options.select]


def _expand(
    view: View, kind: str, numbers: Numbers, name: str, options: Options, shown: Shown
) -> None:
    """Put related entities into those that are shown."""
    if relation(kind, name).kind == READING:
        _expand_readings(view, kind, numbers, options, shown)
        return
    target, children, places = view.related(kind, numbers, name)
    if not relation(kind, name).many:
        _put_one(view, target, (children, places), name, options, shown)
        return
    if options.filter is not None:
        kept = holds(options.filter, Entities(view, target, children))
        children, places = children[kept], places[kept]
    keys = _keys(view, target, children, options)
    if kind == MULTI and target == QUANTITY:  # in the order of the results
        keys[0] = np.arange(len(children))
    order = np.lexsort([*keys, places])
    children, places = children[order], places[order]
    keep, counts, more = window(places, options.skip, options.rows(view.page))
    if keep.sum() > MOST_SHOWN:
        raise TooWideError(limit=f"{MOST_SHOWN} entities")
    parts = _of_unique(view, target, children[keep], options)
    whole = (view, kind, numbers, name)
    _put(whole, (options, counts, more), (places[keep], *parts), shown)


def _of_unique(view: View, kind: str, numbers: Numbers, options: Options) -> Shown:
    """Return entities of which each is made once, however often it is shown."""
    unique, inverse = np.unique(numbers, return_inverse=True)
    made, weights = entities_shown(view, kind, unique, options)
    return [made[place] for place in inverse.tolist()], weights[inverse]


def _put_one(
    view: View,
    kind: str,
    children: tuple[Numbers, Numbers],
    name: str,
    options: Options,
    shown: Shown,
) -> None:
    numbers, places = children
    made, weights = _of_unique(view, kind, numbers, options)
    for place, one in zip(places.tolist(), made, strict=True):
        shown[0][place][name] = one
    np.add.at(shown[1], places, weights)


def _put(
    whole: tuple[View, str, Numbers, str],
    asked: tuple[Options, dict[int, int], set[int]],
    parts: tuple[Numbers, list[Json], NDArray[np.int64]],
    shown: Shown,
) -> None:
    """Put the parts, sorted by whose they are, into the wholes, with count and next link."""
    view, kind, numbers, name = whole
    options, counts, more = asked
    places, made, weights = parts
    np.add.at(shown[1], places, weights)
    if shown[1].sum() > MOST_SHOWN:
        raise TooWideError(limit=f"{MOST_SHOWN} entities")
    for one in shown[0]:
        one[name] = []
    for place, part in zip(places.tolist(), made, strict=True):
        shown[0][place][name].append(part)
    if options.count:
        for place, one in enumerate(shown[0]):
            one[f"{name}@iot.count"] = counts.get(place, 0)
    following = following_of(view, options) if more else ""
    for place in more:
        id_ = entities.id_of(view.of, kind, int(numbers[place]))
        path = f"{KINDS[kind].plural}({key(id_)})/{name}"
        shown[0][place][f"{name}@iot.nextLink"] = f"{view.base}/{path}?{following}"


def _expand_readings(
    view: View, kind: str, numbers: Numbers, options: Options, shown: Shown
) -> None:
    unique, first = np.unique(numbers, return_index=True)
    found = looking.look(view, unique, options, of_each=True)
    made, weights = readings_shown(view, found.readings, options)
    # The wholes have different streams each, so a stream says whose a reading is.
    places = first[np.searchsorted(unique, found.readings.stream)]
    place_of = dict(zip(unique.tolist(), first.tolist(), strict=True))
    counts = {place_of[stream]: count for stream, count in found.counts.items()}
    more = {place_of[stream] for stream in found.more}
    whole = (view, kind, numbers, "Observations")
    _put(whole, (options, counts, more), (places, made, weights), shown)


def readings_shown(view: View, of: Readings, options: Options) -> Shown:
    """Return readings with everything that is expanded."""
    if of.size > MOST_SHOWN:
        raise TooWideError(limit=f"{MOST_SHOWN} entities")
    made = _plain_readings(view, of, options)
    weights = np.ones(len(made), np.int64)
    for name, within in options.expand:
        owners = view.only(name, of.stream)
        there = np.flatnonzero(owners >= 0)
        _put_one(view, name, (owners[there], there), name, within, (made, weights))
        if weights.sum() > MOST_SHOWN:
            raise TooWideError(limit=f"{MOST_SHOWN} entities")
    return made, weights


def _plain_readings(view: View, of: Readings, options: Options) -> list[Json]:
    names = set(BASIC[READING] if options.select is None else options.select)
    plain = options.select is None or "@iot.id" in names
    links = [name for name in _linked(READING, options) if name not in dict(options.expand)]
    columns = list(reading_columns(view, of, names).items())
    found = []
    for place, (id_, kind) in enumerate(zip(of.ids, kinds_of(of), strict=True)):
        own = link(view.base, READING, id_)
        one: Json = {"@iot.id": id_, "@iot.selfLink": own} if plain else {}
        for name, values in columns:
            one[name] = values[place]
        for name in links:
            if name not in {STREAM, MULTI} or name == kind:
                one[f"{name}@iot.navigationLink"] = f"{own}/{name}"
        found.append(one)
    return found


def kinds_of(of: Readings) -> list[str]:
    """Return whether each is an Observation of a Datastream or of a MultiDatastream."""
    if of.parts is None:
        return [STREAM] * of.size
    return [STREAM if place < 0 else MULTI for place in of.parts.place.tolist()]


def reading_columns(view: View, of: Readings, names: set[str]) -> dict[str, list[Any]]:
    """Return the chosen properties of readings, column by column."""
    found: dict[str, list[Any]] = {}
    if "phenomenonTime" in names:
        found["phenomenonTime"] = times.written(of.rows.at_us)
    if "resultTime" in names:
        found["resultTime"] = times.written(of.rows.result_us)
    if "result" in names:
        found["result"] = readings.results_of(of)
    if "resultQuality" in names:
        found["resultQuality"] = readings.qualities(of)
    if "parameters" in names and view.history:
        found["parameters"] = _told(of)
    return found


def _told(of: Readings) -> list[Json]:
    """Return what became of each row: whether it stands, and what it corrects or removes."""
    stands = np.isin(of.rows.id, standing(of.rows).id).tolist()
    found = []
    rows = zip(of.rows.about.tolist(), of.rows.quality.tolist(), stands, strict=True)
    for about, quality, stood in rows:
        told: Json = {"standing": stood}
        if about:
            told["removes" if quality == REMOVED else "corrects"] = about
        found.append(told)
    return found


def next_link(view: View, path: str, options: Options) -> str:
    """Return where the next page is."""
    return f"{view.base}/{quote(path, safe=SAFE)}?{following_of(view, options)}"


def following_of(view: View, options: Options) -> str:
    """Return what to ask for the next page."""
    given = [*options.text, ("$skip", str(options.skip + options.rows(view.page)))]
    return "&".join(f"{quote(x, safe='$')}={quote(y, safe=SAFE)}" for x, y in given)


SAFE = "$,()/;'=:@"


def arrays(view: View, found: Found, options: Options) -> list[Json]:
    """Return readings as data arrays, one for each stream or MultiDatastream."""
    names = set(BASIC[READING] if options.select is None else options.select)
    of = found.readings
    wanted: dict[str, list[Any]] = {}
    if options.select is None or "@iot.id" in names:
        wanted["id"] = of.ids
    wanted |= reading_columns(view, of, names)
    groups: dict[int, list[Any]] = {}
    kinds = dict(zip(of.stream.tolist(), kinds_of(of), strict=True))
    for stream, row in zip(of.stream.tolist(), zip(*wanted.values(), strict=True), strict=True):
        groups.setdefault(stream, []).append(row)
    return [
        {
            f"{kinds[stream]}@iot.navigationLink": link(
                view.base, kinds[stream], entities.id_of(view.of, kinds[stream], stream)
            ),
            "components": list(wanted),
            "dataArray@iot.count": len(rows),
            "dataArray": rows,
        }
        for stream, rows in groups.items()
    ]
