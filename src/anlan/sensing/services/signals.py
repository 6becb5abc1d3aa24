"""Keeping a relayed warning as received, and saying whether this workspace may act on it."""

from __future__ import annotations

from datetime import datetime

from anlan.infra import contents, journal
from anlan.infra.workspace import WorkspaceKind
from anlan.kernel.actor import Actor
from anlan.registry import public as registry
from anlan.sensing.domain.cap import CapAlert
from anlan.sensing.domain.capmeaning import Dictionary, Meaning, area_code_forms, meaning_of
from anlan.sensing.domain.capparse import parse_cap
from anlan.sensing.domain.errors import CapError
from anlan.sensing.domain.events import SignalReceived
from anlan.sensing.models import Signal
from anlan.sensing.services.here import workspace_here
from anlan.sensing.services.known import CityFacts, area_named, city_facts
from anlan.sensing.services.numbering import take_number
from anlan.sensing.services.once import Answer, Once, earlier_answer, run_once
from anlan.sensing.services.quarantine import keep_aside
from anlan.sensing.services.retention import SIGNAL

ACTING_TYPES = ("Alert", "Update", "Cancel")


def acted_as(status: str, kind: WorkspaceKind) -> str:
    """Return as what a message of ``status`` is acted on; empty: it is only kept (I10)."""
    if kind is WorkspaceKind.LIVE:
        return "Actual" if status == "Actual" else ""
    return "Exercise" if status in {"Actual", "Exercise"} else ""


def keep_signal(actor: Actor, xml: bytes, *, now: datetime, once: Once | None = None) -> Signal:
    """Keep a CAP message and return its row; the same message again gives the same row.

    Raises
    ------
    CapError
        When it cannot be read; it was kept aside then, and the error's
        parameter ``quarantine`` is the number under which it lies.
    KeyReusedError
        When the key was used for another message.
    """
    earlier = earlier_answer(actor, once, now=now)
    if earlier is not None:
        return Signal.objects.get(pk=earlier["signal"])
    try:
        return take_signal(actor, parse_cap(xml), xml, now=now, once=once)
    except CapError as error:
        kept = keep_aside(
            actor, "signals", xml, error=error.code, place=error.where, now=now, once=once
        )
        error.params["quarantine"] = kept.pk
        raise


def take_signal(
    actor: Actor, alert: CapAlert, xml: bytes, *, now: datetime, once: Once | None = None
) -> Signal:
    """Keep a message that was read.

    Raises
    ------
    CapError
        When another message came under the same identifier, sender and time.
    """
    same = _same(alert)
    if same is not None:
        return same
    facts = city_facts()
    meaning = meaning_of(alert, _dictionary(facts))
    areas = tuple(dict.fromkeys(filter(None, map(_area_code, meaning.geocodes))))
    ref = contents.put("signal", xml, purpose=SIGNAL.from_day(facts.local_day(now)), now=now)
    row = _row(alert, meaning, areas, ref)
    row.source, row.received_at = actor.id, now

    def commit() -> Answer:
        # The number's lock first: a twin that came at the same moment is visible after it.
        row.id = take_number("signal")
        twin = _same(alert)
        if twin is not None:
            return {"signal": twin.pk}
        journal.record(_event(row, overtaken=_overtaken(row)), actor=actor, now=now, rows=[row])
        return {"signal": row.id}

    try:
        answer, _ = run_once(actor, once, commit, now=now)
    except CapError:
        contents.destroy([ref.id], reason="another message has its identity", now=now)
        raise
    if answer["signal"] != row.id:
        contents.destroy([ref.id], reason="sent twice at once", now=now)
        return Signal.objects.get(pk=answer["signal"])
    return row


def _same(alert: CapAlert) -> Signal | None:
    """Return the signal that this message is, if it came before.

    Identifier, sender and time are a message's identity (CAP 1.2 §3.2.1).  A
    sender that gives two messages the same one may have meant the second: it
    must not pass for the first, whose level it may raise.
    """
    found = Signal.objects.filter(
        identifier=alert.identifier, sender=alert.sender, sent_at=alert.sent
    ).first()
    if found is not None and found.message_content is not None:
        raw = contents.get(found.message_content)
        if isinstance(raw, bytes) and parse_cap(raw) != alert:
            raise CapError("cap.identity_reused", "alert/identifier", signal=found.pk)
    return found


def _overtaken(row: Signal) -> bool:
    """Return whether a message that was sent later, and supersedes this one, came before it.

    It supersedes it when it refers to it, or says something of the same hazard
    on the same ground.  A sending time in the future counts as the time of
    receipt, lest one wrong clock silence all that follows.
    """
    sent_at = min(row.sent_at, row.received_at)
    of_sender = Signal.objects.filter(sender=row.sender)
    later = of_sender.filter(
        msg_type__in=ACTING_TYPES, sent_at__gt=sent_at, received_at__gt=sent_at
    ).exclude(acted_as="")
    matters = [row]
    if row.msg_type == "Cancel":  # it speaks of what it refers to
        matters = list(of_sender.filter(identifier__in=row.references))
    return any(
        row.identifier in other.references or any(_same_matter(one, other) for one in matters)
        for other in later
    )


def _same_matter(row: Signal, other: Signal) -> bool:
    if other.msg_type == "Cancel" or row.hazard != other.hazard:
        return False
    return (set(row.areas), set(row.polygons)) == (set(other.areas), set(other.polygons))


def _dictionary(facts: CityFacts) -> Dictionary:
    return Dictionary(
        hazard_of_code=registry.hazard_of_code if facts.loaded else lambda _scheme, _code: None,
        knows_hazard=facts.hazards.__contains__,
        lexicon=facts.lexicon,
    )


def _area_code(geocode: str) -> str | None:
    """Return the area that a geocode names, in whichever length it is written."""
    for form in area_code_forms(geocode):
        found = area_named(form)
        if found is not None:
            return found.code
    return None


def _row(
    alert: CapAlert, meaning: Meaning, areas: tuple[str, ...], ref: contents.ContentRef
) -> Signal:
    return Signal(
        identifier=alert.identifier,
        sender=alert.sender,
        sent_at=alert.sent,
        status=alert.status,
        acted_as=acted_as(alert.status, workspace_here().kind),
        msg_type=alert.msg_type,
        scope=alert.scope,
        hazard=meaning.hazard,
        hazard_from=meaning.hazard_from,
        level=meaning.level,
        level_from=meaning.level_from,
        cap_severity=meaning.severity,
        cap_urgency=meaning.urgency,
        cap_certainty=meaning.certainty,
        starts_at=meaning.starts_at,
        ends_at=meaning.ends_at,
        all_clear=meaning.all_clear,
        areas=list(areas),
        polygons=list(meaning.polygons),
        references=[reference.identifier for reference in alert.references],
        signed=alert.signed,
        message_content=ref.id,
        message_digest=ref.digest,
    )


def _event(row: Signal, *, overtaken: bool) -> SignalReceived:
    return SignalReceived(
        signal=row.id,
        identifier=row.identifier,
        sender=row.sender,
        status=row.status,
        msg_type=row.msg_type,
        hazard=row.hazard,
        level=row.level,
        areas=tuple(row.areas),
        polygons=tuple(row.polygons),
        references=tuple(row.references),
        sent_at=row.sent_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        acts=bool(row.acted_as) and row.msg_type in ACTING_TYPES,
        all_clear=row.all_clear,
        overtaken=overtaken,
    )
