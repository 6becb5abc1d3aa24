"""One change of the tidy pack for every kind of finding, and what must be said of it."""

from __future__ import annotations

from typing import NamedTuple

from tests.registry.domain.tidy_pack import FILES, GROUND

Content = str | bytes | None


class Fault(NamedTuple):
    """One change of the tidy pack, and what must be said of it."""

    code: str
    file: str
    old: str
    new: Content = ""
    line: int | None = None
    # A finding that follows from this one by necessity and says so.
    also: tuple[str, ...] = ()
    at: str | None = None  # where the finding stands, when not in the changed file
    count: int = 1


WHOLE = ""  # `old` for a change of the whole file
RULES, CLOCKS, POSTS = "city/rules.yaml", "city/clocks.yaml", "city/posts.csv"
AREAS, SHAPES, LADDERS = "city/areas.csv", "city/areas.geojson", "city/ladders.yaml"
POINTS, SENSORS, ROSTERS = "city/risk_points.csv", "city/sensors.csv", "city/rosters.csv"
DUTIES, HOLDERS, PLANS = "city/duties.csv", "city/holders.csv", "city/plans.yaml"

D2_SHAPE = "[[1, 0], [2, 0], [2, 1], [1, 1], [1, 0]]"
TWO_RULES = FILES[RULES].split("- {id: own.cluster")[0]


# A conjunction that nothing begins.
ENDLESS = (
    "- {id: own.c, kind: conjunction, title: {zh: 合, en: Both}, hazard: gas.leak, "
    f"advice: {{zh: 看, en: Look}}, place_kinds: [market], level: red, {GROUND}}}\n"
)


LATER_RULE = (
    TWO_RULES.replace("2020-01-01", "2027-06-01")
    .replace("confidence: local", "version: 2\n  confidence: local")
    .replace("id: own.gas", "id: own.later")
)


def text(file: str, old: str, new: str) -> str:
    assert FILES[file].count(old) >= 1, (file, old)
    return FILES[file].replace(old, new, 1)


