"""What other rooms and entry points may call of the sensing room."""

from anlan.sensing.access import report_followed
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
from anlan.sensing.doubts import doubts_of, faults_named, faults_of, faulty
from anlan.sensing.flagging import flags_of
from anlan.sensing.healthy import Health, StreamHealth, health, health_of
from anlan.sensing.known_then import KnownThen, known_at
from anlan.sensing.quality.health import TRUSTS
from anlan.sensing.quality.state import FAULTS
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
from anlan.sensing.services.examining import Examined, examine
from anlan.sensing.services.imports import import_observations, import_reports, import_signals
from anlan.sensing.services.maintaining import LONGEST as LONGEST_MAINTENANCE
from anlan.sensing.services.maintaining import (
    end_maintenance,
    in_maintenance,
    maintenance_of,
    set_maintenance,
)
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
    "FAULTS",
    "LONGEST_MAINTENANCE",
    "TRUSTS",
    "Batch",
    "BatchIn",
    "BatchReceipt",
    "Contact",
    "Examined",
    "FloodRule",
    "Health",
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
    "StreamHealth",
    "UploadState",
    "append_piece",
    "batches_after",
    "begin_upload",
    "clean_photos",
    "doubts_of",
    "earlier_answer",
    "end_maintenance",
    "examine",
    "faults_named",
    "faults_of",
    "faulty",
    "flags_of",
    "follow_secret",
    "forget_keys",
    "forget_sources",
    "forget_uploads",
    "health",
    "health_of",
    "import_observations",
    "import_reports",
    "import_signals",
    "in_maintenance",
    "keep_observations",
    "keep_report",
    "keep_signal",
    "known_at",
    "last_batch_id",
    "last_heard",
    "last_heard_by",
    "last_times",
    "latest",
    "maintenance_of",
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
    "set_maintenance",
    "signal",
    "signal_message",
    "sweep_uploads",
    "upload_state",
    "uploaded",
    "verify_segments",
    "what_is_kept",
    "words_of_report",
]
