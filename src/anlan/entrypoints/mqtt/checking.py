"""``anlan mqtt check``: is ``mqtt.toml`` right, and does each broker let Anlan in?"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from anlan.entrypoints.mqtt.calling import FAILS, Call, call, problem_of
from anlan.entrypoints.mqtt.door import server_tls
from anlan.entrypoints.mqtt.settings import (
    FILE,
    BrokerPart,
    DoorPart,
    MqttSettingsError,
    load,
    rules_of,
    secret_in,
)
from anlan.entrypoints.senders import Senders, may_send
from anlan.infra.catalogue import wording
from anlan.infra.mqtt import Publish
from anlan.kernel.errors import AnlanError


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
    except AnlanError as error:
        yield _refusal(part.name, error)
        return
    if not may_send(actor):
        yield Finding(
            good=False,
            zh=f"{part.name}：{part.token_file} 中的令牌没有上报读数的权限（signs:write）。",
            en=f"{part.name}: the token in {part.token_file} does not allow sending readings (signs:write).",
        )
    try:
        problem = Trial(part, root).run()
    except AnlanError as error:
        yield _refusal(part.name, error)
        return
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
        self._part, self._root = part, root

    def run(self) -> str:
        """Return what is wrong; empty when nothing is.

        Raises
        ------
        MqttSettingsError
            When a file that is needed for it cannot be read.
        """
        return asyncio.run(self._run())

    async def _run(self) -> str:
        self._answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            this = await call(self._part, self._root, self, name="")
        except FAILS as error:
            return problem_of(error)
        ways: list[asyncio.Future[str]] = [self._answered, this.over]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        found = next(one.result() for one in ways if one.done())
        await this.hang_up()
        return found

    def let_in(self, _call: Call) -> None:
        """Wait for the subscriptions."""

    def subscribed(self, _call: Call, problem: str) -> None:
        """Hear what became of the subscriptions."""
        if not self._answered.done():
            self._answered.set_result(problem)

    def came(self, _call: Call, messages: Sequence[Publish]) -> None:
        """Leave messages alone: whoever they are for gets them too."""
