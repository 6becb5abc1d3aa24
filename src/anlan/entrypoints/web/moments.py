"""The moments of a replay in the words of a page, and where they stand on its time line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from anlan.entrypoints.web.charts import Lane, Spot, share_of
from anlan.entrypoints.web.wording import knows, say
from anlan.learning.public import Moment, Story, Words

LEVELS = ("red", "orange", "yellow", "blue")
LANES: dict[str, tuple[str, ...]] = {
    "signs": ("sign",),
    "raised": ("raised", "level"),
    "owned": ("owned", "told", "answered", "moved"),
    "late": ("missed", "escalated", "reminded", "priority"),
    "real": ("decision", "outcome"),
}
SHAPES = {
    "sign": "dot", "owned": "square", "told": "dot", "answered": "diamond", "moved": "diamond",
    "missed": "cross", "escalated": "diamond", "reminded": "dot", "priority": "square",
    "decision": "square", "outcome": "diamond",
}  # fmt: skip
COUNTED = ("sign", "raised", "owned", "told", "answered", "missed", "escalated", "reminded")


def words(text: Words | None, language: str) -> str:
    """Return one of two languages."""
    if text is None:
        return ""
    return text.zh if language == "zh" else text.en


class Telling:
    """One story told in one language: codes become the names that the packs gave them."""

    def __init__(self, story: Story, language: str) -> None:
        self.story, self.language = story, language
        self.one_day = story.from_at[:10] == story.to_at[:10]
        self.since = datetime.fromisoformat(story.from_at)
        self.until = datetime.fromisoformat(story.to_at)

    def name(self, code: str) -> str:
        """Return the name of a rule, kind, place, area, post or quantity; else its code."""
        found = self.story.names.get(code)
        return words(found, self.language) if found is not None else code

    def clock(self, at: str) -> str:
        """Return a local instant as the list shows it."""
        return at[11:16] if self.one_day else f"{at[5:10]} {at[11:16]}"

    def share(self, at: str) -> float:
        """Return where an instant stands between start and end."""
        return share_of(datetime.fromisoformat(at), self.since, self.until)

    def where(self, moment: Moment) -> str:
        """Return of which danger at which place a moment speaks."""
        place = self.name(moment.place or moment.area)
        hazard = self.name(moment.hazard) if moment.hazard else ""
        if not hazard and not place:
            return ""
        return " · ".join(part for part in (hazard, place) if part)

    def text(self, moment: Moment) -> str:
        """Return a moment in words."""
        key = f"moment.{moment.form}"
        if knows(f"{key}.{moment.detail}"):
            key = f"{key}.{moment.detail}"
        between = "、" if self.language == "zh" else ", "
        trigger = f"trigger.{moment.detail}"
        said = say(
            key,
            self.language,
            n=moment.count,
            text=self._said(moment),
            rule=self.name(moment.rule),
            posts=between.join(self.name(post) for post in moment.posts),
            where=self.where(moment),
            detail=say(trigger, self.language) if knows(trigger) else moment.detail,
            before=level_word(moment.detail, self.language),
            level=level_word(moment.level, self.language),
        )
        return said.strip(" ·:：")

    def _said(self, moment: Moment) -> str:
        """Return what a sign said, without the level that is shown beside it."""
        text = words(moment.text, self.language)
        if moment.form == "sign" and moment.detail == "state":
            return text.removeprefix("response ")
        colour = _level_of_sign(moment)
        return text.removeprefix(f"{colour}: ") if colour else text

    def line(self, moment: Moment, *, at: str) -> dict[str, Any]:
        """Return a moment as one line of a list; what comes after ``at`` is still hidden."""
        level = moment.level or _level_of_sign(moment)
        return {
            "at": moment.at,
            "clock": self.clock(moment.at),
            "form": moment.form,
            "form_name": say(f"form.{moment.form}", self.language),
            "text": self.text(moment),
            "level": {"code": level, "name": level_word(level, self.language)} if level else None,
            "mark": say(f"fact.{moment.mark}", self.language) if moment.mark else "",
            "count": moment.count,
            "later": moment.at > at,
            "quiet": moment.form == "reminded",  # counted, and in the table of all
        }

    def lanes(self) -> list[Lane]:
        """Return all moments by lane; what says the same at one instant is one spot."""
        return [
            Lane(
                say(f"lane.{name}", self.language),
                self._spots([one for one in self.story.moments if one.form in forms]),
            )
            for name, forms in LANES.items()
        ]

    def _spots(self, moments: Sequence[Moment]) -> list[Spot]:
        found: dict[tuple[str, str], list[Moment]] = {}
        for one in moments:
            found.setdefault((one.at, shape_of(one)), []).append(one)
        return [
            Spot(self.share(when), shape, self._spot_title(when, ones), key=when)
            for (when, shape), ones in found.items()
        ]

    def _spot_title(self, when: str, moments: Sequence[Moment]) -> str:
        more = f" +{len(moments) - 1}" if len(moments) > 1 else ""
        form = say(f"form.{moments[0].form}", self.language)
        return f"{self.clock(when)} {form} · {self.text(moments[0])}{more}"


def level_word(level: str, language: str) -> str:
    """Return the word of a warning level."""
    return say(f"level.{level}", language) if level in LEVELS else level


def _level_of_sign(moment: Moment) -> str:
    """Return the colour of a relayed signal: its text begins with it."""
    colour = words(moment.text, "en").partition(":")[0]
    return colour if moment.form == "sign" and colour in LEVELS else ""


def shape_of(moment: Moment) -> str:
    """Return the shape of a moment on the time line."""
    return moment.level or _level_of_sign(moment) or SHAPES.get(moment.form, "dot")


def counts(moments: Iterable[Moment]) -> dict[str, int]:
    """Return how many of each form there are; reminders count one by one."""
    found = dict.fromkeys(COUNTED, 0)
    for one in moments:
        if one.form in found:
            found[one.form] += one.count
    return found
