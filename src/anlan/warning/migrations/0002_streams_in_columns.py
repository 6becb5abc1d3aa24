"""The judge remembers streams in a file of the workspace, no longer in a row for each of them.

What is open is in the alert instances; the new judge takes it over from there, beginning with the
frame up to which the old one had judged.
"""

from django.db import migrations, models


def take_over(apps, schema_editor):
    state = apps.get_model("warning", "JudgeState")
    state.objects.filter(key__startswith="stream:").delete()
    city = state.objects.filter(key="city").first()
    if city is not None and "batch" in city.cursors:
        state.objects.create(key="streams", cursors={"cut": 0, "judged_to": city.cursors.pop("batch")})
        city.save(update_fields=["cursors"])


def give_back(apps, schema_editor):
    state = apps.get_model("warning", "JudgeState")
    streams = state.objects.filter(key="streams").first()
    city = state.objects.filter(key="city").first()
    if streams is not None and city is not None:
        city.cursors["batch"] = streams.cursors.get("frame", streams.cursors.get("judged_to", 0))
        city.save(update_fields=["cursors"])
    if streams is not None:
        streams.delete()


class Migration(migrations.Migration):

    dependencies = [
        ('warning', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='JudgeCut',
            fields=[
                ('number', models.BigIntegerField(help_text='Counts on by one', primary_key=True, serialize=False)),
                ('before_frame', models.BigIntegerField(help_text='Last frame judged before it')),
                ('before_us', models.BigIntegerField(help_text='Instant of the step before it, in µs')),
                ('frame', models.BigIntegerField(help_text='Last frame judged by it')),
                ('at_us', models.BigIntegerField(help_text='Instant as of which it judged, in µs')),
                ('city', models.BooleanField(help_text='Whether it took over another city or other rules')),
                ('told', models.PositiveIntegerField(help_text='How many of its findings are written')),
                ('whole', models.BooleanField(help_text='Whether all of them are')),
            ],
        ),
        migrations.RunPython(take_over, give_back),
    ]
