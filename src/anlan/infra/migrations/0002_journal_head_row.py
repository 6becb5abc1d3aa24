from django.db import migrations


def make_head(apps, schema_editor):
    if schema_editor.connection.alias == "default":
        apps.get_model("infra", "JournalHead").objects.using("default").get_or_create(id=1)


class Migration(migrations.Migration):
    """The one row that writers lock; without it nothing can be journalled."""

    dependencies = [("infra", "0001_initial")]

    operations = [migrations.RunPython(make_head, migrations.RunPython.noop)]
