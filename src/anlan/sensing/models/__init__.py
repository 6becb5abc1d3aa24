"""Tables of what comes in.  Free text, contact data and photos are in the content store only."""

from anlan.sensing.models.signs import (
    UNNUMBERED,
    IdempotencyKey,
    Quarantine,
    Report,
    ReportPhoto,
    ReportSource,
    Signal,
    SignCounter,
    Upload,
    UploadPiece,
)
from anlan.sensing.models.streams import (
    Maintenance,
    MultiDatastream,
    RetiredReadings,
    Segment,
    StoreMark,
    StreamFault,
)

__all__ = [
    "UNNUMBERED",
    "IdempotencyKey",
    "Maintenance",
    "MultiDatastream",
    "Quarantine",
    "Report",
    "ReportPhoto",
    "ReportSource",
    "RetiredReadings",
    "Segment",
    "SignCounter",
    "Signal",
    "StoreMark",
    "StreamFault",
    "Upload",
    "UploadPiece",
]
