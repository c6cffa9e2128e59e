"""Index of stages, runs and experiments; the truth is dvc.yaml, dvc.lock, the journals of runs, and refs."""
from __future__ import annotations

from django.db import models


class Stage(models.Model):
    """One stage of a dvc.yaml, or one .dvc file (then `name` is empty), as in the workspace."""

    repository = models.ForeignKey("tracking.Repository", on_delete=models.CASCADE, related_name="stages")
    file = models.CharField(max_length=4096, help_text="defining file, posix, relative to the root")
    name = models.CharField(max_length=1024, blank=True)
    position = models.PositiveIntegerField(help_text="0 for the first stage found; the order of `stage list`")
    wdir = models.CharField(max_length=4096, help_text="posix, relative to the root; empty for the root")
    cmd = models.JSONField(null=True, help_text="text, list of texts, or null for data")
    deps = models.JSONField(default=list, help_text="list of paths as written")
    params = models.JSONField(default=dict, help_text="params file -> list of keys; an empty list is the whole file")
    outs = models.JSONField(default=list, help_text="list of {path, kind, cache, hash, size}; size in bytes")
    frozen = models.BooleanField(default=False)
    always_changed = models.BooleanField(default=False)
    desc = models.TextField(blank=True)

    class Meta:
        ordering = ["repository", "position"]
        constraints = [models.UniqueConstraint(fields=["repository", "file", "name"], name="one_stage_per_address")]

    def __str__(self) -> str:
        return f"{self.file}:{self.name}" if self.name else self.file


class ParamsFile(models.Model):
    """One file of params that stages read, or that dvc.yaml's default names. Its values are copies; the file is the truth."""

    class Format(models.TextChoices):
        YAML = "yaml", "YAML"
        JSON = "json", "JSON"
        TOML = "toml", "TOML"
        PY = "py", "Python"

    repository = models.ForeignKey("tracking.Repository", on_delete=models.CASCADE, related_name="params_files")
    path = models.CharField(max_length=4096, help_text="posix, relative to the root")
    format = models.CharField(max_length=8, choices=Format.choices)
    values = models.JSONField(default=dict, help_text="dotted key -> value")
    used_by = models.JSONField(default=list, help_text="names of the stages that read it")
    problem = models.TextField(blank=True, help_text="why it cannot be read; empty when it can")

    class Meta:
        ordering = ["repository", "path"]
        constraints = [models.UniqueConstraint(fields=["repository", "path"], name="one_params_file_per_path")]

    def __str__(self) -> str:
        return self.path


class Run(models.Model):
    """One execution of a pipeline."""

    class State(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        INTERRUPTED = "interrupted"

    repository = models.ForeignKey("tracking.Repository", on_delete=models.CASCADE, related_name="runs")
    run_id = models.CharField(max_length=64, help_text="name of its journal, without .jsonl")
    state = models.CharField(max_length=16, choices=State.choices)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    duration_s = models.FloatField(null=True)
    command = models.CharField(max_length=64, default="repro", help_text="the verb that started it")
    targets = models.JSONField(default=list, help_text="as given on the command line; empty means all")
    planned = models.PositiveIntegerField(null=True, help_text="how many stages it looked at")
    cause = models.TextField(blank=True, help_text="one sentence, of a failure")
    skipped = models.JSONField(default=list, help_text="addresses of stages that had not changed")
    blocked = models.JSONField(default=list, help_text="addresses of stages left out because of a failure before them")
    environment = models.JSONField(default=dict, help_text="git, python, platform, cpu, memory_bytes, gpus, variables")

    class Meta:
        ordering = ["repository", "-started_at"]
        constraints = [models.UniqueConstraint(fields=["repository", "run_id"], name="one_run_per_id")]

    def __str__(self) -> str:
        return self.run_id


class StageExecution(models.Model):
    """One stage in one run; stages that were skipped have none."""

    class State(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        INTERRUPTED = "interrupted"
        RESTORED = "restored"
        VERIFIED = "verified"
        IMPORTED = "imported"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="executions")
    position = models.PositiveIntegerField(help_text="0 for the first to start")
    stage = models.CharField(max_length=4096, help_text="its address, seen from the root")
    state = models.CharField(max_length=16, choices=State.choices)
    started_at = models.DateTimeField(null=True)
    duration_s = models.FloatField(null=True)
    exit_code = models.IntegerField(null=True, help_text="negative for a signal; null when no command ended")
    cause = models.TextField(blank=True, help_text="one sentence, of a failure")
    reasons = models.JSONField(default=list, help_text="sentences: why it ran")
    command = models.JSONField(default=list, help_text="command lines as run")
    log = models.CharField(max_length=255, blank=True, help_text="file name in the run's folder; empty when no command ran")

    class Meta:
        ordering = ["run", "position"]
        constraints = [models.UniqueConstraint(fields=["run", "stage"], name="one_execution_per_stage_and_run")]

    def __str__(self) -> str:
        return f"{self.run}: {self.stage}"


class Experiment(models.Model):
    """One experiment: kept under a ref, or in the queue, or both; what failed has no ref."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCESS = "success"
        FAILED = "failed"
        KILLED = "killed"

    repository = models.ForeignKey("tracking.Repository", on_delete=models.CASCADE, related_name="experiments")
    key = models.CharField(max_length=512, help_text="its ref; of one without, the id of its task")
    name = models.CharField(max_length=255)
    baseline = models.CharField(max_length=64, help_text="id of the commit it started from")
    commit = models.CharField(max_length=64, blank=True, help_text="of its result; of a failed one, of what it left")
    state = models.CharField(max_length=16, choices=State.choices)
    task = models.CharField(max_length=64, blank=True, help_text="id in the queue; empty when it was not queued, or left the list")
    from_dvc = models.BooleanField(default=False, help_text="waits in dvc's own queue")
    params = models.JSONField(default=list, help_text="overrides as typed")
    queued_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, help_text="one sentence, of a failure")
    failed_stage = models.CharField(max_length=4096, blank=True)
    run_id = models.CharField(max_length=64, blank=True, help_text="of the run that made it")

    class Meta:
        ordering = ["repository", "-queued_at", "name"]
        constraints = [models.UniqueConstraint(fields=["repository", "key"], name="one_experiment_per_key")]

    def __str__(self) -> str:
        return self.name
