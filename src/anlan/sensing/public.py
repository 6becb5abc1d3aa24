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
    read_thinned,
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
from anlan.sensing.services.imports import import_observations, import_reports, import_signals
from anlan.sensing.services.messages import keep_message, map_here, maps_here
from anlan.sensing.services.observations import keep_observations
from anlan.sensing.services.once import Once, earlier_answer, forget_keys, run_once
from anlan.sensing.services.photos import clean_photos
from anlan.sensing.services.reading import note_reading, words_of_report
from anlan.sensing.services.receipts import follow_secret
from anlan.sensing.services.reports import keep_report
from anlan.sensing.services.retiring import retire_due, what_would_go
from anlan.sensing.services.segments import seal_segments, verify_segments
from anlan.sensing.services.signals import keep_signal
from anlan.sensing.services.sources import forget_sources
from anlan.sensing.services.table_jobs import (
    TableJob,
    advance_tables,
    ask,
    begin_table,
    choose_map,
    discard_table,
    own_tables,
    remember_map,
    shape_of_table,
    sweep_tables,
    table_job,
)
from anlan.sensing.services.tables import RefusedFile, import_table, look_at
from anlan.sensing.services.uploads import (
    append_piece,
    begin_upload,
    forget_uploads,
    sweep_uploads,
    upload_state,
    uploaded,
)
from anlan.sensing.services.webhooks import close_webhook, make_secret

__all__ = [
    "Batch",
    "BatchIn",
    "BatchReceipt",
    "Contact",
    "FloodRule",
    "KnownThen",
    "LastHeard",
    "LatestReading",
    "Observation",
    "Once",
    "Quality",
    "ReadReason",
    "RefusedFile",
    "ReportIn",
    "RowIn",
    "Source",
    "TableJob",
    "UploadState",
    "advance_tables",
    "append_piece",
    "ask",
    "batches_after",
    "begin_table",
    "begin_upload",
    "choose_map",
    "clean_photos",
    "close_webhook",
    "discard_table",
    "earlier_answer",
    "follow_secret",
    "forget_keys",
    "forget_sources",
    "forget_uploads",
    "import_observations",
    "import_reports",
    "import_signals",
    "import_table",
    "keep_message",
    "keep_observations",
    "keep_report",
    "keep_signal",
    "known_at",
    "last_batch_id",
    "last_heard",
    "last_heard_by",
    "last_times",
    "latest",
    "look_at",
    "make_secret",
    "map_here",
    "maps_here",
    "note_reading",
    "own_tables",
    "quarantine_open",
    "quarantined",
    "read_many",
    "read_observations",
    "read_thinned",
    "remember_map",
    "report",
    "report_followed",
    "report_points",
    "retire_due",
    "run_once",
    "seal_segments",
    "shape_of_table",
    "signal",
    "signal_message",
    "sweep_tables",
    "sweep_uploads",
    "table_job",
    "upload_state",
    "uploaded",
    "verify_segments",
    "what_is_kept",
    "what_would_go",
    "words_of_report",
]
