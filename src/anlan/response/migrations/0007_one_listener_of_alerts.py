"""One listener hears all that happens to alerts: it begins where the last of the three stood."""

from django.db import migrations

THREE = (
    "response.handlers.on_alert_raised",
    "response.handlers.on_alert_level_changed",
    "response.handlers.on_alert_cleared",
)
ONE = "response.handlers.on_alert"


def begin_where_the_last_stood(apps, _schema_editor):
    """Hearing an alert twice changes nothing, missing one would lose it: so the earliest place counts."""
    cursors = apps.get_model("infra", "ListenerCursor")
    places = list(cursors.objects.filter(listener__in=THREE).values_list("seq", flat=True))
    if len(places) == len(THREE):
        cursors.objects.get_or_create(listener=ONE, defaults={"seq": min(places)})


def leave(_apps, _schema_editor):
    """The three kept their places, and what they hear again changes nothing."""


class Migration(migrations.Migration):
    dependencies = [
        ("response", "0006_cases_of_incidents"),
        ("infra", "0002_journal_head_row"),
    ]

    operations = [migrations.RunPython(begin_where_the_last_stood, leave)]
