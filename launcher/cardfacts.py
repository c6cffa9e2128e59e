"""What a card of the list shows that takes a moment: state of the workspace, a metric with its history, counts, size of the cache."""
from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from launcher.engine.projectsummary import Metric, summarize
from launcher.home import Counts, counts_by_repository
from pipelines.engine.historytable import LOWER, guess_direction
from pipelines.indexing import refresh_experiments, refresh_runs
from pipelines.models import Run
from tracking.engine.errors import DataverError
from tracking.engine.repo import Repo
from tracking.models import Repository
from tracking.pages import head_of

COMMITS_SHOWN = 24  # points of the small line
COMMITS_READ = 200


@dataclass(frozen=True)
class History:
    """values: oldest first, the workspace's last. best: of them all. better: higher or lower."""

    values: list[float] = field(default_factory=list)
    best: float | None = None
    better: str = ""


@dataclass(frozen=True)
class LastRun:
    state: str
    started_at: Any


def card_facts(row: Repository, repo: Repo) -> dict[str, Any]:
    """A Summary with `branch`, `history` of its first metric, `counts` and `last_run`."""
    found = summarize(repo)
    problems = list(found.problems)
    try:
        refresh_runs(row, repo)
        refresh_experiments(row, repo)
    except (DataverError, OSError) as exc:
        problems.append(str(exc))
    last = Run.objects.filter(repository=row).order_by("-started_at").first()
    return {
        **asdict(found),
        "branch": head_of(repo.root_dir),
        "problems": problems,
        "history": history_of(row, repo, found.metrics[0]) if found.metrics else History(),
        "counts": counts_by_repository(row).get(row.pk, Counts()),
        "last_run": LastRun(last.state, last.started_at) if last else None,
    }


def history_of(row: Repository, repo: Repo, metric: Metric) -> History:
    """Along first parents from HEAD. What was not a number in a commit is left out."""
    head = repo.scm.head_commit() if repo.scm else None
    revisions = {sha: (parents, metrics) for sha, parents, metrics in row.revisions.order_by("-time").values_list("sha", "parent_shas", "metrics")[:COMMITS_READ]}  # type: ignore[attr-defined]
    values: list[float] = []
    while head in revisions and len(values) < COMMITS_SHOWN:
        parents, metrics = revisions[head]
        value = value_at(metrics.get(metric.file, {}).get("data"), metric.name)
        if value is not None:
            values.insert(0, value)
        head = parents.split()[0] if parents else None
    if not values or values[-1] != metric.value:
        values.append(metric.value)
    better = guess_direction(metric.name)
    return History(values, min(values) if better == LOWER else max(values), better)


def value_at(data: Any, name: str) -> float | None:
    """The number under a dotted name; names may hold dots themselves."""
    if isinstance(data, (int, float)) and not isinstance(data, bool):
        return float(data) if data - data == 0 else None
    if not isinstance(data, dict):
        return None
    if name in data:
        return value_at(data[name], "")
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        start = ".".join(parts[:length])
        if start in data:
            return value_at(data[start], ".".join(parts[length:]))
    return None
