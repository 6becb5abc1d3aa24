"""``anlan mqtt check``: is ``mqtt.toml`` right, and does each broker let Anlan in?"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from anlan.entrypoints.mqtt.door import server_tls
from anlan.entrypoints.mqtt.settings import (
    FILE,
    BrokerPart,
    DoorPart,
    MqttSettingsError,
    client_tls,
    load,
    rules_of,
    secret_in,
)
from anlan.entrypoints.senders import Senders, may_send
from anlan.infra.catalogue import wording
from anlan.kernel.errors import AnlanError

PATIENCE_S = 10.0


class Finding(NamedTuple):
    """One sentence of what was found."""

    good: bool
    zh: str
    en: str


def check(root: Path, *, clock: Callable[[], datetime]) -> list[Finding]:
    """Return what is found of the file and of the brokers it names."""
    try:
        found = load(root)
        if found is not None:
            for part in (found.door, *found.broker):
                rules_of(part.topics if part is not None else ())
    except MqttSettingsError as error:
        return [_refusal(FILE, error)]
    if found is None:
        return [
            Finding(
                good=False,
                zh=f"工作区中没有 {FILE}：不接入 MQTT。",
                en=f"The workspace has no {FILE}: nothing comes in by MQTT.",
            )
        ]
    findings = [Finding(good=True, zh=f"{FILE} 可以读取。", en=f"{FILE} can be read.")]
    if found.door is not None:
        findings += _door(found.door, root)
    for part in found.broker:
        findings += _broker(part, root, now=clock())
    return findings


def _refusal(at: str, error: AnlanError) -> Finding:
    zh, en = (wording(error.code, error.params, language) for language in ("zh", "en"))
    return Finding(
        good=False, zh=f"{at}：{zh['what']}{zh['do']}", en=f"{at}: {en['what']} {en['do']}"
    )


def _door(part: DoorPart, root: Path) -> Iterator[Finding]:
    where = f"{part.listen}:{part.port}"
    if part.certificate:
        try:
            server_tls(str(root / part.certificate), str(root / part.key))
        except (ssl.SSLError, OSError) as error:
            yield Finding(
                good=False,
                zh=f"入口证书不可用：{error}",
                en=f"The certificate of the door cannot be used: {error}",
            )
            return
    try:
        with socket.create_server((part.listen, part.port)):
            pass
    except OSError as error:
        # Perhaps by Anlan itself, which runs already.
        yield Finding(
            good=True,
            zh=f"入口 {where} 已被占用（安澜正在运行时属正常）：{error.strerror}",
            en=f"The door's place {where} is taken (as it is while Anlan runs): {error.strerror}",
        )
        return
    yield Finding(good=True, zh=f"入口 {where} 可以使用。", en=f"The door can listen at {where}.")


def _broker(part: BrokerPart, root: Path, *, now: datetime) -> Iterator[Finding]:
    try:
        actor = Senders().find(secret_in(root, part.token_file), now=now)
        trial = Trial(part, root)
    except AnlanError as error:
        yield _refusal(part.name, error)
        return
    except (ssl.SSLError, OSError) as error:
        yield Finding(
            good=False,
            zh=f"{part.name}：证书不可用：{error}",
            en=f"{part.name}: certificate: {error}",
        )
        return
    if not may_send(actor):
        yield Finding(
            good=False,
            zh=f"{part.name}：{part.token_file} 中的令牌没有上报读数的权限（signs:write）。",
            en=f"{part.name}: the token in {part.token_file} does not allow sending readings (signs:write).",
        )
    problem = trial.run()
    where = f"{part.host}:{part.at}"
    if problem:
        yield Finding(
            good=False,
            zh=f"{part.name}：连不上 {where}：{problem}。请核对地址、证书、用户名和口令。",
            en=f"{part.name}: {where} cannot be used: {problem}. Check address, certificate, user and password.",
        )
    else:
        yield Finding(
            good=True,
            zh=f"{part.name}：{where} 接受连接和全部订阅。",
            en=f"{part.name}: {where} takes the connection and every subscription.",
        )


class Trial:
    """One connection to a broker under a name of its own, without a session that stays."""

    def __init__(self, part: BrokerPart, root: Path) -> None:
        self._part = part
        self._problem = "no answer"
        self._over = threading.Event()
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2,
            protocol=paho.MQTTv5 if part.version == "5" else paho.MQTTv311,
            reconnect_on_failure=False,
        )
        if part.user:
            client.username_pw_set(part.user, secret_in(root, part.password_file))
        if part.tls:
            client.tls_set_context(client_tls(part, root))
        client.connect_timeout = PATIENCE_S
        client.on_connect = self._connected
        client.on_connect_fail = self._failed
        client.on_subscribe = self._subscribed

    def run(self) -> str:
        """Return what is wrong; empty when nothing is."""
        part = self._part
        self._client.connect_async(part.host, part.at)
        self._client.loop_start()
        self._over.wait(PATIENCE_S)
        self._client.disconnect()
        self._client.loop_stop()
        return self._problem

    def _end(self, problem: str) -> None:
        self._problem = problem
        self._over.set()

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _: Any) -> None:
        if reason.is_failure:
            self._end(str(reason))
            return
        client.subscribe([(topic.filter, 0) for topic in self._part.topics])

    def _failed(self, _client: paho.Client, _data: Any) -> None:
        self._end(str(sys.exc_info()[1] or "no connection"))

    def _subscribed(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[Any], _: Any
    ) -> None:
        refused = [
            topic.filter
            for topic, reason in zip(self._part.topics, reasons, strict=False)
            if reason.is_failure
        ]
        self._end(f"subscription refused: {', '.join(refused)}" if refused else "")
