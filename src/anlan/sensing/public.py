"""What other rooms and entry points may call of the sensing room."""

from anlan.sensing.access import report_followed
from anlan.sensing.courses import (
    MOST_STREAMS,
    Correction,
    Course,
    courses,
)
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
from anlan.sensing.doubts import doubts_of, faults_between, faults_named, faults_of, faulty
from anlan.sensing.flagging import (
    FlaggedReading,
    flagged_by_parts,
    flagged_course,
    flagged_courses,
    flags_of,
)
from anlan.sensing.frames import (
    frames_after,
    frames_mark,
    hear_kept,
    is_of_this_store,
    last_frame,
    most_rows_between,
    newest_readings,
    number_streams,
    passed_over,
    rows_between,
    stream_codes,
    stream_numbers,
)
from anlan.sensing.handing import as_parquet
from anlan.sensing.healthy import Health, StreamHealth, health, health_of
from anlan.sensing.known_then import KnownThen, known_at
from anlan.sensing.quality.flags import FLAGS, Flagged
from anlan.sensing.quality.flags import names_of as flag_names
from anlan.sensing.quality.health import TRUSTS
from anlan.sensing.quality.state import FAULTS
from anlan.sensing.readings import (
    LastHeard,
    NewestColumns,
    batches_after,
    last_batch_id,
    last_heard,
    last_heard_by,
    last_times,
    latest,
    newest_columns,
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
from anlan.sensing.services.agreement import Apart, accept_loss, agree, apart, note_kept, seen_apart
from anlan.sensing.services.allowance import Allowance
from anlan.sensing.services.examining import Examined, examine
from anlan.sensing.services.gatherer import Gatherer
from anlan.sensing.services.hands import begin_writing, let_go
from anlan.sensing.services.imports import import_observations, import_reports, import_signals
from anlan.sensing.services.maintaining import LONGEST as LONGEST_MAINTENANCE
from anlan.sensing.services.maintaining import (
    end_maintenance,
    in_maintenance,
    maintenance_of,
    set_maintenance,
)
from anlan.sensing.services.messages import keep_message, map_here, maps_here
from anlan.sensing.services.observations import keep_observations
from anlan.sensing.services.once import MAX_KEY, Once, earlier_answer, forget_keys, run_once
from anlan.sensing.services.photos import clean_photos
from anlan.sensing.services.quarantine import keep_aside
from anlan.sensing.services.reading import note_reading, words_of_report
from anlan.sensing.services.receipts import follow_secret
from anlan.sensing.services.reports import keep_report
from anlan.sensing.services.retiring import retire_due, what_would_go
from anlan.sensing.services.rounds import harmed_files, prove_on
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
from anlan.sensing.store import Frame, Rows
from anlan.sensing.usual import UsualCourse, usual_before

__all__ = [
    "FAULTS",
    "FLAGS",
    "LONGEST_MAINTENANCE",
    "MAX_KEY",
    "MOST_STREAMS",
    "TRUSTS",
    "Allowance",
    "Apart",
    "Batch",
    "BatchIn",
    "BatchReceipt",
    "Columns",
    "Contact",
    "Correction",
    "Course",
    "Examined",
    "Flagged",
    "FlaggedReading",
    "FloodRule",
    "Frame",
    "Gatherer",
    "Health",
    "KnownThen",
    "LastHeard",
    "LatestReading",
    "NewestColumns",
    "Observation",
    "Once",
    "Quality",
    "ReadReason",
    "RefusedFile",
    "ReportIn",
    "RowIn",
    "Rows",
    "Source",
    "StreamHealth",
    "TableJob",
    "UploadState",
    "UsualCourse",
    "accept_loss",
    "advance_tables",
    "agree",
    "apart",
    "append_piece",
    "as_parquet",
    "ask",
    "batches_after",
    "begin_table",
    "begin_upload",
    "begin_writing",
    "choose_map",
    "clean_photos",
    "close_webhook",
    "courses",
    "discard_table",
    "doubts_of",
    "earlier_answer",
    "end_maintenance",
    "examine",
    "faults_between",
    "faults_named",
    "faults_of",
    "faulty",
    "flag_names",
    "flagged_by_parts",
    "flagged_course",
    "flagged_courses",
    "flags_of",
    "follow_secret",
    "forget_keys",
    "forget_sources",
    "forget_uploads",
    "frames_after",
    "frames_mark",
    "harmed_files",
    "health",
    "health_of",
    "hear_kept",
    "import_observations",
    "import_reports",
    "import_signals",
    "import_table",
    "in_maintenance",
    "is_of_this_store",
    "keep_aside",
    "keep_message",
    "keep_observations",
    "keep_report",
    "keep_signal",
    "known_at",
    "last_batch_id",
    "last_frame",
    "last_heard",
    "last_heard_by",
    "last_times",
    "latest",
    "let_go",
    "look_at",
    "maintenance_of",
    "make_secret",
    "map_here",
    "maps_here",
    "most_rows_between",
    "newest_columns",
    "newest_readings",
    "note_kept",
    "note_reading",
    "number_streams",
    "own_tables",
    "passed_over",
    "prove_on",
    "quarantine_open",
    "quarantined",
    "read_many",
    "read_observations",
    "remember_map",
    "report",
    "report_followed",
    "report_points",
    "retire_due",
    "rows_between",
    "run_once",
    "seal_segments",
    "seen_apart",
    "set_maintenance",
    "shape_of_table",
    "signal",
    "signal_message",
    "stream_codes",
    "stream_numbers",
    "sweep_tables",
    "sweep_uploads",
    "table_job",
    "upload_state",
    "uploaded",
    "usual_before",
    "verify_segments",
    "what_is_kept",
    "what_would_go",
    "words_of_report",
]
