"""The audit of a ledger: from entries, checkpoints and keys to a list of findings.

The same audit judges the running database and an export; it sees bytes and texts
only.  Checkpoints kept outside by somebody else are what the operator cannot rewrite,
so they are judged beside those inside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from anlan.accountability.domain.merkle import CompactRange, leaf_hash
from anlan.accountability.domain.note import (
    CheckpointText,
    KeyText,
    NoteError,
    SignatureError,
    VerifierKey,
    open_note,
    read_unchecked,
)
from anlan.accountability.domain.verdict import Finding, FindingKind, Verdict


@dataclass(frozen=True, slots=True)
class LeafEntry:
    """One entry as it lies before the auditor.

    ``data`` are the canonical bytes; ``kept_leaf`` is the leaf hash written when the
    entry was, or ``None`` where only the bytes are at hand.
    """

    seq: int | None
    data: bytes
    kept_leaf: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A public key of the ledger and the note by which the key before signed it in."""

    number: int
    vkey: str
    from_size: int
    endorsement: str


@dataclass(frozen=True, slots=True)
class OutsideNote:
    """A checkpoint note held outside, under the name of its file."""

    name: str
    note: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything an audit looks at.

    ``later_than``: checkpoints outside that were signed after this instant are not
    held against an export made before it; ``None`` holds all of them against it.
    """

    origin: str
    entries: Iterable[LeafEntry]
    checkpoints: Sequence[str]
    keys: Sequence[KeyRecord]
    outside: Sequence[OutsideNote] = ()
    pinned: str | None = None
    later_than: datetime | None = None
    whole: bool = True
    finished: Callable[[int, int, bytes], None] | None = None


class Keychain:
    """Which key had to sign a checkpoint of a given size."""

    def __init__(self) -> None:
        self._keys: list[tuple[int, VerifierKey]] = []

    def trust(self, key: VerifierKey, from_size: int) -> None:
        """Add the next key of the chain."""
        self._keys.append((from_size, key))

    def last(self) -> VerifierKey | None:
        """Return the newest trusted key."""
        return self._keys[-1][1] if self._keys else None

    def for_size(self, size: int) -> VerifierKey | None:
        """Return the key that signs checkpoints of ``size``."""
        found = [key for from_size, key in self._keys if from_size < size]
        return found[-1] if found else None


def read_keys(records: Sequence[KeyRecord], pinned: str | None, verdict: Verdict) -> Keychain:
    """Return the keys to trust: the first, and each that the one before signed in."""
    chain = Keychain()
    for place, record in enumerate(sorted(records, key=lambda item: item.number)):
        subject = f"key:{record.number}"
        try:
            key = VerifierKey.parse(record.vkey)
        except NoteError as error:
            verdict.add(FindingKind.KEY_UNREADABLE, subject, str(error))
            break
        if place == 0:
            if pinned is not None and pinned.strip() != record.vkey.strip():
                verdict.add(FindingKind.KEY_NOT_PINNED, subject)
        elif not _endorsed(record, key, chain):
            verdict.add(FindingKind.KEY_NOT_ENDORSED, subject)
            break
        chain.trust(key, record.from_size)
    return chain


def _endorsed(record: KeyRecord, key: VerifierKey, chain: Keychain) -> bool:
    before = chain.last()
    if before is None:
        return False
    try:
        said = KeyText.parse(open_note(record.endorsement, before))
    except (NoteError, SignatureError):
        return False
    return said.key == key and said.from_size == record.from_size


@dataclass(slots=True)
class _Claims:
    """What the checkpoints claim: the roots at each size, and who says so.

    ``unknown`` are those outside whose signature does not hold but that say an instant
    after the export: whether a later key may excuse them is judged by the reach.
    """

    roots: dict[int, dict[bytes, list[str]]] = field(default_factory=dict)
    signed: dict[int, datetime] = field(default_factory=dict)  # outside: when each size was signed
    unknown: dict[int, list[Finding]] = field(default_factory=dict)  # outside, of no known key

    def add(self, said: CheckpointText, subject: str) -> None:
        self.roots.setdefault(said.size, {}).setdefault(said.root, []).append(subject)


def _read_checkpoint(
    note: str, subject: str, origin: str, chain: Keychain, verdict: Verdict
) -> CheckpointText | None:
    """Return what a note says when its signature holds; otherwise note the finding."""
    try:
        said = read_unchecked(note)
    except NoteError as error:
        verdict.add(FindingKind.CHECKPOINT_UNREADABLE, subject, str(error))
        return None
    if said.origin != origin:
        verdict.add(FindingKind.ORIGIN_DIFFERS, subject)
        return None
    key = chain.for_size(said.size)
    if key is None:
        verdict.add(FindingKind.SIGNATURE_WRONG, subject)
        return None
    try:
        open_note(note, key)
    except SignatureError:
        verdict.add(FindingKind.SIGNATURE_WRONG, subject)
        return None
    except NoteError as error:
        verdict.add(FindingKind.CHECKPOINT_UNREADABLE, subject, str(error))
        return None
    return said


def audit(evidence: Evidence) -> Verdict:
    """Judge a ledger; the order of findings is that of the steps, then of places."""
    verdict = Verdict()
    chain = read_keys(evidence.keys, evidence.pinned, verdict)
    claims = _Claims()
    _read_inside(evidence, chain, claims, verdict)
    _read_outside(evidence, chain, claims, verdict)
    roots = _walk(evidence, set(claims.roots), verdict)
    _judge_claims(claims, roots, verdict)
    _judge_reach(claims, evidence, verdict)
    if verdict.entries and not evidence.checkpoints:
        verdict.add(FindingKind.CHECKPOINTS_NONE, "ledger")
    return verdict


def _read_inside(evidence: Evidence, chain: Keychain, claims: _Claims, verdict: Verdict) -> None:
    for place, note in enumerate(evidence.checkpoints, start=1):
        verdict.checkpoints += 1
        said = _read_checkpoint(note, _subject(note, place), evidence.origin, chain, verdict)
        if said is not None:
            claims.add(said, f"checkpoint:{said.size}")


def _subject(note: str, place: int) -> str:
    try:
        return f"checkpoint:{read_unchecked(note).size}"
    except NoteError:
        return f"checkpoint:#{place}"


def _read_outside(evidence: Evidence, chain: Keychain, claims: _Claims, verdict: Verdict) -> None:
    """Take in the notes held outside."""
    for held in sorted(evidence.outside, key=lambda item: item.name):
        verdict.outside += 1
        subject = f"outside:{held.name}"
        apart = Verdict()
        said = _read_checkpoint(held.note, subject, evidence.origin, chain, apart)
        if said is not None:
            claims.add(said, subject)
            claims.signed[said.size] = said.at
        elif apart.findings[0].kind is FindingKind.SIGNATURE_WRONG and _made_later(held, evidence):
            size = read_unchecked(held.note).size
            claims.unknown.setdefault(size, []).extend(apart.findings)
        else:
            verdict.findings += apart.findings


def _made_later(held: OutsideNote, evidence: Evidence) -> bool:
    return evidence.later_than is not None and read_unchecked(held.note).at > evidence.later_than


def _walk(evidence: Evidence, sizes: set[int], verdict: Verdict) -> dict[int, bytes]:
    """Hash every entry in turn; return the roots at the sizes asked for."""
    tree = CompactRange(finished=evidence.finished)
    roots: dict[int, bytes] = {}
    expected = 1
    for entry in evidence.entries:
        leaf = leaf_hash(entry.data)
        expected = _judge_place(entry, expected, verdict)
        if entry.kept_leaf is not None and entry.kept_leaf != leaf:
            verdict.add(FindingKind.ENTRY_CHANGED, f"entry:{entry.seq}")
        tree.append(leaf)
        if tree.size in sizes:
            roots[tree.size] = tree.root()
    verdict.entries, verdict.root = tree.size, tree.root().hex()
    return roots


def _judge_place(entry: LeafEntry, expected: int, verdict: Verdict) -> int:
    """Note an entry that is not in its place; return the number expected next."""
    if entry.seq is None:
        verdict.add(FindingKind.ENTRY_UNREADABLE, f"entry:{expected}")
        return expected + 1
    if entry.seq > expected:
        gap = f"{expected}" if entry.seq == expected + 1 else f"{expected}-{entry.seq - 1}"
        verdict.add(FindingKind.ENTRY_MISSING, f"entry:{gap}")
    elif entry.seq < expected:
        verdict.add(FindingKind.ENTRY_MISPLACED, f"entry:{entry.seq}")
        return expected
    return entry.seq + 1


def _is_inside(sayer: str) -> bool:
    return sayer.startswith("checkpoint:")


def _judge_claims(claims: _Claims, roots: Mapping[int, bytes], verdict: Verdict) -> None:
    """Hold every signed root against the entries; name the stretch where they part."""
    good, parted = 0, False
    for size, said in sorted(claims.roots.items()):
        if len(said) > 1:
            verdict.add(FindingKind.HISTORY_FORKED, f"checkpoint:{size}")
        for sayers in said.values():
            if size <= verdict.entries and not any(map(_is_inside, sayers)):
                verdict.add(FindingKind.CHECKPOINT_REMOVED, sayers[0])
        if size > verdict.entries:
            continue
        if set(said) == {roots[size]}:
            good = size
            if any(map(_is_inside, said[roots[size]])):
                verdict.sealed = size
        elif not parted and roots[size] not in said:
            # Every later root differs too: the first one tells between which entries to look.
            parted = True
            verdict.add(
                FindingKind.ROOT_DIFFERS, f"checkpoint:{size}", f"entries {good + 1}-{size}"
            )


def _judge_reach(claims: _Claims, evidence: Evidence, verdict: Verdict) -> None:
    """Judge checkpoints that speak of more entries than there are."""
    for size, findings in sorted(claims.unknown.items()):
        # A key that took over after the export signs larger sizes only.  Nothing excuses a
        # smaller one: the export's own date is the operator's word.
        if size > verdict.entries:
            verdict.later += len(findings)
        else:
            verdict.findings += findings
    for size, said in sorted(claims.roots.items()):
        if size <= verdict.entries:
            continue
        inside = any(_is_inside(who) for sayers in said.values() for who in sayers)
        limit = evidence.later_than
        after = limit is not None and claims.signed.get(size, limit) > limit
        if not inside and (after or not evidence.whole):
            verdict.later += 1
        else:
            verdict.add(
                FindingKind.ENTRIES_CUT_OFF, f"checkpoint:{size}", f"{verdict.entries} entries"
            )


def content_refs(images: object) -> Iterator[tuple[str, str]]:
    """Yield ``(content id, digest)`` of every reference in the images of an entry."""
    if isinstance(images, list):
        for item in images:
            yield from content_refs(item)
    elif isinstance(images, dict):
        for name, value in images.items():
            if name.endswith("_content") and isinstance(value, str) and value:
                digest = images.get(name.removesuffix("_content") + "_digest")
                yield value, digest if isinstance(digest, str) else ""
            elif isinstance(value, dict | list):
                yield from content_refs(value)


class ContentsNamed:
    """Which contents the entries name, and which they say were destroyed."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.destroyed: set[str] = set()

    def note(self, data: bytes) -> None:
        """Take in one entry, passing over those that name none."""
        if b"_content" in data or b'"ContentsDestroyed"' in data:
            self.take(parse_entry(data) or {})

    def take(self, members: Mapping[str, object]) -> None:
        """Take in the members of one entry."""
        self.digests.update(content_refs(members.get("images")))
        payload = members.get("payload")
        if members.get("event") == "ContentsDestroyed" and isinstance(payload, dict):
            ids = payload.get("ids")
            self.destroyed.update(map(str, ids if isinstance(ids, list) else ()))


def parse_entry(data: bytes) -> dict[str, object] | None:
    """Return an entry's members from its canonical bytes; ``None`` when it is not an entry."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or type(found.get("seq")) is not int:
        return None
    return found


__all__ = [
    "ContentsNamed",
    "Evidence",
    "Finding",
    "FindingKind",
    "KeyRecord",
    "Keychain",
    "LeafEntry",
    "OutsideNote",
    "Verdict",
    "audit",
    "content_refs",
    "parse_entry",
    "read_keys",
]
