"""What entry points may call of the learning room: replays and their summaries."""

from __future__ import annotations

from pathlib import Path

import msgspec

from anlan.learning import selectors
from anlan.learning.domain.comparing import Compared, FigurePair, RaisedPair, compare
from anlan.learning.domain.doors import Clock, Door, Rehearsal, Reply, Tick, Tokens
from anlan.learning.domain.library import names, scenario
from anlan.learning.domain.policy import NOBODY, Policy, parse_policy
from anlan.learning.domain.replaycity import left_out, write_replay_city
from anlan.learning.domain.runs import RunOrder, RunSeen
from anlan.learning.domain.scenario import Scenario, Words, timeline
from anlan.learning.domain.story import Moment, Story, stops
from anlan.learning.domain.summary import OrdinaryRow, Summary, to_json
from anlan.learning.domain.summary_text import (
    false_words,
    figure_lines,
    legend,
    render,
    span_words,
)
from anlan.learning.services.replay import Progress, run_replay, store
from anlan.learning.services.runs import REVIEW_FILE, latest, result_of, run, runs, stop
from anlan.learning.services.runs import folder_of as run_folder
from anlan.learning.services.simulated_files import write_run
from anlan.learning.services.simulating import SIMULATOR, Rows, run_simulation
from anlan.learning.services.tokens import ReplayTokens
from anlan.learning.services.weeks import WEEKS, run_weeks


def with_ordinary(summary: Summary, row: OrdinaryRow) -> Summary:
    """Return ``summary`` with the false alerts of ordinary weeks beside its leads."""
    return msgspec.structs.replace(summary, ordinary=row)


def summaries(replays: Path) -> list[Summary]:
    """Return the stored summaries of the rehearsal workspaces in the folder ``replays``."""
    return selectors.stored_summaries(replays)


__all__ = [
    "NOBODY",
    "REVIEW_FILE",
    "SIMULATOR",
    "WEEKS",
    "Clock",
    "Compared",
    "Door",
    "FigurePair",
    "Moment",
    "OrdinaryRow",
    "Policy",
    "Progress",
    "RaisedPair",
    "Rehearsal",
    "ReplayTokens",
    "Reply",
    "Rows",
    "RunOrder",
    "RunSeen",
    "Scenario",
    "Story",
    "Summary",
    "Tick",
    "Tokens",
    "Words",
    "compare",
    "false_words",
    "figure_lines",
    "latest",
    "left_out",
    "legend",
    "names",
    "parse_policy",
    "render",
    "result_of",
    "run",
    "run_folder",
    "run_replay",
    "run_simulation",
    "run_weeks",
    "runs",
    "scenario",
    "span_words",
    "stop",
    "stops",
    "store",
    "summaries",
    "timeline",
    "to_json",
    "with_ordinary",
    "write_replay_city",
    "write_run",
]
