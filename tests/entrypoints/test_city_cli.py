"""``anlan city check``: whatever the folder holds, it says what is wrong, where and what to do."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anlan.entrypoints import clock
from anlan.entrypoints.cli.city import city
from anlan.registry.domain.parse import city_folder


def check(folder: Path, *words: str, language: str = "en") -> Result:
    return CliRunner().invoke(
        city, ["check", str(folder), *words], env={"ANLAN_LANG": language}, catch_exceptions=False
    )


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return Path(shutil.copytree(city_folder("demo"), tmp_path / "my-city"))


def test_the_demo_city_is_clean(demo: Path) -> None:
    done = check(demo, "--today", "2026-11-23")
    assert done.exit_code == 0
    assert "error" not in done.output


@pytest.mark.parametrize(
    ("head", "place"),
    [
        (None, "city.yaml "),
        (b"", "city.yaml:1 "),
        (b"- a\n- b\n", "city.yaml:1 "),
        ("id: 城\n".encode("utf-16"), "city.yaml:1 "),
        (b"format: 1\nid: [\n", "city.yaml:3 "),
    ],
)
def test_a_head_that_cannot_be_read_is_a_finding(
    head: bytes | None, place: str, demo: Path
) -> None:
    (demo / "city.yaml").unlink()
    if head is not None:
        (demo / "city.yaml").write_bytes(head)
    done = check(demo)
    assert done.exit_code == 1
    assert done.output.startswith(place)
    assert "    do: " in done.output
    found = json.loads(check(demo, "--format", "json").output)
    assert found["counts"]["error"] >= 1
    assert found["findings"][0]["file"] == "city.yaml"


def test_a_jurisdiction_that_does_not_exist_is_a_finding(demo: Path) -> None:
    text = (demo / "city.yaml").read_text(encoding="utf-8")
    (demo / "city.yaml").write_text(text.replace("jurisdiction: cn", "jurisdiction: cm"))
    line = text[: text.index("jurisdiction: cn")].count("\n") + 1
    done = check(demo)
    assert done.exit_code == 1
    assert done.output.startswith(f"city.yaml:{line} ")
    assert "cm" in done.output


def test_a_jurisdiction_beside_the_folder_is_found_from_within_it(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    law = demo.parent / "cn"
    shutil.copytree(city_folder("demo").parents[1] / "cn", law)
    (law / "calendars.yaml").write_text("[]\n")
    monkeypatch.chdir(demo)
    assert "cn/calendars.yaml" not in check(demo).output
    assert "calendar: cn" in (demo / "city.yaml").read_text(encoding="utf-8")
    assert "工作日历 calendar" in check(Path()).output


@pytest.mark.parametrize(("hour", "empty_from"), [(15, {"00:00"}), (16, {"18:00"})])
def test_tonight_is_the_night_where_the_city_is(
    hour: int, empty_from: set[str], demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 16:00 UTC the next day has begun in Shanghai."""
    now = datetime(2026, 11, 23, hour, 30, tzinfo=UTC)
    monkeypatch.setattr(clock.WallClock, "now", lambda _self: now)
    # A roster that ends with the 23rd: posts held round the clock are empty from midnight.
    rosters = (demo / "rosters.csv").read_text(encoding="utf-8").splitlines()
    assert "valid_to" not in rosters[0]
    ended = [f"{rosters[0]},valid_to", *(f"{row},2026-11-24" for row in rosters[1:])]
    (demo / "rosters.csv").write_text("\n".join(ended) + "\n", encoding="utf-8")
    told = json.loads(check(demo, "--format", "json").output)["findings"]
    empty = [item for item in told if item["code"] == "post.no_holder"]
    assert {item["params"]["from_time"] for item in empty} == empty_from


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_root_cause_is_told_first_and_alone(language: str, demo: Path) -> None:
    text = (demo / "posts.csv").read_text(encoding="utf-8")
    (demo / "posts.csv").write_text(text.replace("name_zh", "code", 1), encoding="utf-8")
    done = check(demo, language=language)
    assert done.exit_code == 1
    lines = [line for line in done.output.splitlines() if not line.startswith("    ")]
    assert lines[0].startswith("posts.csv:1 ")
    assert len(lines) == 3  # the cause, what was not checked, the sum
