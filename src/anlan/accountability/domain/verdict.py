"""What an audit of the ledger found, and what it looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from anlan.accountability.domain.wording import finding_text, summary_text


class FindingKind(StrEnum):
    """What an audit can find; the names are part of the export format."""

    ENTRY_CHANGED = "entry_changed"  # an entry no longer gives the leaf it was kept with
    ENTRY_MISSING = "entry_missing"
    ENTRY_MISPLACED = "entry_misplaced"  # twice, or not in the place its number says
    ENTRY_UNREADABLE = "entry_unreadable"
    ENTRIES_CUT_OFF = "entries_cut_off"  # fewer entries than were once signed
    ROOT_DIFFERS = "root_differs"  # the entries do not give the root that was signed
    HISTORY_FORKED = "history_forked"  # two roots were signed for one size
    CHECKPOINT_UNREADABLE = "checkpoint_unreadable"
    CHECKPOINT_ALTERED = "checkpoint_altered"  # the row says other than its note
    CHECKPOINT_REMOVED = "checkpoint_removed"  # held outside, gone inside
    CHECKPOINTS_NONE = "checkpoints_none"  # entries, but nothing signed
    ORIGIN_DIFFERS = "origin_differs"
    SIGNATURE_WRONG = "signature_wrong"
    KEY_UNREADABLE = "key_unreadable"
    KEY_NOT_ENDORSED = "key_not_endorsed"
    KEY_NOT_PINNED = "key_not_pinned"  # the first key is not the one pinned outside
    NODE_WRONG = "node_wrong"  # a stored subtree is not what the entries give
    CONTENT_CHANGED = "content_changed"
    CONTENT_MISSING = "content_missing"
    CONTENT_DESTROYED_UNRECORDED = "content_destroyed_unrecorded"
    CONTENT_NOT_DESTROYED = "content_not_destroyed"  # an entry says it was, and it is still kept
    FILE_CHANGED = "file_changed"  # a file of an export is not the one its manifest lists
    FILE_MISSING = "file_missing"
    FILE_UNREADABLE = "file_unreadable"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not as it must be; ``subject`` as ``entry:12`` or ``key:2``."""

    kind: FindingKind
    subject: str
    detail: str = ""

    def in_words(self, language: str) -> str:
        """Return the finding as one line, in "zh" or "en"."""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.kind.value}  {self.subject}{detail}: {finding_text(self.kind, language)}"


@dataclass(slots=True)
class Verdict:
    """What an audit found, and what it looked at."""

    findings: list[Finding] = field(default_factory=list)
    entries: int = 0
    sealed: int = 0  # size of the largest checkpoint inside that holds
    root: str = ""
    checkpoints: int = 0
    outside: int = 0
    later: int = 0  # checkpoints outside that reach beyond what was looked at
    contents_kept: int = 0
    contents_destroyed: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def add(self, kind: FindingKind, subject: str, detail: str = "") -> None:
        """Note a finding."""
        self.findings.append(Finding(kind, subject, detail))

    def lines(self, language: str) -> list[str]:
        """Return the verdict in words, in "zh" or "en", one line for each finding."""
        counts = {name: value for name, value in self.as_dict().items() if name != "findings"}
        said = [summary_text("counts", language, **counts)]
        said += [item.in_words(language) for item in self.findings]
        if self.later:
            said.append(summary_text("later", language, **counts))
        end = "holds" if self.holds else "fails"
        return [*said, summary_text(end, language, number=len(self.findings))]

    def as_dict(self, language: str | None = None) -> dict[str, object]:
        """Return the verdict in the form in which every verifier prints it.

        With a language each finding also says what it means.
        """
        return {
            "holds": self.holds,
            "entries": self.entries,
            "sealed": self.sealed,
            "root": self.root,
            "checkpoints": self.checkpoints,
            "outside": self.outside,
            "later": self.later,
            "contents_kept": self.contents_kept,
            "contents_destroyed": self.contents_destroyed,
            "findings": [_finding_dict(item, language) for item in self.findings],
        }


def _finding_dict(item: Finding, language: str | None) -> dict[str, str]:
    found = {"kind": item.kind.value, "subject": item.subject, "detail": item.detail}
    if language is not None:
        found["meaning"] = finding_text(item.kind.value, language)
    return found
