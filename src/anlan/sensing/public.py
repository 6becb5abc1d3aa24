"""What other rooms and entry points may call of the sensing room."""

from anlan.sensing.access import report_followed
from anlan.sensing.domain.columns import Columns
from anlan.sensing.domain.floods import FloodRule, Source
from anlan.sensing.domain.observations import (
    Batch,
    BatchIn,
    BatchReceipt,
    LatestReading,
    Observation,
    Quality,
    RowIn,
)
from anlan.sensing.domain.reading import ReadReason
from anlan.sensing.domain.reports import Contact, ReportIn
from anlan.sensing.domain.uploads import UploadState
from anlan.sensing.known_then import KnownThen, known_at
from anlan.sensing.readings import (
    LastHeard,
    batches_after,
    last_batch_id,
    last_heard,
    last_heard_by,
    last_times,
    latest,
    read_many,
    read_observations,
    what_is_kept,
)
from anlan.sensing.selectors import (
    quarantine_open,
    quarantined,
    report,
    report_points,
    signal,
    signal_message,
)
from anlan.sensing.services.gatherer import Gatherer
from anlan.sensing.services.hands import begin_writing, let_go
from anlan.sensing.services.imports import import_observations, import_reports, import_signals
from anlan.sensing.services.observations import keep_observations
from anlan.sensing.services.once import Once, earlier_answer, forget_keys, run_once
from anlan.sensing.services.photos import clean_photos
from anlan.sensing.services.reading import note_reading, words_of_report
from anlan.sensing.services.receipts import follow_secret
from anlan.sensing.services.reports import keep_report
from anlan.sensing.services.segments import seal_segments, verify_segments
from anlan.sensing.services.signals import keep_signal
from anlan.sensing.services.sources import forget_sources
from anlan.sensing.services.uploads import (
    append_piece,
    begin_upload,
    forget_uploads,
    sweep_uploads,
    upload_state,
    uploaded,
)

__all__ = [
    "Batch",
    "BatchIn",
    "BatchReceipt",
    "Columns",
    "Contact",
    "FloodRule",
    "Gatherer",
    "KnownThen",
    "LastHeard",
    "LatestReading",
    "Observation",
    "Once",
    "Quality",
    "ReadReason",
    "ReportIn",
    "RowIn",
    "Source",
    "UploadState",
    "append_piece",
    "batches_after",
    "begin_upload",
    "begin_writing",
    "clean_photos",
    "earlier_answer",
    "follow_secret",
    "forget_keys",
    "forget_sources",
    "forget_uploads",
    "import_observations",
    "import_reports",
    "import_signals",
    "keep_observations",
    "keep_report",
    "keep_signal",
    "known_at",
    "last_batch_id",
    "last_heard",
    "last_heard_by",
    "last_times",
    "latest",
    "let_go",
    "note_reading",
    "quarantine_open",
    "quarantined",
    "read_many",
    "read_observations",
    "report",
    "report_followed",
    "report_points",
    "run_once",
    "seal_segments",
    "signal",
    "signal_message",
    "sweep_uploads",
    "upload_state",
    "uploaded",
    "verify_segments",
    "what_is_kept",
    "words_of_report",
]
