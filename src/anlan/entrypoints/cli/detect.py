"""The command ``detect``: what is unusual in a file of readings, row by row.

It reads and writes files only; neither a workspace nor Django is needed.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from anlan.entrypoints.cli import screen
from anlan.entrypoints.cli.series import (
    ANSWERS,
    Calendar,
    Piece,
    SeriesColumnMissingError,
    SeriesFile,
    slots_of,
)
from anlan.kernel.errors import InvalidInputError, UnavailableError
from anlan.science import relations
from anlan.science.alarmscale import THRESHOLD, score_of_state, score_of_surprise
from anlan.science.assetwatch import AssetWatch
from anlan.science.countwatch import CountWatch
from anlan.science.farrington import DAILY, WEEKLY, Cycle
from anlan.science.normal import FULL, Reason, new_state, score_stream

SCORE, LABEL = "anomaly_score", "label"
LEAST_P = 1e-300
CYCLES = {"day": DAILY, "week": WEEKLY}


class DetectTooShortError(UnavailableError):
    """There are no rows after those that are learnt from: nothing could be scored."""

    code = "detect.too_short"


class DetectNotCountError(InvalidInputError):
    """A value that should be a count is none."""

    code = "detect.not_a_count"


@dataclass(slots=True)
class Told:
    """What is said of a file at the end."""

    rows: int = 0
    told: int = 0
    first: str = ""
    missing: int = 0

    def meet(self, piece: Piece, labels: NDArray[np.bool_]) -> None:
        """Count one piece."""
        if not self.told and labels.any():
            self.first = piece.cells[int(labels.argmax())][0]
        self.rows += len(piece.cells)
        self.told += int(labels.sum())
        self.missing += int((~np.isfinite(piece.values)).sum())


Scored = tuple[Piece, NDArray[np.float64], list[list[str]]]


def single(pieces: Iterator[Piece], calendar: Calendar) -> Iterator[Scored]:
    """Yield each piece with scores and reasons of one stream."""
    state = new_state(FULL)[0]
    for piece in pieces:
        surprise, reasons = score_stream(
            state, piece.at, piece.values[:, 0], slots_of(piece.wall, FULL.slots),
            calendar.kinds(piece.wall), shape=FULL,
        )  # fmt: skip
        names = {one.value: one.name.lower() for one in Reason}
        scores = score_of_surprise(surprise)
        yield piece, scores, [[names[which]] for which in reasons.tolist()]


def together(pieces: Iterator[Piece], names: list[str], head: int) -> Iterator[Scored]:
    """Yield each piece with scores of the relations between streams, and which two are at odds.

    Raises
    ------
    DetectTooShortError
        When no row comes after the head.
    """
    asset = AssetWatch(len(names), head)
    for piece in pieces:
        found = asset.feed(piece.values)
        both = zip(found.stream.tolist(), found.partner.tolist(), strict=True)
        reasons = [[names[a] if a >= 0 else "", names[b] if b >= 0 else ""] for a, b in both]
        yield piece, score_of_state(found.unusual), reasons
    if asset.rows <= head:
        raise DetectTooShortError(rows=asset.rows, head=head)


def counted(pieces: Iterator[Piece], cycle: Cycle) -> Iterator[Scored]:
    """Yield each piece with scores of its counts: too many after those before them.

    Raises
    ------
    DetectNotCountError
        For a value that is no whole number from 0 on.
    """
    watch = CountWatch(cycle)
    for piece in pieces:
        counts = piece.values[:, 0]
        wrong = np.flatnonzero(np.isfinite(counts) & ((counts < 0) | (counts != np.floor(counts))))
        if len(wrong):
            at, value = piece.cells[int(wrong[0])][:2]
            raise DetectNotCountError(at=at, value=value)
        found = watch.feed(counts)
        p_value = np.nan_to_num(found.p_value, nan=1.0)
        scores = score_of_surprise(np.log10(1.0 / np.maximum(p_value, LEAST_P)))
        yield (
            piece,
            scores,
            [
                [_why(count, mean), "" if np.isnan(mean) else f"{mean:.6g}"]
                for count, mean in zip(counts.tolist(), found.expected.tolist(), strict=True)
            ],
        )


def _why(count: float, expected: float) -> str:
    if np.isnan(count):
        return "missing"
    if np.isnan(expected):
        return "learning"
    return "more" if count > expected else "usual"


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[Any]:
    """Open a CSV writer; the file is there once all is written, and not at all if it fails."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield csv.writer(file, lineterminator="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write(
    path: Path, head: list[str], scored: Iterator[Scored], threshold: float, *, reasons: bool
) -> Told:
    """Write every row with its score and label, and return what was told."""
    told = Told()
    with whole_or_nothing(path) as out:
        out.writerow(head)
        for piece, scores, why in scored:
            labels = scores >= threshold
            told.meet(piece, labels)
            out.writerows(
                [*cells, f"{score:.6f}", int(label), *(reason if reasons else ())]
                for cells, score, label, reason in zip(
                    piece.cells, scores.tolist(), labels.tolist(), why, strict=True
                )
            )
    return told


