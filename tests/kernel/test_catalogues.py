import pytest

from anlan.kernel.catalogues import together, words_of


@pytest.fixture
def packages(tmp_path, monkeypatch):
    for name, text in (("one", '["a"]\nzh = "甲"'), ("two", '["b"]\nzh = "乙"'), ("none", None)):
        folder = tmp_path / f"words_{name}"
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        if text is not None:
            (folder / "words.toml").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return [f"words_{name}" for name in ("one", "two", "none")]


def test_catalogues_of_several_packages_are_one(packages):
    assert together(packages, "words.toml") == {"a": {"zh": "甲"}, "b": {"zh": "乙"}}
    assert words_of("words_none", "words.toml") == {}


def test_no_code_is_worded_twice(packages):
    with pytest.raises(ValueError, match="words_one words again: a"):
        together([*packages, "words_one"], "words.toml")
