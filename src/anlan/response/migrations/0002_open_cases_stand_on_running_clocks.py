"""Hold I1 across both tables: an open case stands on a running clock of its own.

A CHECK sees one row only.  These triggers refuse to stop, miss, meet, delete or
rewrite a clock on which an open case stands, and to let an open case stand on a
clock that does not run, belongs to another case or is due at another instant.
What was promised on a clock (rule, basis, start, due instant, approver) cannot be rewritten at all.
"""

from django.db import migrations

SQLITE = [
    """
    CREATE TRIGGER response_case_stands_insert BEFORE INSERT ON response_case
    WHEN NEW.is_open AND NOT EXISTS (
        SELECT 1 FROM response_caseclock c WHERE c.id = NEW.running_clock_id AND c.case_id = NEW.id
        AND c.met_at IS NULL AND c.missed_at IS NULL AND c.stopped_at IS NULL
        AND c.due_at = NEW.next_at)
    BEGIN SELECT RAISE(ABORT, 'I1: an open case stands on a running clock'); END
    """,
    """
    CREATE TRIGGER response_case_stands_update BEFORE UPDATE ON response_case
    WHEN NEW.is_open AND NOT EXISTS (
        SELECT 1 FROM response_caseclock c WHERE c.id = NEW.running_clock_id AND c.case_id = NEW.id
        AND c.met_at IS NULL AND c.missed_at IS NULL AND c.stopped_at IS NULL
        AND c.due_at = NEW.next_at)
    BEGIN SELECT RAISE(ABORT, 'I1: an open case stands on a running clock'); END
    """,
    """
    CREATE TRIGGER response_clock_kept_update BEFORE UPDATE ON response_caseclock
    WHEN (NEW.met_at IS NOT NULL OR NEW.missed_at IS NOT NULL OR NEW.stopped_at IS NOT NULL)
        AND EXISTS (SELECT 1 FROM response_case k WHERE k.running_clock_id = OLD.id AND k.is_open)
    BEGIN SELECT RAISE(ABORT, 'I1: an open case stands on this clock'); END
    """,
    """
    CREATE TRIGGER response_clock_kept_delete BEFORE DELETE ON response_caseclock
    WHEN EXISTS (SELECT 1 FROM response_case k WHERE k.running_clock_id = OLD.id AND k.is_open)
    BEGIN SELECT RAISE(ABORT, 'I1: an open case stands on this clock'); END
    """,
    """
    CREATE TRIGGER response_clock_promise BEFORE UPDATE ON response_caseclock
    WHEN NEW.id <> OLD.id OR NEW.case_id <> OLD.case_id OR NEW.rule_id <> OLD.rule_id
        OR NEW.rule_version <> OLD.rule_version OR NEW.calendar <> OLD.calendar
        OR NEW.start_event <> OLD.start_event OR NEW.started_at <> OLD.started_at
        OR NEW.due_at <> OLD.due_at OR NEW."limit" <> OLD."limit" OR NEW.basis <> OLD.basis
        OR NEW.kind <> OLD.kind OR NEW.stage <> OLD.stage OR NEW.approver <> OLD.approver
    BEGIN SELECT RAISE(ABORT, 'I2: what a clock promised is not rewritten'); END
    """,
]

POSTGRESQL = [
    """
    CREATE FUNCTION response_case_stands() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.is_open AND NOT EXISTS (
            SELECT 1 FROM response_caseclock c
            WHERE c.id = NEW.running_clock_id AND c.case_id = NEW.id
            AND c.met_at IS NULL AND c.missed_at IS NULL AND c.stopped_at IS NULL
            AND c.due_at = NEW.next_at) THEN
            RAISE EXCEPTION 'I1: an open case stands on a running clock' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER response_case_stands BEFORE INSERT OR UPDATE ON response_case
    FOR EACH ROW EXECUTE FUNCTION response_case_stands()
    """,
    """
    CREATE FUNCTION response_clock_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' OR NEW.met_at IS NOT NULL OR NEW.missed_at IS NOT NULL
            OR NEW.stopped_at IS NOT NULL THEN
            IF EXISTS (SELECT 1 FROM response_case k
                WHERE k.running_clock_id = OLD.id AND k.is_open) THEN
                RAISE EXCEPTION 'I1: an open case stands on this clock' USING ERRCODE = '23514';
            END IF;
        END IF;
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        IF (NEW.id, NEW.case_id, NEW.rule_id, NEW.rule_version, NEW.calendar, NEW.start_event,
            NEW.started_at, NEW.due_at, NEW."limit", NEW.basis, NEW.kind, NEW.stage,
            NEW.approver) IS DISTINCT FROM
            (OLD.id, OLD.case_id, OLD.rule_id, OLD.rule_version, OLD.calendar, OLD.start_event,
            OLD.started_at, OLD.due_at, OLD."limit", OLD.basis, OLD.kind, OLD.stage,
            OLD.approver) THEN
            RAISE EXCEPTION 'I2: what a clock promised is not rewritten' USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER response_clock_kept BEFORE UPDATE OR DELETE ON response_caseclock
    FOR EACH ROW EXECUTE FUNCTION response_clock_kept()
    """,
]

UNDO = {
    "sqlite": [
        "DROP TRIGGER response_case_stands_insert",
        "DROP TRIGGER response_case_stands_update",
        "DROP TRIGGER response_clock_kept_update",
        "DROP TRIGGER response_clock_kept_delete",
        "DROP TRIGGER response_clock_promise",
    ],
    "postgresql": [
        "DROP TRIGGER response_case_stands ON response_case",
        "DROP TRIGGER response_clock_kept ON response_caseclock",
        "DROP FUNCTION response_case_stands()",
        "DROP FUNCTION response_clock_kept()",
    ],
}


def make(apps, schema_editor):
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]
    for statement in statements:
        schema_editor.execute(statement)


def undo(apps, schema_editor):
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("response", "0001_initial")]
    operations = [migrations.RunPython(make, undo)]
