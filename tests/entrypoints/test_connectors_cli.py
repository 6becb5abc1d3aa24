"""The commands of connectors: for whoever connects a gateway, without programming."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from anlan.entrypoints.cli import root

MAP = """
id = "{name}"
title_zh = "试"
title_en = "Test"
[[rows]]
stream = "s"
value = "v"
time = "now"
[[examples]]
payload = '{{"v": {sent}}}'
came_at = 2026-01-01T00:00:00Z
rows = [{{ stream = "s", at = 2026-01-01T00:00:00Z, value = 1 }}]
"""


@pytest.fixture
def run(workspace_dir_or_none):
    def call(*args, language="en"):
        return CliRunner().invoke(root, ["connectors", *args], env={"ANLAN_LANG": language})

    return call


@pytest.fixture
def workspace_dir_or_none(settings, tmp_path):
    from anlan.infra import workspace

    settings.WORKSPACE = workspace.create(tmp_path / "ws", kind=workspace.WorkspaceKind.LIVE)
    return settings.WORKSPACE


def test_ready_maps_hold_what_they_promise(run):
    found = run("test", "things-stack-v3", "chirpstack-v4", "hj212-2017")
    assert found.exit_code == 0
    assert found.output == "3 maps, 5 examples, 0 do not hold.\n"


def test_a_difference_is_told_in_both_languages(run, tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(MAP.format(name="m", sent=2), encoding="utf-8")
    found = run("test", str(path))
    assert found.exit_code == 1
    assert "m example 1 rows[0]: expected s 2026-01-01T00:00:00+00:00 1.0, found s" in found.output
    assert "m 例 1 rows[0]：应为" in run("test", str(path), language="zh").output


def test_a_map_that_is_wrong_names_the_place_and_what_to_do(run, tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(MAP.format(name="m", sent=1).replace("value =", "worth ="), encoding="utf-8")
    found = run("check", str(path), "--format", "json")
    assert found.exit_code == 1
    (fault,) = json.loads(found.output)["faults"]
    assert fault["code"] == "connector.field_unknown"
    assert fault["params"] == {"map": "m", "place": "rows[0]", "field": "worth"}
    assert "worth" in run("check", str(path), language="zh").output
    assert run("check", "nothing-here").exit_code == 1


def test_a_ready_map_becomes_one_of_the_workspace_and_is_not_overwritten(
    run, workspace_dir_or_none
):
    assert run("check").exit_code == 3
    assert run("add", "plain-number").exit_code == 0
    assert (workspace_dir_or_none.connectors / "plain-number.toml").exists()
    again = run("add", "plain-number")
    assert again.exception is not None
    assert run("test").output == "1 maps, 2 examples, 0 do not hold.\n"
    listed = json.loads(run("list", "--format", "json").output)
    assert {"workspace", "ready"} == {
        item["where"] for item in listed if item["id"] == "plain-number"
    }
