"""Every named way to tamper with an export, and what a verifier must then find.

python -m tests.accountability.tamperings      writes tests/contracts/ledger/*.json
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .export_by_hand import (
    CONTENT,
    FORGER,
    KEY_1,
    KEY_2,
    ROTATED_AT,
    SIZES,
    Export,
    at,
    checkpoint,
    endorsement,
    entry,
    entry_of_destruction,
    key_hash,
    sound,
    vkey,
)

VECTORS = Path(__file__).parent.parent / "contracts" / "ledger"
Finding = tuple[str, str]


@dataclass(frozen=True)
class Tampering:
    """One named change to a sound export, and what a verifier must find."""

    name: str
    what: str
    change: Callable[[Export], None]
    expected: tuple[Finding, ...]


def resign(export: Export, private=None) -> None:
    """Sign every checkpoint inside anew over what the entries now are."""
    for item in export.checkpoints:
        size = item["size"]
        if size <= len(export.entries):
            key = private or (KEY_1 if size <= ROTATED_AT else KEY_2)
            item["note"] = checkpoint(export.entries, size, key)


def bend(text: str) -> str:
    return text.replace("积水", "无事")


def change_entry(export: Export) -> None:
    export.entries[4] = bend(export.entries[4])


def change_and_resign(export: Export) -> None:
    change_entry(export)
    resign(export)


def rewrite_with_new_key(export: Export) -> None:
    change_entry(export)
    resign(export, FORGER)
    export.keys = [{"number": 1, "vkey": vkey(FORGER), "from_size": 0, "endorsement": ""}]


def roll_back(export: Export) -> None:
    export.entries = export.entries[:6]
    export.checkpoints = export.checkpoints[:2]


def fork_with_new_key_and_date_back(export: Export) -> None:
    """The holder of the key signs in another one for sizes long signed, and rewrites them."""
    change_entry(export)
    export.keys = [
        {"number": 1, "vkey": vkey(KEY_1), "from_size": 0, "endorsement": ""},
        {
            "number": 2,
            "vkey": vkey(FORGER),
            "from_size": 3,
            "endorsement": endorsement(FORGER, KEY_1, 3),
        },
    ]
    for item in export.checkpoints[1:]:
        item["note"] = checkpoint(export.entries, item["size"], FORGER)
    export.manifest["exported_at"] = at(3)


def rewrite_and_date_back(export: Export) -> None:
    """Nothing outside pins the first key; the export pretends to be older than all of it."""
    rewrite_with_new_key(export)
    del export.outside["first.vkey"]
    export.manifest["exported_at"] = at(0)


def destroy_on_paper(export: Export) -> None:
    export.entries[7] = entry_of_destruction(8)
    resign(export)
    export.outside = {"first.vkey": export.outside["first.vkey"]}


def swap(export: Export) -> None:
    export.entries[3], export.entries[4] = export.entries[4], export.entries[3]


def bend_signature(export: Export) -> None:
    note = export.checkpoints[1]["note"]
    place = note.rindex(" ") + 20
    export.checkpoints[1]["note"] = (
        note[:place] + ("A" if note[place] != "A" else "B") + note[place + 1 :]
    )


def set_key(export: Export, **values) -> None:
    export.keys[1].update(values)


OUT_3, OUT_6, OUT_8 = (f"outside:{size:015d}.checkpoint" for size in SIZES)
SECOND_KEY_LOST = (
    ("signature_wrong", "checkpoint:6"),
    ("signature_wrong", "checkpoint:8"),
    ("signature_wrong", OUT_6),
    ("signature_wrong", OUT_8),
)

TAMPERINGS = (
    Tampering("sound", "Nothing was changed.", lambda export: None, ()),
    Tampering(
        "sound-content-destroyed",
        "A content was lawfully destroyed: its digest stays and the ledger holds.",
        lambda export: export.contents[0].update(
            state="destroyed", destroyed_at=at(9), reason="expired"
        ),
        (),
    ),
    Tampering(
        "sound-outside-later",
        "The folder outside holds a checkpoint made after the export.",
        lambda export: export.outside.update(
            {
                "000000000000040.checkpoint": checkpoint(
                    [entry(seq) for seq in range(1, 41)], 40, KEY_2
                )
            }
        ),
        (),
    ),
    Tampering(
        "sound-outside-of-later-key",
        "The folder outside holds a checkpoint that a key not yet known to the export signed.",
        lambda export: export.outside.update(
            {
                "000000000000040.checkpoint": checkpoint(
                    [entry(seq) for seq in range(1, 41)], 40, FORGER
                )
            }
        ),
        (),
    ),
    Tampering(
        "outside-of-unknown-key",
        "A checkpoint outside, signed before the export was made, is of a key nobody knows.",
        lambda export: export.outside.update(
            {
                "000000000000020.checkpoint": checkpoint(
                    [entry(seq) for seq in range(1, 21)], 20, FORGER
                )
            }
        ),
        (("signature_wrong", "outside:000000000000020.checkpoint"),),
    ),
    Tampering(
        "entry-changed",
        "One entry says something else.",
        change_entry,
        (("root_differs", "checkpoint:6"),),
    ),
    Tampering(
        "entry-changed-and-resigned",
        "One entry was changed and every checkpoint inside signed anew with the true keys.",
        change_and_resign,
        (
            ("checkpoint_removed", OUT_6),
            ("checkpoint_removed", OUT_8),
            ("history_forked", "checkpoint:6"),
            ("history_forked", "checkpoint:8"),
        ),
    ),
    Tampering(
        "rewritten-with-another-key",
        "Everything was rewritten and signed by a key of the forger's own.",
        rewrite_with_new_key,
        (
            ("key_not_pinned", "key:1"),
            ("signature_wrong", OUT_3),
            ("signature_wrong", OUT_6),
            ("signature_wrong", OUT_8),
        ),
    ),
    Tampering(
        "forked-by-a-new-key-and-dated-back",
        "Another key was signed in for sizes long signed, and the export pretends to be older.",
        fork_with_new_key_and_date_back,
        (("signature_wrong", OUT_6), ("signature_wrong", OUT_8)),
    ),
    Tampering(
        "rewritten-and-dated-back",
        "Everything was rewritten with another key, in an export that pretends to be older.",
        rewrite_and_date_back,
        tuple(("signature_wrong", name) for name in (OUT_3, OUT_6, OUT_8)),
    ),
    Tampering(
        "content-destroyed-on-paper",
        "An entry says that a content was destroyed, and it is still kept.",
        destroy_on_paper,
        (("content_not_destroyed", f"content:{CONTENT}"),),
    ),
    Tampering(
        "entry-deleted",
        "One entry is gone.",
        lambda export: export.entries.pop(4),
        (
            ("entry_missing", "entry:5"),
            ("root_differs", "checkpoint:6"),
            ("entries_cut_off", "checkpoint:8"),
        ),
    ),
    Tampering(
        "entry-inserted",
        "An entry stands twice.",
        lambda export: export.entries.insert(4, export.entries[3]),
        (("entry_misplaced", "entry:4"), ("root_differs", "checkpoint:6")),
    ),
    Tampering(
        "entries-swapped",
        "Two entries changed places.",
        swap,
        (
            ("entry_missing", "entry:4"),
            ("entry_misplaced", "entry:4"),
            ("root_differs", "checkpoint:6"),
        ),
    ),
    Tampering(
        "entry-not-json",
        "A line is no entry.",
        lambda export: export.entries.__setitem__(4, "{"),
        (("entry_unreadable", "entry:5"), ("root_differs", "checkpoint:6")),
    ),
    Tampering(
        "entry-with-other-bytes",
        "An entry means the same but is written with a space: it is not what was sealed.",
        lambda export: export.entries.__setitem__(4, export.entries[4].replace(",", ", ", 1)),
        (("root_differs", "checkpoint:6"),),
    ),
    Tampering(
        "rolled-back",
        "The newest entries and their checkpoint are gone; the witness remembers.",
        roll_back,
        (("entries_cut_off", "checkpoint:8"),),
    ),
    Tampering(
        "checkpoint-deleted",
        "A checkpoint inside is gone.",
        lambda export: export.checkpoints.pop(0),
        (("checkpoint_removed", OUT_3),),
    ),
    Tampering(
        "checkpoint-signature-bent",
        "One letter of a signature differs.",
        bend_signature,
        (("signature_wrong", "checkpoint:6"), ("checkpoint_removed", OUT_6)),
    ),
    Tampering(
        "checkpoint-by-forger",
        "A checkpoint is signed by a key that nobody signed in.",
        lambda export: export.checkpoints[2].update(note=checkpoint(export.entries, 8, FORGER)),
        (("signature_wrong", "checkpoint:8"), ("checkpoint_removed", OUT_8)),
    ),
    Tampering(
        "checkpoint-by-retired-key",
        "A checkpoint after the rotation is signed by the key before it.",
        lambda export: export.checkpoints[2].update(note=checkpoint(export.entries, 8, KEY_1)),
        (("signature_wrong", "checkpoint:8"), ("checkpoint_removed", OUT_8)),
    ),
    Tampering(
        "checkpoint-of-another-ledger",
        "A checkpoint names another origin.",
        lambda export: export.checkpoints[2].update(
            note=checkpoint(export.entries, 8, KEY_2, "anlan/other")
        ),
        (("origin_differs", "checkpoint:8"), ("checkpoint_removed", OUT_8)),
    ),
    Tampering(
        "checkpoint-unreadable",
        "A checkpoint is no note.",
        lambda export: export.checkpoints[0].update(note="three entries, honestly"),
        (("checkpoint_unreadable", "checkpoint:#1"), ("checkpoint_removed", OUT_3)),
    ),
    Tampering(
        "checkpoints-none",
        "Every checkpoint inside was removed, and so was the witness.",
        lambda export: (export.checkpoints.clear(), export.outside.clear()),
        (("checkpoints_none", "ledger"),),
    ),
    Tampering(
        "key-not-endorsed",
        "The second key carries no endorsement.",
        lambda export: set_key(export, endorsement=""),
        (("key_not_endorsed", "key:2"), *SECOND_KEY_LOST),
    ),
    Tampering(
        "key-endorsed-by-itself",
        "The second key signed itself in.",
        lambda export: set_key(export, endorsement=endorsement(KEY_2, KEY_2, ROTATED_AT)),
        (("key_not_endorsed", "key:2"), *SECOND_KEY_LOST),
    ),
    Tampering(
        "key-moved",
        "The second key claims to sign from another size than the one it was signed in for.",
        lambda export: set_key(export, from_size=2),
        (("key_not_endorsed", "key:2"), *SECOND_KEY_LOST),
    ),
    Tampering(
        "key-unreadable",
        "The second key does not have the hash it states.",
        lambda export: set_key(export, vkey=vkey(KEY_2).replace(key_hash(KEY_2).hex(), "00000000")),
        (("key_unreadable", "key:2"), *SECOND_KEY_LOST),
    ),
    Tampering(
        "content-digest-changed",
        "The list of contents gives another digest than the sealed entry.",
        lambda export: export.contents[0].update(digest="cd" * 32),
        (("content_changed", f"content:{CONTENT}"),),
    ),
    Tampering(
        "content-unlisted",
        "A content that an entry names is not listed.",
        lambda export: export.contents.clear(),
        (("content_missing", f"content:{CONTENT}"),),
    ),
    Tampering(
        "file-changed",
        "A file is not the one the manifest lists.",
        lambda export: export.manifest.update(
            files={
                **json.loads(export.files()["manifest.json"])["files"],
                "contents.jsonl": "0" * 64,
            }
        ),
        (("file_changed", "file:contents.jsonl"),),
    ),
    Tampering(
        "file-missing",
        "The list of contents was left out.",
        lambda export: export.missing.add("contents.jsonl"),
        (
            ("file_missing", "file:contents.jsonl"),
            ("content_missing", f"content:{CONTENT}"),
        ),
    ),
    Tampering(
        "manifest-counts-wrong",
        "The manifest states more entries than there are.",
        lambda export: export.manifest.update(size=9),
        (("entries_cut_off", "manifest"),),
    ),
)


def vector(tampering: Tampering) -> dict:
    export = sound()
    tampering.change(export)
    return {
        "what": tampering.what,
        "export": export.files(),
        "outside": export.outside,
        "expected": {
            "holds": not tampering.expected,
            "findings": [list(item) for item in sorted(tampering.expected)],
        },
    }


def main() -> None:
    VECTORS.mkdir(parents=True, exist_ok=True)
    for tampering in TAMPERINGS:
        text = json.dumps(vector(tampering), ensure_ascii=False, indent=1)
        (VECTORS / f"{tampering.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
