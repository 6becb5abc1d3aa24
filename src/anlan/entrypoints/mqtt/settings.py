"""``mqtt.toml`` of a workspace: which brokers are listened to, and whether devices come in here."""

from __future__ import annotations

import ssl
import tomllib
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from anlan.entrypoints.mqtt.topics import MapDecoder, Rule
from anlan.infra.mqtt.topics import is_filter
from anlan.kernel.errors import AnlanError, InvalidInputError
from anlan.sensing import public as sensing

FILE = "mqtt.toml"
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class MqttSettingsError(InvalidInputError):
    """``mqtt.toml`` says something that cannot be."""

    code = "mqtt.settings"


class TopicPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Topics and what their messages say."""

    filter: str
    map: str = ""  # of the folder ``connectors``; else the payload is that of the HTTP interface
    receipt_time: bool = False


class DoorPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where devices come in."""

    listen: str = "127.0.0.1"
    port: Port = 1883
    certificate: str = ""
    key: str = ""
    unencrypted: bool = False
    clients: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000
    lines_per_token: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1_000
    largest_message: Annotated[int, msgspec.Meta(ge=1024, le=16 << 20)] = 1 << 20
    messages_per_second: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 20_000
    topics: tuple[TopicPart, ...] = ()


class BrokerPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A broker of the city's."""

    name: Name
    host: str
    token_file: str
    topics: Annotated[tuple[TopicPart, ...], msgspec.Meta(min_length=1)]
    port: Port = 0
    tls: bool = True
    unencrypted: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    user: str = ""
    password_file: str = ""
    client_id: str = ""
    version: Literal["3.1.1", "5"] = "3.1.1"
    keep_alive: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 60

    @property
    def at(self) -> int:
        """The port."""
        return self.port or (8883 if self.tls else 1883)


class MqttSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    door: DoorPart | None = None
    broker: tuple[BrokerPart, ...] = ()


def load(root: Path) -> MqttSettings | None:
    """Return what the file of a workspace says; None where there is none.

    Raises
    ------
    MqttSettingsError
        With the place in the file and what is wrong there.
    """
    file = root / FILE
    if not file.exists():
        return None
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), MqttSettings)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MqttSettingsError(where=FILE, problem=str(error)) from None
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at ")
        raise MqttSettingsError(where=where.strip("`$.") or FILE, problem=problem) from None
    for where, problem in _wrong(found, root):
        raise MqttSettingsError(where=where, problem=problem)
    return found


def _wrong(found: MqttSettings, root: Path) -> Iterator[tuple[str, str]]:
    names = [one.name for one in found.broker]
    for name in names:
        if names.count(name) > 1:
            yield "broker.name", f"{name!r} stands there twice"
    for one in found.broker:
        yield from _wrong_broker(one, root)
    if found.door is not None:
        yield from _wrong_door(found.door, root)
    if found.door is None and not found.broker:
        yield FILE, "it names neither a door nor a broker"


def _wrong_broker(one: BrokerPart, root: Path) -> Iterator[tuple[str, str]]:
    at = f"broker {one.name}"
    yield from _wrong_topics(at, one.topics)
    if not one.tls and not one.unencrypted and not is_loopback(one.host):
        yield (
            f"{at}: tls",
            "a password would cross the network unencrypted: tls = true, or unencrypted = true",
        )
    if bool(one.certificate) != bool(one.key):
        yield f"{at}: certificate", "certificate and key go together"
    if one.user and not one.password_file:
        yield f"{at}: password_file", "a user has a password"
    for name in ("token_file", "password_file", "ca", "certificate", "key"):
        yield from _missing(f"{at}: {name}", getattr(one, name), root)


def _wrong_door(one: DoorPart, root: Path) -> Iterator[tuple[str, str]]:
    yield from _wrong_topics("door", one.topics)
    if bool(one.certificate) != bool(one.key):
        yield "door: certificate", "certificate and key go together"
    if not one.certificate and not one.unencrypted and not is_loopback(one.listen):
        yield (
            "door: certificate",
            "tokens would cross the network unencrypted: name certificate and key, or unencrypted = true",
        )
    for name in ("certificate", "key"):
        yield from _missing(f"door: {name}", getattr(one, name), root)


def _wrong_topics(at: str, topics: tuple[TopicPart, ...]) -> Iterator[tuple[str, str]]:
    for topic in topics:
        if not is_filter(topic.filter):
            yield f"{at}: topics", f"{topic.filter[:80]!r} is no topic filter"


def _missing(where: str, name: str, root: Path) -> Iterator[tuple[str, str]]:
    if name and not (root / name).is_file():
        yield where, f"there is no file {name!r} in the workspace"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def rules_of(topics: tuple[TopicPart, ...]) -> list[Rule]:
    """Return the rules that the file's topics stand for.

    Raises
    ------
    MqttSettingsError
        When a map that one of them names is not there, or not whole.
    """
    return [Rule(one.filter, _decoder(one.map), one.receipt_time) for one in topics]


def _decoder(name: str) -> MapDecoder | None:
    if not name:
        return None
    try:
        return MapDecoder(sensing.map_here(name))
    except AnlanError as error:
        problem = f"{error.code} {error.params.get('problem', '')}".strip()
        raise MqttSettingsError(where=f"map {name}", problem=problem) from None


def secret_in(root: Path, name: str) -> str:
    """Return what a file of the workspace holds, without the line's end.

    Raises
    ------
    MqttSettingsError
        When it cannot be read, or others than its owner can read it.
    """
    file = root / name
    try:
        if file.stat().st_mode & 0o077:
            raise MqttSettingsError(where=name, problem="others can read it: chmod 600")
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise MqttSettingsError(where=name, problem=str(error)) from None


def client_tls(one: BrokerPart, root: Path) -> ssl.SSLContext:
    """Return how a broker is spoken to: its certificate is checked, always.

    Raises
    ------
    MqttSettingsError
        When one of the files is no certificate or key, or they do not go together.
    """
    try:
        found = ssl.create_default_context(cafile=str(root / one.ca) if one.ca else None)
        found.minimum_version = ssl.TLSVersion.TLSv1_2
        if one.certificate:
            found.load_cert_chain(root / one.certificate, root / one.key)
    except (ssl.SSLError, OSError) as error:
        names = ", ".join(filter(None, [one.ca, one.certificate, one.key]))
        raise MqttSettingsError(where=names, problem=str(error)) from None
    return found
