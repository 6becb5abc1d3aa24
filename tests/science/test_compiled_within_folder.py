"""Compiled loops call loops of their own folder only.

What is compiled is kept beside the source and made anew when a file of *that* folder changes; a loop that
called one of another folder would go on with what that one was.
"""

from __future__ import annotations

import ast
from pathlib import Path

import anlan

ROOT = Path(anlan.__file__).parent
MARKS = {"compiled", "woven"}


def loops_of(tree):
    """Return the functions of a module that are compiled."""
    return [
        one
        for one in tree.body
        if isinstance(one, ast.FunctionDef)
        and MARKS & {mark.id for mark in one.decorator_list if isinstance(mark, ast.Name)}
    ]


def taken_from(tree):
    """Return ``{name here: (module, its name there)}`` of what a module imports from Anlan."""
    return {
        name.asname or name.name: (one.module, name.name)
        for one in tree.body
        if isinstance(one, ast.ImportFrom) and (one.module or "").startswith("anlan.")
        for name in one.names
    }


def foreign(modules):
    """Return (module, loop, what it calls) for each call of a loop that lies in another folder."""
    loops = {(name, loop.name) for name, tree in modules.items() for loop in loops_of(tree)}
    return [
        (module, loop.name, ".".join(taken[node.id]))
        for module, tree in modules.items()
        for taken in [taken_from(tree)]
        for loop in loops_of(tree)
        for node in ast.walk(loop)
        if isinstance(node, ast.Name)
        and taken.get(node.id) in loops
        and taken[node.id][0].rpartition(".")[0] != module.rpartition(".")[0]
    ]


def test_no_loop_calls_one_of_another_folder():
    modules = {
        ".".join(("anlan", *path.relative_to(ROOT).with_suffix("").parts)): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for path in ROOT.rglob("*.py")
    }
    assert sum(len(loops_of(tree)) for tree in modules.values()) > 50
    assert foreign(modules) == []


def test_what_is_looked_for_is_found():
    here = "@compiled\ndef near(x):\n    return x\n"
    calls = "from anlan.one.a import near\n@compiled\ndef far(x):\n    return near(x)\n"
    within = {"anlan.one.a": ast.parse(here), "anlan.one.b": ast.parse(calls)}
    across = {"anlan.one.a": ast.parse(here), "anlan.two.b": ast.parse(calls)}
    assert foreign(within) == []
    assert foreign(across) == [("anlan.two.b", "far", "anlan.one.a.near")]
