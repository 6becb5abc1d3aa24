"""A workspace of before: its readings are in the store after the upgrade, numbered on."""

from tests.sensing.children import lines_of


def test_readings_of_before_are_carried_over(tmp_path):
    assert lines_of("tests.sensing.carry_over_child", tmp_path / "old") == [
        "s1 2026-07-20T07:59:59.000001+00:00 1.5 good",
        "s1 2026-07-20T08:00:00+00:00 2.25 good",
        "s2 2026-07-20T08:00:00+00:00 None missing",
        "last 9",
    ]