A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
TIME = "Column of instants (default: one called timestamp, datetime or time, else the first)."
VALUE = "Column of values of one stream (default: the only one, or one called value)."
LEFT_OUT = f"Column that is no input, may be given often; never an input: {', '.join(ANSWERS)}."
REST = "File of dates, one a line, rest or work after it; without: Saturdays and Sundays are rest."


@click.command()
@click.argument("source", metavar="INPUT", type=A_FILE)
@click.argument("target", metavar="OUTPUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--multivariate", is_flag=True, help="Score how several value columns go together.")
@click.option(
    "--counts",
    type=click.Choice(sorted(CYCLES)),
    help="Values are counts, one a day or one a week: score whether there are too many.",
)
@click.option("--time", "time_name", metavar="NAME", help=TIME)
@click.option("--value", "value_name", metavar="NAME", help=VALUE)
@click.option("--leave-out", "left_out", metavar="NAME", multiple=True, help=LEFT_OUT)
@click.option(
    "--head",
    type=click.IntRange(min=relations.LEAST_ROWS),
    default=relations.HEAD_ROWS,
    show_default=True,
    help="With --multivariate: rows to learn from, scored 0.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    default=THRESHOLD,
    show_default=True,
    help="Score from which the label is 1.",
)
@click.option("--reasons", is_flag=True, help="Add why: a reason code, or the two streams at odds.")
@click.option("--rest-days", "rest_days", type=A_FILE, help=REST)
@click.option("--strict", is_flag=True, help="Refuse doubled instants and clocks set back.")
@click.option(
    "--encoding",
    default="utf-8-sig",
    show_default=True,
    help="Encoding of INPUT, such as gb18030.",
)
@screen.FORMAT
def detect(form: str, source: Path, target: Path, **asked: Any) -> None:
    """Score every row of INPUT.csv and write OUTPUT.csv: timestamp, value, anomaly_score, label.

    INPUT has a line of names, then one reading a row; commas, semicolons, tabs and bars are told
    apart by themselves.  A row is scored from itself and the rows before it only.  Scores go from
    0 to 1; from 0.5 on a row is unusual.  With --counts a row is a day or a week; what has less
    than 13 weeks, or 5 years, before it is scored 0.  Ends with 0 when all rows are scored, 1 when
    INPUT cannot be understood, 3 when there is too little to score.
    """
    if target.exists() and target.samefile(source):
        raise click.UsageError("INPUT and OUTPUT are the same file")
    try:
        file = SeriesFile(source, encoding=asked["encoding"])
    except LookupError:
        raise click.BadParameter(asked["encoding"], param_hint="--encoding") from None
    at = file.time_place(asked["time_name"])
    several = bool(asked["multivariate"])
    if several and asked["value_name"]:
        raise click.UsageError("--value is for one stream, --multivariate for all")
    if several and asked["counts"]:
        raise click.UsageError("--counts is for one stream, --multivariate for several")
    places = _places(file, at, several=several, asked=asked)
    pieces = file.pieces(at, places, strict=asked["strict"])
    names = [file.columns[place] for place in places]
    if several:
        scored, why = together(pieces, names, asked["head"]), ["stream", "partner"]
    elif asked["counts"]:
        scored, why = counted(pieces, CYCLES[asked["counts"]]), ["reason", "expected"]
        names = ["value"]
    else:
        scored, why = single(pieces, Calendar(asked["rest_days"])), ["reason"]
        names = ["value"]
    head = ["timestamp", *names, SCORE, LABEL, *(why if asked["reasons"] else [])]
    told = write(target, head, scored, asked["threshold"], reasons=asked["reasons"])
    _say(form, file, told, target)
    sys.exit(0)


def _places(file: SeriesFile, at: int, *, several: bool, asked: dict[str, Any]) -> list[int]:
    """Return the columns to score."""
    if asked["value_name"]:
        return [file.place(asked["value_name"])]
    found = file.value_places(at, left_out=asked["left_out"])
    named = [place for place in found if file.columns[place].casefold() == "value"]
    if several:
        if len(found) < 2:
            raise SeriesColumnMissingError(column="2", columns=", ".join(file.columns))
        return found
    if len(found) == 1 or named:
        return (named or found)[:1]
    raise SeriesColumnMissingError(column="value", columns=", ".join(file.columns))


def _say(form: str, file: SeriesFile, told: Told, target: Path) -> None:
    order = file.order
    if form == "json":
        screen.as_json(
            {
                "rows": told.rows,
                "told": told.told,
                "first": told.first,
                "without_value": told.missing,
                "doubled": order.doubled,
                "backwards": order.backwards,
                "first_out_of_order_line": order.first_line or None,
                "output": str(target),
            }
        )
        return
    screen.say(
        f"{told.rows} 行，{told.told} 行异常{f'，最早为 {told.first}' if told.told else ''}；已写入 {target}。",
        f"{told.rows} rows, {told.told} unusual{f', the first at {told.first}' if told.told else ''}; "
        f"written to {target}.",
    )
    if order.first_line:
        screen.say(
            f"{order.doubled} 行时间重复，{order.backwards} 行时间倒退"
            f"（首见于第 {order.first_line} 行），均按文件次序评分。",
            f"{order.doubled} rows with a doubled time, {order.backwards} that go backwards (first in line "
            f"{order.first_line}): scored in the order of the file.",
        )
