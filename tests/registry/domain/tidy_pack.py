# ruff: noqa: E501  packs stand here as their files do
"""A small city without any fault, as files: each test breaks one thing in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from anlan.registry.domain.findings import Finding
from anlan.registry.domain.lint import lint
from anlan.registry.domain.parse import read_city, read_jurisdiction

TODAY = date(2026, 11, 23)

GROUND = "basis: {title: Decision 1, article: Art 1}, confidence: local, effective_from: 2020-01-01"

FILES = {
    "city/city.yaml": """\
format: 1
id: tidy
name: {zh: 净城, en: Tidy}
version: 1
jurisdiction: law
timezone: Asia/Shanghai
calendar: work
root_area: C
commander_post: TOP
system_post: DESK
arbiter_post: DESK
""",
    "city/areas.csv": """\
code,kind,name_zh,parent,touches,valid_from,valid_to
C,city,净城,,,,
D1,district,东区,C,,,
D2,district,西区,C,,,
S1,street,一街,D1,,,
OLD,street,旧街,D1,,2010-01-01,2020-01-01
""",
    "city/areas.geojson": """\
{"type": "FeatureCollection", "features": [
{"type": "Feature", "properties": {"code": "C", "schematic": true}, "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]}},
{"type": "Feature", "properties": {"code": "D1", "schematic": true}, "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}},
{"type": "Feature", "properties": {"code": "D2", "schematic": true}, "geometry": {"type": "Polygon", "coordinates": [[[1, 0], [2, 0], [2, 1], [1, 1], [1, 0]]]}}
]}
""",
    "city/organisations.csv": """\
code,name_zh,kind,area
O,应急局,government,C
""",
    "city/posts.csv": """\
code,name_zh,organisation,area,superior
TOP,指挥长,O,C,
DESK,值班室,O,C,TOP
""",
    "city/holders.csv": """\
code,name,email
H1,值班员甲,h1@example.invalid
H2,值班员乙,h2@example.invalid
""",
    "city/rosters.csv": """\
post,holder,deputy,weekdays,start,end,valid_from
TOP,H1,H2,1;2;3;4;5;6;7,00:00,00:00,2020-01-01
DESK,H2,H1,1;2;3;4;5;6;7,08:00,20:00,2020-01-01
DESK,H1,H2,1;2;3;4;5;6;7,20:00,08:00,2020-01-01
""",
    "city/duties.csv": """\
area,hazard,level,post,valid_from,valid_to,basis
C,*,,DESK,2020-01-01,,Duty list 1
""",
    "city/risk_points.csv": """\
code,name_zh,kind,area,lat,lon,grade,owner_post,plan
R1,市场,market,D1,0.5,0.5,major,DESK,P1
""",
    "city/sensors.csv": """\
code,name_zh,quantity,unit,interval,area,risk_point,lat,lon
G1,探测器,gas,%LEL,1m,D1,R1,,
""",
    "city/ladders.yaml": f"""\
- {{id: up, name: {{zh: 梯, en: Up}}, rungs: [{{after: 0s, post: superior}}, {{after: 1h, post: commander}}], {GROUND}}}
""",
    "city/plans.yaml": f"""\
- {{id: P1, name: {{zh: 预案, en: Plan}}, hazards: ["*"], reviewed_on: 2026-01-01, response_asked: [{{hazard: met.rain, warning: red, response: I}}], {GROUND}}}
""",
    "city/rules.yaml": f"""\
- id: own.gas
  kind: threshold
  title: {{zh: 本市燃气, en: Own gas}}
  hazard: gas.leak
  advice: {{zh: 撤人, en: People out}}
  quantity: gas
  unit: "%LEL"
  limits: [{{level: red, raise_at: 50, clear_at: 5}}, {{level: yellow, raise_at: 5, clear_at: 1}}]
  basis: {{title: Decision 2}}
  confidence: local
  effective_from: 2020-01-01
- {{id: own.cluster, kind: cluster, title: {{zh: 群, en: Many}}, hazard: gas.leak, advice: {{zh: 看, en: Look}}, within_m: 100, limits: [{{level: red, reports: 3, within: 1h, strong: 2}}], {GROUND}}}
""",
    "city/clocks.yaml": f"""\
- {{id: own.handle, title: {{zh: 办, en: Handle}}, case: service, stage: handle, starts_on: CaseOpened, limit: 4d, calendar: working_days, replaces: law.handle, {GROUND}}}
""",
    "law/jurisdiction.yaml": """\
format: 1
id: law
name: {zh: 法, en: Law}
version: 1
timezone: UTC
emergency_numbers: {all: "112"}
""",
    "law/hazards.yaml": """\
- {id: gas.leak, name: {zh: 燃气, en: Gas}, event_class: accident, codes: {x: [G1]}}
- {id: met.rain, name: {zh: 雨, en: Rain}, event_class: natural, codes: {x: [R1]}}
""",
    "law/place_kinds.yaml": """\
- {id: market, name: {zh: 市场, en: Market}}
""",
    "law/quantities.yaml": """\
- {id: gas, name: {zh: 燃气, en: Gas}, unit: "%LEL"}
- {id: tilt, name: {zh: 倾斜, en: Tilt}, unit: mm}
""",
    "law/rules.yaml": f"""\
- {{id: lag.rain, kind: lag, title: {{zh: 滞, en: Lag}}, hazard: met.rain, advice: {{zh: 定, en: Decide}}, signal: {{hazard: met.rain, at_least: red}}, level: red, {GROUND}}}
""",
    "law/clocks.yaml": """\
- {id: law.handle, title: {zh: 办, en: Handle}, case: service, stage: handle, starts_on: CaseOpened, limit: 5d, calendar: working_days, basis: {title: Act, article: Art 5}, confidence: "V:L", effective_from: 2020-01-01}
""",
    "law/calendars.yaml": """\
- id: work
  name: {zh: 历, en: Work}
  weekend: [6, 7]
  hours: [{start: "09:00", end: "17:00"}]
  years:
    - {year: 2025, published: true, source: notice, holidays: []}
    - {year: 2026, published: true, source: notice, holidays: []}
    - {year: 2027, published: true, source: notice, holidays: []}
""",
    "law/lexicon.yaml": """\
- {hazard: gas.leak, words: {zh: [燃气], en: [gas]}}
""",
}


def write(root: Path, **changed: str | bytes | None) -> None:
    """Write the tidy pack below ``root``; ``changed`` names files by ``city__areas_csv``."""
    for name, text in FILES.items():
        put(root, name, text)
    for name, content in changed.items():
        put(root, name, content)


def put(root: Path, name: str, content: str | bytes | None) -> None:
    """Write one file; ``None`` removes it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8")


def lint_in(root: Path, today: date = TODAY) -> list[Finding]:
    """Return what the linter says of the packs below ``root``."""
    return lint(read_city(root / "city"), read_jurisdiction(root / "law"), today=today)