FAULTS = [
    # --- files ---
    Fault("file.unknown", "city/sensor.csv", WHOLE, "code\n", 0),
    Fault("file.unknown", "city/rules/mine.yml", WHOLE, "[]\n", 0),
    Fault("file.unknown", "city/SENSORS.CSV", WHOLE, "code\n", 0),
    Fault("file.unknown", "city/areas.xlsx", WHOLE, "PK", 0),
    Fault("file.encoding", HOLDERS, WHOLE, FILES[HOLDERS].encode("gbk"), 2, at=HOLDERS),
    Fault("file.control", HOLDERS, "值班员乙", "值\x07", 3),
    Fault("file.control", HOLDERS, WHOLE, FILES[HOLDERS].replace("\n", "\r").encode(), 1),
    Fault("file.syntax", PLANS, WHOLE, "- {id: P1, name: [}\n", 1),
    Fault("file.syntax", SHAPES, "]}\n", "]\n", 6),
    Fault("file.syntax", HOLDERS, "H2,值班员乙", 'H2,"值"x', 3),
    Fault("yaml.alias", CLOCKS, "- {id: own.handle", "- &a {id: own.handle", 1),
    Fault("yaml.depth", CLOCKS, WHOLE, "- " + "[" * 60 + "]" * 60 + "\n", 1),
    Fault("yaml.tag", CLOCKS, WHOLE, "- !!python/object/apply:os.system [ls]\n", 1),
    Fault("yaml.documents", CLOCKS, WHOLE, FILES[CLOCKS] + "---\n[]\n", 2),
    Fault("yaml.key", CLOCKS, WHOLE, "- {[a]: b}\n", 1),
    Fault("yaml.duplicate_key", CLOCKS, "limit: 4d", "limit: 4d, limit: 3d", 1),
    Fault("yaml.not_a_list", CLOCKS, WHOLE, "clocks: []\n", 1),
    Fault("csv.empty", SENSORS, WHOLE, "", 1),
    Fault("csv.unknown_column", SENSORS, "lat,lon", "lat,lng", 1),
    Fault("csv.missing_column", HOLDERS, "code,name,email", "code,phone,email", 1),
    Fault("csv.column_twice", SENSORS, "lat,lon", "lat,lat", 1),
    Fault("csv.width", AREAS, "D1,district,东区,C,,,", "D1,district,东区,C,,,,", 3),
    Fault("geo.collection", SHAPES, "FeatureCollection", "Feature", 1),
    Fault("geo.feature", SHAPES, D2_SHAPE, "[[1, 0], [2, 0], [2, 1], [1, 1]]", 4),
    # Positions that a geometry library refuses, or that fit no float.
    Fault("geo.feature", SHAPES, D2_SHAPE, D2_SHAPE.replace("[2, 0]", "[2, 0, 5]"), 4),
    Fault(
        "geo.feature",
        SHAPES,
        D2_SHAPE,
        D2_SHAPE.replace("0]", '0, "up"]').replace("1]", "1, 0]"),
        4,
    ),
    Fault(
        "geo.feature",
        SHAPES,
        D2_SHAPE,
        D2_SHAPE.replace("0]", "0, null]").replace("1]", "1, 0]"),
        4,
    ),
    Fault("geo.feature", SHAPES, D2_SHAPE, D2_SHAPE.replace("[2, 0]", f"[1{'0' * 400}, 0]"), 4),
    Fault("geo.feature", SHAPES, D2_SHAPE, D2_SHAPE.replace("[2, 0]", "[1e999, 0]"), 4),
    # --- entries ---
    Fault("entry.missing", CLOCKS, "limit: 4d, ", "", 1),
    Fault("entry.unknown", CLOCKS, "limit: 4d", "limit: 4d, limitt: 3d", 1),
    Fault("entry.word", CLOCKS, "working_days", "workdays", 1),
    Fault("entry.date", CLOCKS, "2020-01-01", "2020-13-01", 1),
    Fault("entry.type", RULES, "raise_at: 50", "raise_at: fifty", 8),
    Fault("entry.number", RULES, "raise_at: 50", "raise_at: nan", 1),
    Fault("entry.span", CLOCKS, "limit: 4d", "limit: 4 days", 1),
    Fault("entry.span", CLOCKS, "limit: 4d", "limit: 0d", 1),
    Fault("entry.span", SENSORS, "%LEL,1m", "%LEL,0s", 2),
    Fault("entry.span", LADDERS, "rungs:", "repeat: 0.0s, rungs:", 1),
    Fault("entry.name", CLOCKS, "id: own.handle", "id: Own handle", 1),
    Fault("entry.name", SENSORS, "G1,", "G 1,", 2),
    Fault("entry.range", POINTS, "0.5,0.5", "113.6,34.7", 2),  # swapped
    Fault(
        "entry.length",
        LADDERS,
        "[{after: 0s, post: superior}, {after: 1h, post: commander}]",
        "[]",
        1,
    ),
    Fault("entry.refused", RULES, WHOLE, FILES[RULES] + ENDLESS, 13),
    Fault("entry.twice", HOLDERS, WHOLE, FILES[HOLDERS] + "H1,丙,c@example.invalid\n", 4),
    # --- nobody answers ---
    Fault("duty.none", DUTIES, "C,*,", "C,met.*,", 2, at=AREAS),
    Fault("duty.none", DUTIES, "C,*,", "C,*,red", 2, at=AREAS, count=2),
    Fault("duty.twice", DUTIES, WHOLE, FILES[DUTIES] + "C,*,,TOP,2021-01-01,,Duty list 2\n", 3),
    Fault("post.no_holder", ROSTERS, "DESK,H1,H2,1;2;3;4;5;6;7", "DESK,H1,H2,2;3", 3, at=POSTS),
    Fault("post.no_deputy", ROSTERS, "DESK,H1,H2", "DESK,H1,", 4),
    Fault("post.no_deputy", ROSTERS, "DESK,H1,H2", "DESK,H1,H1", 4),
    Fault("holder.no_contact", HOLDERS, "h2@example.invalid", "", 3),
    Fault("ladder.none", LADDERS, "rungs:", "hazard: met.*, rungs:", at="city/city.yaml", count=3),
    Fault(
        "ladder.unreachable",
        HOLDERS,
        "h1@example.invalid\nH2,值班员乙,h2@example.invalid",
        "\nH2,值班员乙,",
        1,
        at=LADDERS,
        also=("holder.no_contact",),
    ),
    Fault("ladder.dead_end", POSTS, "DESK,值班室,O,C,TOP", "DESK,值班室,O,C,", 3),
    Fault("ladder.loop", POSTS, "TOP,指挥长,O,C,", "TOP,指挥长,O,C,DESK", 2),
    Fault(
        "ladder.loop",
        LADDERS,
        "{after: 1h, post: commander}",
        "{after: 1h, post: TOP}, {after: 2h, post: DESK}, {after: 3h, post: commander}",
        1,
    ),
    Fault("ladder.order", LADDERS, "after: 1h", "after: 0s", 1),
    # --- places ---
    Fault("risk_point.no_owner", POINTS, "major,DESK", "major,", 2),
    Fault("risk_point.no_grade", POINTS, "major", "", 2),
    Fault("risk_point.no_plan", POINTS, "DESK,P1", "DESK,", 2),
    Fault("risk_point.nowhere", POINTS, "0.5,0.5", ",", 2),
    Fault("point.outside", POINTS, "0.5,0.5", "0.5,1.5", 2),
    Fault("point.outside", SENSORS, "R1,,", "R1,0.5,1.5", 2),
    Fault("sensor.nowhere", SENSORS, "R1,,", ",,", 2),
    Fault("area.overlap", SHAPES, D2_SHAPE, D2_SHAPE.replace("[1, ", "[0.9, "), 4, at=AREAS),
    Fault("area.gap", SHAPES, D2_SHAPE, D2_SHAPE.replace("[1, ", "[1.1, "), 2, at=AREAS),
    Fault("area.outside", SHAPES, D2_SHAPE, D2_SHAPE.replace("[2, ", "[2.1, "), 4, at=AREAS),
    Fault(
        "area.shape_invalid",
        SHAPES,
        D2_SHAPE,
        "[[1, 0], [2, 1], [2, 0], [1, 1], [1, 0]]",
        4,
        also=("area.no_shape",),
    ),
    Fault(
        "area.no_shape",
        AREAS,
        "S1,street,一街,D1,,,",
        "S1,street,一街,D1,,,\nD3,district,北区,C,,,",
        6,
    ),
    Fault(
        "area.loop",
        AREAS,
        "D1,district,东区,C",
        "D1,district,东区,S1",
        3,
        also=("area.gap",),
    ),
    Fault("area.orphan", AREAS, "S1,street,一街,D1", "S1,street,一街,", 5, also=("duty.none",)),
    # --- law and rules ---
    Fault("rule.no_basis", RULES, "{title: Decision 2}", "{title: 待定}", 1),
    # A rule that takes effect next year is looked at today.
    Fault("unit.rule", RULES, WHOLE, FILES[RULES] + LATER_RULE.replace('"%LEL"', "ppm"), 13),
    Fault(
        "rule.no_basis", RULES, "  basis: {title: Decision 2}\n", "", 1, also=("sensor.no_rule",)
    ),
    Fault("rule.no_article", RULES, "confidence: local", 'confidence: "V:L"', 1),
    Fault(
        "rule.twice",
        RULES,
        WHOLE,
        TWO_RULES + TWO_RULES.replace("hazard:", "version: 2\n  hazard:"),
        12,
    ),
    Fault(
        "rule.twice",
        CLOCKS,
        WHOLE,
        FILES[CLOCKS].replace("own.handle", "law.handle").replace("replaces: law.handle, ", ""),
        1,
    ),
    Fault(
        "rule.twice",
        CLOCKS,
        WHOLE,
        FILES[CLOCKS] + FILES[CLOCKS].replace("own.handle", "own.two"),
        2,
    ),
    Fault("rule.low_confidence", RULES, "confidence: local", 'confidence: "M:L"', 1),
    Fault(
        "rule.no_sensor",
        RULES,
        WHOLE,
        FILES[RULES]
        + TWO_RULES.replace("own.gas", "own.tilt")
        .replace("quantity: gas", "quantity: tilt")
        .replace('"%LEL"', "mm"),
        13,
    ),
    Fault(
        "rule.unused",
        "law/rules.yaml",
        WHOLE,
        FILES["law/rules.yaml"]
        + TWO_RULES.replace("own.gas", "law.tilt")
        .replace("quantity: gas", "quantity: tilt")
        .replace('"%LEL"', "mm"),
        2,
    ),
    Fault("sensor.no_rule", SENSORS, "gas,%LEL", "tilt,mm", 2, also=("rule.no_sensor",)),
    Fault(
        "sensor.no_rule",
        RULES,
        "  quantity: gas\n",
        "  quantity: gas\n  only_place_kinds: [school]\n",
        2,
        at=SENSORS,
        also=("code.unknown",),
    ),
    Fault(
        "rule.no_words",
        RULES,
        "title: {zh: 群, en: Many}, hazard: gas.leak",
        "title: {zh: 群, en: Many}, hazard: met.rain",
        12,
    ),
    Fault("rule.levels", RULES, "raise_at: 5,", "raise_at: 60,", 1),
    Fault("rule.level_twice", RULES, "level: yellow", "level: red", 1),
    Fault("rule.hysteresis", RULES, "raise_at: 5, clear_at: 1", "raise_at: 5, clear_at: 6", 1),
    Fault(
        "rule.window_budget",
        RULES,
        WHOLE,
        FILES[RULES]
        .replace("kind: threshold", "kind: window\n  function: mean")
        .replace("level: red, raise_at", "window: 15d, level: red, raise_at")
        .replace("level: yellow, raise_at", "window: 1h, level: yellow, raise_at"),
        1,
    ),
    Fault("rule.strong", RULES, "strong: 2", "strong: 4", 12),
    Fault("unit.rule", RULES, 'unit: "%LEL"', "unit: ppm", 1),
    Fault("unit.sensor", SENSORS, "%LEL", "ppm", 2),
    Fault("clock.looser", CLOCKS, "limit: 4d", "limit: 6d", 1),
    Fault(
        "clock.looser",
        CLOCKS,
        "limit: 4d, calendar: working_days",
        "limit: 41h, calendar: working_hours",
        1,
    ),
    Fault(
        "clock.looser",
        CLOCKS,
        "limit: 4d, calendar: working_days",
        "limit: 6d, calendar: natural",
        1,
    ),
    Fault(
        "lag.no_plan",
        PLANS,
        "hazard: met.rain, warning",
        "hazard: gas.leak, warning",
        1,
        at="law/rules.yaml",
    ),
    Fault(
        "plan.contradicts",
        PLANS,
        WHOLE,
        FILES[PLANS]
        + FILES[PLANS].replace("id: P1", "id: P2").replace("response: I", "response: II"),
        2,
    ),
    Fault("plan.stale", PLANS, "2026-01-01", "2023-01-01", 1),
    # --- codes and time ---
    Fault(
        "code.unknown",
        "city/city.yaml",
        "commander_post: TOP",
        "commander_post: TIP",
        9,
    ),
    Fault("code.unknown", "city/city.yaml", "Asia/Shanghai", "Asia/Nowhere", 6),
    Fault("code.unknown", POINTS, "market", "markt", 2),
    Fault(
        "code.unknown",
        DUTIES,
        WHOLE,
        FILES[DUTIES] + "C,gas.leek,,TOP,2021-01-01,,Duty list 2\n",
        3,
    ),
    Fault("code.unknown", ROSTERS, "TOP,H1,H2", "TOP,H1,H9", 2, also=("post.no_deputy",)),
    Fault("code.unknown", CLOCKS, "replaces: law.handle", "replaces: law.hanndle", 1),
    Fault("code.unknown", RULES, "  limits:", "  then: {tell: [NOBODY]}\n  limits:", 1),
    Fault("code.unknown", SHAPES, '"D2"', '"D9"', 4, also=("area.no_shape",)),
    Fault(
        "code.expired",
        DUTIES,
        WHOLE,
        FILES[DUTIES] + "OLD,gas.leak,,DESK,2021-01-01,,Duty list 2\n",
        3,
    ),
    Fault("period.empty", DUTIES, "2020-01-01,,", "2020-01-01,2020-01-01,", 2, also=("duty.none",)),
    Fault(
        "period.empty",
        CLOCKS,
        "effective_from: 2020-01-01",
        "effective_from: 2020-01-01, effective_to: 2019-01-01",
        1,
    ),
    Fault(
        "calendar.short",
        "law/calendars.yaml",
        "    - {year: 2027, published: true, source: notice, holidays: []}\n",
        "",
        1,
    ),
    Fault("calendar.gap", "law/calendars.yaml", "year: 2025", "year: 2024", 1),
    Fault(
        "calendar.projected",
        "law/calendars.yaml",
        "year: 2027, published: true",
        "year: 2027, published: false",
        1,
    ),
    Fault("hazard.code_twice", "law/hazards.yaml", "x: [R1]", "x: [G1]", 2),
]
# Faults of size and of whole files have tests of their own below.
APART = {
    "csv.shortened",
    "file.missing",
    "file.too_large",
    "file.more",
    "csv.long_line",
    "check.stopped",
}
