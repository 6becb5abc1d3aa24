"""The command ``rules precision``: how often each rule was right in the last weeks."""

from __future__ import annotations

import click

from anlan.entrypoints.cli import screen


def tell(form: str) -> None:
    """Print the weeks of every rule that raised something, and the rules nobody acts on."""
    screen.open_workspace()
    from anlan.accountability import public as accountability
    from anlan.accountability.api import as_plain
    from anlan.entrypoints import clock
    from anlan.kernel.actor import system_actor

    now = clock.now()
    accountability.count_rules(now=now)
    board = accountability.rule_board(system_actor("command"), now=now)
    lines = [board.rules[rule] for rule in sorted(board.rules)]
    if form == "json":
        screen.as_json({"rules": [as_plain(one) for one in lines], "still_counting": board.stale})
        return
    if not lines:
        screen.say("最近八周没有规则报警。", "No rule raised anything in the last eight weeks.")
        return
    screen.say(
        "规则  每周报警（旧到新）  属实/误报/未结/仅告知  准确率  有人处置",
        "rule  alerts a week (oldest first)  confirmed/false/open/told  precision  acted on",
    )
    for one in lines:
        weeks = " ".join(str(number) for _, number in one.weeks)
        share = "–" if one.precision is None else f"{100 * one.precision:.0f} %"
        click.echo(
            f"{one.rule}  {weeks}  {one.confirmed}/{one.false}/{one.open}/{one.told}  {share}"
            f"  {one.acted}/{one.called}"
        )
    ignored = [one.rule for one in lines if one.is_ignored]
    if ignored:
        screen.say(
            f"报警无人处置的规则：{'、'.join(ignored)}", f"Nobody acts on: {', '.join(ignored)}"
        )
