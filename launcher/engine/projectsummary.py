"""What a card says about a project that takes a moment to find out: changes, metrics, size of the cache."""
from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from pipelines.engine.experiments.runprogress import main_metric
from pipelines.engine.metrics import show_metrics
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any, Iterator
from tracking.engine.repo import Repo

METRICS_SHOWN = 3
CACHE_TIME_LIMIT_S = 0.7


@dataclass(frozen=True)
class Metric:
    """name: key in the file, nested ones joined by dots. value: a number."""

    name: str
    file: str
    value: float


@dataclass(frozen=True)
class Summary:
    """changed: files that differ from HEAD or that Git does not know, None without Git.

    metrics: a few of the workspace, the main one first. metrics_total: how many there are. cache_bytes: None
    while there is no cache; cache_counted is False when counting took too long and there is more.
    problems: what could not be read, one sentence each.
    """

    changed: int | None
    metrics: list[Metric] = field(default_factory=list)
    metrics_total: int = 0
    cache_bytes: int | None = None
    cache_counted: bool = True
    problems: list[str] = field(default_factory=list)


def summarize(repo: Repo) -> Summary:
    """Read a project's state. Runs `git status`, nothing of the project. Parts that fail become problems."""
    problems: list[str] = []
    changed: int | None = None
    metrics: list[Metric] = []
    try:
        changed = changed_files(repo)
    except (DataverError, OSError) as exc:
        problems.append(str(exc))
    try:
        metrics = list(workspace_metrics(repo, problems))
    except (DataverError, OSError) as exc:
        problems.append(str(exc))
    main = main_metric(metric.name for metric in metrics)
    metrics.sort(key=lambda metric: metric.name != main)
    size, counted = cache_size(repo.cache_dir)
    return Summary(changed, metrics[:METRICS_SHOWN], len(metrics), size, counted, problems)


def changed_files(repo: Repo) -> int | None:
    """None without Git."""
    if repo.scm is None:
        return None
    status = repo.scm.status(untracked="all")
    return len({*status.staged, *status.unstaged, *status.untracked})


def workspace_metrics(repo: Repo, problems: list[str]) -> Iterator[Metric]:
    """Numbers of the metrics files of the workspace, in their order; what cannot be read is added to `problems`."""
    found = next(iter(show_metrics(repo, hide_workspace=False).values()), {})  # without revisions: the workspace only
    if "error" in found:
        problems.append(_said(found["error"]))
    for file, result in found.get("data", {}).items():
        if "error" in result:
            problems.append(f"{file}: {_said(result['error'])}")
        yield from _leaves(result.get("data"), file, "")


def _said(error: Any) -> str:
    return str(error.get("msg", error)) if isinstance(error, dict) else str(error)


def _leaves(value: Any, file: str, name: str) -> Iterator[Metric]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, file, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield Metric(name or os.path.basename(file), file, value)


def cache_size(folder: str, limit_s: float = CACHE_TIME_LIMIT_S) -> tuple[int | None, bool]:
    """Bytes of the files below `folder`, and whether all were counted within the time. (None, True): no such folder."""
    if not os.path.isdir(folder):
        return None, True
    until = time.monotonic() + limit_s
    total, waiting = 0, [folder]
    while waiting:
        if time.monotonic() > until:
            return total, False
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # deleted meanwhile, or not ours to read
    return total, True
