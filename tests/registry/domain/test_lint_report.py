"""The linter's report: a table for people, JSON for machines."""

from __future__ import annotations

import json
from pathlib import Path

from anlan.registry.domain.findings import finding
from anlan.registry.domain.lint_report import as_json, as_table
from tests.registry.domain.tidy_pack import lint_in, put, write


def test_the_table_explains_each_kind_once_and_counts() -> None:
    found = [
        finding("risk_point.no_owner", "risk_points.csv", 2, point="桥"),
        finding("risk_point.no_owner", "risk_points.csv", 30, point="井"),
        finding("rule.unused", "cn/rules.yaml", 7, id="x", reason="y"),
    ]
    zh, en = as_table(found, "zh"), as_table(found, "en")
    assert zh.count("它的隐患只能靠猜来找人") == 1
    assert zh.count("没有责任岗位") == 2
    assert "risk_points.csv:30" in en
    assert en.splitlines()[-1] == "3 findings: 2 warning, 1 note."
    assert zh.splitlines()[-1] == "共 3 项：2 警告, 1 提示。"


def test_columns_line_up_when_names_are_chinese() -> None:
    found = [
        finding("file.unknown", "地区.csv", 1),
        finding("file.unknown", "abc.csv", 1),
    ]
    rows = [line for line in as_table(found, "en").splitlines() if "file.unknown" in line]
    # 地区 takes four columns, as much as two letters less than it has characters.
    assert rows[0].index("warning") + 2 == rows[1].index("warning")


def test_nothing_found_is_said() -> None:
    assert as_table([], "zh") == "未发现问题。"
    assert json.loads(as_json([])) == {
        "counts": {"error": 0, "warning": 0, "note": 0},
        "findings": [],
    }


def test_json_holds_code_place_and_words(tmp_path: Path) -> None:
    write(tmp_path)
    put(
        tmp_path,
        "city/sensors.csv",
        "code,name_zh,quantity,unit,interval,area\nG1,器,gas,%LEL,1m,D1\n",
    )
    data = json.loads(as_json(lint_in(tmp_path)))
    (item,) = data["findings"]
    assert (item["code"], item["severity"]) == ("sensor.nowhere", "warning")
    assert (item["file"], item["line"]) == ("sensors.csv", 2)
    assert item["what"]["zh"].startswith("传感器 G1")
    assert item["do"]["en"]


def test_a_value_is_shown_and_never_interpreted() -> None:
    item = finding("entry.word", "x.csv", 1, value="{where}\x1b[31m" + "x" * 500, where="kind")
    said = item.words("en").what
    assert "\x1b" not in said
    assert "{where}" in said
    assert len(item.params["value"]) == 200
