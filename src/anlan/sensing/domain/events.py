"""What comes in: signs, as received."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anlan.kernel.events import Event


@dataclass(frozen=True, slots=True)
class ReportReceived(Event):
    """A person's report was kept.  Text, photo and contact are in the content store."""

    report: int
    number: str
    hazard: str  # recognised or stated; "" when nobody knows yet
    area: str  # area code; "" when the place is not known
    lat: float | None
    lon: float | None
    words: tuple[str, ...]  # which lexicon words were found (the lexicon's, not the text)
    strong: bool  # a word of danger to life was found
    known_at: datetime
    flood: int = 0  # one of many from one source within minutes; 0: none
    repeats: bool = False  # an earlier one of that source says the same


@dataclass(frozen=True, slots=True)
class SignalReceived(Event):
    """An outside warning (CAP 1.2) was kept as received."""

    signal: int
    identifier: str
    sender: str
    status: str  # Actual, Exercise, System, Test, Draft: as received
    msg_type: str  # Alert, Update, Cancel, Ack, Error
    hazard: str  # our slug; "" when its code is unknown
    level: str  # a WarningLevel; "" when none could be read
    areas: tuple[str, ...]  # area codes it names
    polygons: tuple[str, ...]  # CAP polygons, "lat,lon lat,lon ..."
    references: tuple[str, ...]  # identifiers it updates or cancels
    sent_at: datetime
    starts_at: datetime
    ends_at: datetime | None
    acts: bool  # whether this workspace may act on it (a live one: only on Actual)
    all_clear: bool = False  # responseType AllClear throughout: the danger it speaks of is over
    overtaken: bool = False  # a message sent later, which supersedes it, came before it


@dataclass(frozen=True, slots=True)
class ObservationCorrected(Event):
    """A reading was corrected by hand; what was received stays in the store."""

    observation: int  # the number under which it was received
    stream: str
    at: datetime
    reason: str  # as stated; "" when none was


@dataclass(frozen=True, slots=True)
class ObservationRemoved(Event):
    """A reading was removed by hand; what was received stays in the store."""

    observation: int
    stream: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class SegmentSealed(Event):
    """A segment of observations was closed for ever; its hash stands for all its readings."""

    segment: str
    sha256: str
    rows: int
    first_at: datetime
    last_at: datetime
    replaces: tuple[str, ...] = ()  # segments of which it was merged


@dataclass(frozen=True, slots=True)
class LossAccepted(Event):
    """A person accepted that something is gone, after a restore of the database or the readings alone.

    ``what`` is ``readings`` (frames ``first`` to ``last``, and the segments that went with them) or
    ``database`` (entries of the journal that the store of readings had witnessed).  The reason lies
    in the content store: people write names into reasons.
    """

    what: str
    first: int
    last: int
    since: datetime | None  # nobody knows, where nothing at all is left
    until: datetime
    segments: int
    reason_content: str
    reason_digest: str


@dataclass(frozen=True, slots=True)
class ReadingsRetired(Event):
    """Readings of a day went, as their class says; what stays of them lies in ``thinned``.

    ``digest`` is of every reading that went: whoever kept a copy can prove it against this entry.
    """

    day: str
    stream_class: str
    basis: str
    streams: int
    rows: int
    digest: str
    thinned: str
    thinned_sha256: str


@dataclass(frozen=True, slots=True)
class ConnectorSecretMade(Event):
    """A webhook got a new secret; earlier ones end soon, or at once when it is closed."""

    connector: str
    areas: tuple[str, ...]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class MessageKeptAside(Event):
    """Something unreadable came in; it was kept for a person to look at, not lost."""

    quarantine: int
    door: str
    error: str


@dataclass(frozen=True, slots=True)
class ContentsRead(Event):
    """Somebody read personal content: what, why, and for which post (I13)."""

    what: str  # "report:12", "quarantine:3"
    reason: str  # a ReadReason
    post: str  # the reader's; "" when the account holds none


@dataclass(frozen=True, slots=True)
class MessageReleased(Event):
    """A person dealt with a message that had been kept aside."""

    quarantine: int
    outcome: str
    corrected: bool = False  # what was accepted is what the person wrote instead


@dataclass(frozen=True, slots=True)
class StreamFaultFound(Event):
    """A stream is doubted from an instant on: what kind of fault, and by which check."""

    fault: int
    stream: str
    kind: str  # a FaultKind of the registry
    check: str
    check_version: int
    area: str
    place: str  # risk point code, or ""
    since: datetime
    asks: (
        bool  # whether somebody has to act: not in maintenance, and not of a check that only shows
    )


@dataclass(frozen=True, slots=True)
class StreamFaultEnded(Event):
    """A stream is no longer doubted for that fault."""

    fault: int
    stream: str
    kind: str
    why: str  # over, replaced, unchecked
    at: datetime


@dataclass(frozen=True, slots=True)
class MaintenanceSet(Event):
    """Somebody said from when to when a stream is worked on: its faults open no case meanwhile."""

    maintenance: int
    stream: str
    starts_at: datetime
    ends_at: datetime
    why: str  # names a decision or work, never a person


@dataclass(frozen=True, slots=True)
class MaintenanceEnded(Event):
    """The work on a stream was over earlier than was said, or was called off."""

    maintenance: int
    stream: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MultiDatastreamSet(Event):
    """Streams were put together as one MultiDatastream, or it was renamed.

    The reason lies in the content store: people write names into reasons.
    """

    code: str
    streams: tuple[str, ...]
    reason_content: str
    reason_digest: str


@dataclass(frozen=True, slots=True)
class MultiDatastreamEnded(Event):
    """A MultiDatastream is no more; its streams and their readings stay."""

    code: str
    reason_content: str
    reason_digest: str
