"""What runs ran in, in words: for the page of a run, and side by side for revisions."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import JSONField
from django.db.models.fields.json import KeyTransform

from pipelines.engine.comparison import Cell, Entry, Section
from pipelines.engine.historytable import WORKSPACE, Row
from pipelines.models import Run
from tracking.models import Repository

PACKAGE = "package"
RUN = "Run"


@dataclass(frozen=True)
class Fact:
    """A line about the environment."""

    name: str
    value: str


def facts(environment: dict[str, Any]) -> Iterator[Fact]:
    python, cpu = environment.get("python"), environment.get("cpu")
    memory, gpus, variables = environment.get("memory_bytes"), environment.get("gpus"), environment.get("variables")
    if isinstance(python, dict):
        yield Fact("Python", ", ".join(str(python[key]) for key in ("version", "executable") if python.get(key)))
    if environment.get("platform"):
        yield Fact("Platform", str(environment["platform"]))
    if isinstance(cpu, dict):
        yield Fact("Processor", f"{cpu.get('count') or '?'} × {cpu.get('model') or 'unknown'}")
    if isinstance(memory, int):
        yield Fact("Memory", f"{memory / 2**30:.1f} GiB")
    if isinstance(gpus, list) and gpus:
        yield Fact("GPU", ", ".join(str(gpu) for gpu in gpus))
    if isinstance(variables, dict):
        yield from (Fact(str(name), str(value)) for name, value in variables.items())


def packages(environment: dict[str, Any]) -> dict[str, str]:
    python = environment.get("python")
    found = python.get("packages") if isinstance(python, dict) else None
    return {str(name): str(version) for name, version in found.items()} if isinstance(found, dict) else {}


# --- side by side
def environment_section(repository: Repository, rows: Sequence[Row]) -> Section:
    """Facts and packages of the runs that made the revisions, as far as they are recorded; the first row is the baseline."""
    made_by = runs_of(repository, rows)
    if not any(made_by):
        return Section("environment")
    columns = [_column(run) for run in made_by]
    entries = []
    for file, name in dict.fromkeys(key for column in columns for key in column):
        values = [column.get((file, name)) for column in columns]
        cells = [Cell(value, value != values[0] and made_by[number] is not None and made_by[0] is not None) for number, value in enumerate(values)]
        entries.append(Entry(file, name, "", cells))
    return Section("environment", sorted(entries, key=lambda entry: entry.file))


def _column(run: Run | None) -> dict[tuple[str, str], str]:
    if run is None:
        return {}
    column = {("", fact.name): fact.value for fact in facts(run.environment)}
    column |= {(PACKAGE, name): version for name, version in packages(run.environment).items()}
    return {("", RUN): run.run_id, **column}


def runs_of(repository: Repository, rows: Sequence[Row]) -> list[Run | None]:
    """The run whose results each row holds.

    A run notes the commit it started from; its results are committed afterwards. So of a commit it is the last run
    that ended well before the commit was made and started from a parent of it; else the last one of exactly its files.
    Of the workspace, it is the last run of all.
    """
    git = KeyTransform("git", "environment", output_field=JSONField())
    named = list(Run.objects.filter(repository=repository, state=Run.State.SUCCEEDED).order_by("-started_at").values_list("pk", "started_at", git))
    found = [_run_of(row, named) for row in rows]
    known = Run.objects.in_bulk([pk for pk in found if pk is not None])
    return [known[pk] if pk is not None else None for pk in found]


def _run_of(row: Row, named: list[tuple[int, datetime | None, Any]]) -> int | None:
    if row.sha == WORKSPACE:
        return named[0][0] if named else None
    made, parents = datetime.fromtimestamp(row.time + 1, UTC), row.parents or (None,)  # Git's times are whole seconds
    exact = None
    for pk, started_at, git in named:
        if not isinstance(git, dict) or started_at is None:
            continue
        if git.get("commit") in parents and started_at < made:
            return pk
        if exact is None and git.get("commit") == row.sha and not git.get("dirty"):
            exact = pk
    return exact
