

import django.db.models.deletion
import tracking.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tracking', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha', models.CharField(max_length=64)),
                ('parent_shas', models.TextField(blank=True, help_text='ids of its parents, separated by spaces')),
                ('author', models.TextField(blank=True)),
                ('time', models.BigIntegerField(help_text='when it was committed: seconds since 1970')),
                ('subject', models.TextField(blank=True, help_text='first paragraph of its message')),
                ('has_project', models.BooleanField(default=True, help_text="whether the project's folder exists in it")),
                ('is_boundary', models.BooleanField(default=False, help_text='a shallow clone had none of its parents when it was read')),
                ('metrics', tracking.models.JsonText(default=dict, help_text='file -> {data} or {error: {type, msg}}')),
                ('params', tracking.models.JsonText(default=dict, help_text='file -> {data} or {error: {type, msg}}')),
                ('outs', tracking.models.JsonText(default=list, help_text='list of {path, kind, size, nfiles, hash, cached, is_data_source}, and model, its name, where it is one; size in bytes')),
                ('deps', tracking.models.JsonText(default=dict, help_text='path -> hash, of what stages read and none of them writes')),
                ('errors', tracking.models.JsonText(default=list, help_text='list of {file, type, msg}: .dvc and dvc.yaml files that could not be read')),
                ('missing', models.TextField(blank=True, help_text='ids of objects that would have been read, separated by spaces; read again when one arrives')),
                ('repository', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='tracking.repository')),
            ],
            options={
                'ordering': ['repository', '-time'],
                'indexes': [models.Index(condition=models.Q(('is_boundary', True), models.Q(('missing', ''), _negated=True), _connector='OR'), fields=['repository'], name='incomplete_revisions')],
                'constraints': [models.UniqueConstraint(fields=('repository', 'sha'), name='one_revision_per_commit')],
            },
        ),
    ]
