"""A small export made by hand from fixed keys.

Nothing here uses Anlan's tree or notes: hashes and signatures are computed from the
written format, so that the vectors judge the code and not the other way round.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "anlan/vectors"
KEY_1, KEY_2, FORGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 9))
CONTENT = "0b8f6a2e-3f5c-4f0e-9a53-0d3c1f6f7a11"
SIZES = (3, 6, 8)  # of the checkpoints; the second key signs from size 5 on
ROTATED_AT = 4


def canonical(value) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def tree(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\x01" + tree(leaves[:k]) + tree(leaves[k:]))


def public(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


def key_hash(private: Ed25519PrivateKey, name: str = ORIGIN) -> bytes:
    return sha(name.encode() + b"\n\x01" + public(private))[:4]


def vkey(private: Ed25519PrivateKey, name: str = ORIGIN) -> str:
    encoded = base64.b64encode(b"\x01" + public(private)).decode()
    return f"{name}+{key_hash(private, name).hex()}+{encoded}"


def signed(text: str, private: Ed25519PrivateKey, name: str = ORIGIN) -> str:
    blob = base64.b64encode(key_hash(private, name) + private.sign(text.encode())).decode()
    return f"{text}\n— {name} {blob}\n"


def at(size: int) -> str:
    return f"2026-07-20T08:{size:02d}:00.000000Z"


def checkpoint(lines: list[str], size: int, private: Ed25519PrivateKey, origin=ORIGIN) -> str:
    root = tree([sha(b"\x00" + line.encode()) for line in lines[:size]])
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\nat {at(size)}\n"
    return signed(text, private)


def entry(seq: int, **more) -> str:
    images = more.pop("images", [])
    return canonical(
        {
            "seq": seq,
            "event": "CaseOpened",
            "at": at(seq),
            "actor": "system:test",
            "payload": {"case": seq, "title": "积水", **more},
            "images": images,
        }
    )


def an_entry_with_content(seq: int) -> str:
    fields = {"contact_content": CONTENT, "contact_digest": "ab" * 32, "post": None}
    return entry(seq, images=[{"table": "registry.holder", "pk": "h1", "fields": fields}])


def entry_of_destruction(seq: int) -> str:
    said = {"event": "ContentsDestroyed", "payload": {"ids": [CONTENT], "reason": "expired"}}
    return canonical({**json.loads(entry(seq)), **said})


def endorsement(private: Ed25519PrivateKey, by: Ed25519PrivateKey, from_size: int) -> str:
    return signed(f"anlan ledger key v1\n{vkey(private)}\n{from_size}\nat {at(4)}\n", by)


@dataclass
class Export:
    """The parts of an export before they are written; tampering changes them."""

    entries: list[str] = field(default_factory=list)
    checkpoints: list[dict] = field(default_factory=list)
    keys: list[dict] = field(default_factory=list)
    contents: list[dict] = field(default_factory=list)
    outside: dict[str, str] = field(default_factory=dict)
    manifest: dict = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def files(self) -> dict[str, str]:
        """Return the files as text, with a manifest that fits what lies beside it."""
        files = {
            "entries.jsonl": self.entries,
            "checkpoints.jsonl": [canonical(item) for item in self.checkpoints],
            "keys.jsonl": [canonical(item) for item in self.keys],
            "contents.jsonl": [canonical(item) for item in self.contents],
        }
        texts = {name: "".join(f"{line}\n" for line in lines) for name, lines in files.items()}
        manifest = {
            "format": "anlan-ledger-export/1",
            "origin": ORIGIN,
            "size": len(self.entries),
            "whole": True,
            "exported_at": at(30),
            "files": {name: sha(text.encode()).hex() for name, text in texts.items()},
            **self.manifest,
        }
        texts["manifest.json"] = canonical(manifest) + "\n"
        return {name: text for name, text in texts.items() if name not in self.missing}


def sound() -> Export:
    lines = [entry(seq) for seq in range(1, SIZES[-1] + 1)]
    lines[1] = an_entry_with_content(2)
    notes = {
        size: checkpoint(lines, size, KEY_1 if size <= ROTATED_AT else KEY_2) for size in SIZES
    }
    return Export(
        entries=lines,
        checkpoints=[{"size": size, "note": note} for size, note in notes.items()],
        keys=[
            {"number": 1, "vkey": vkey(KEY_1), "from_size": 0, "endorsement": ""},
            {
                "number": 2,
                "vkey": vkey(KEY_2),
                "from_size": ROTATED_AT,
                "endorsement": endorsement(KEY_2, KEY_1, ROTATED_AT),
            },
        ],
        contents=[
            {
                "id": CONTENT,
                "digest": "ab" * 32,
                "state": "kept",
                "destroyed_at": None,
                "reason": "",
            }
        ],
        outside={
            "first.vkey": vkey(KEY_1) + "\n",
            **{f"{size:015d}.checkpoint": note for size, note in notes.items()},
        },
    )
