"""How far a run is inside of its stage, from what it writes: metrics files, DVCLive's curves, its log.

Nothing has to be told to dataver: a `step` or `epoch` among the metrics and a param like `epochs`, or
`7/40` in the last line of the log, say enough.
"""
from __future__ import annotations

import contextlib
import itertools
import os
import re

from tracking.engine.hints import Any, Iterable, Mapping, Sequence
from tracking.engine.params import flatten
from tracking.engine.record import field, record

STEP_NAMES = ("epoch", "step", "iteration", "iter")
TOTAL_NAMES = ("epochs", "num_epochs", "n_epochs", "max_epochs", "steps", "num_steps", "max_steps", "iterations", "n_estimators")
CURVE_POINTS = 120  # of a sparkline
CURVE_BYTES = 4 << 20
LOOKED_AT = 500  # files of outs, at each look
LATE = 10  # a run silent for so many of its usual steps may be stuck
LATE_AT_LEAST_S = 5.0  # a pause nobody notices
_COUNTED = re.compile(r"\b(epoch|step|iter\w*|round|batch)\b\D{0,3}(\d{1,9})\s*(?:/|of)\s*(\d{1,9})\b", re.IGNORECASE)
_PREFERRED = ("accuracy", "acc", "f1", "auc", "score", "map", "r2", "loss", "error", "rmse")


@record(frozen=True)
class Progress:
    """done, total: steps of the stage, when something tells. unit: what they are called. at: when the last one ended, seconds since 1970."""

    done: int | None = None
    total: int | None = None
    unit: str = ""
    at: float | None = None


@record(frozen=True)
class Live:
    """What a run has written so far, and when it did last. metrics: flat name -> number. curves: name -> [(step, value)]."""

    progress: Progress = field(default_factory=Progress)
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    written_at: float | None = None


def read_live(root: str, metric_files: Mapping[str, Any], params: Mapping[str, Any], last_line: str, *, since: float = 0.0, stage_since: float = 0.0, outs: Iterable[str] = ()) -> Live:
    """root: of the checkout, or the project. metric_files: path -> values. params: path -> values. outs: paths of what stages make.

    since: when the run began; files that are older are the baseline's. stage_since: when its stage began.
    """
    metrics: dict[str, float] = {}
    curves: dict[str, list[tuple[float, float]]] = {}
    times: list[float] = []
    for path, values in metric_files.items():
        absolute = os.path.join(root, path)
        written = _time_of(absolute)
        for name, points, at in _curves(os.path.join(os.path.dirname(absolute), "plots", "metrics")):
            if at >= since:
                curves.setdefault(name, points)
                times.append(at)
        if written < since:
            continue
        times.append(written)
        for name, value in flatten(values).items() if isinstance(values, dict) else ():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value - value == 0:
                metrics.setdefault(name, value)
    last = max(times, default=None)
    grew = grew_at((os.path.join(root, path) for path in outs), stage_since)
    return Live(_progress(metrics if last is not None and last >= stage_since else {}, params, last_line, last), metrics, curves, max(filter(None, (last, grew)), default=None))


def grew_at(paths: Iterable[str], since: float) -> float | None:
    """When one of these files, or of those in these folders, was last written to; None before `since`. Of many files, the first count."""
    waiting, times = list(paths), list[float]()
    while waiting and len(times) < LOOKED_AT:
        path = waiting.pop()
        times.append(_time_of(path))  # of a folder: when a file came, too
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            waiting += [entry.path for entry in itertools.islice(entries, LOOKED_AT)]
    last = max(times, default=0.0)
    return last if last > since else None


def _time_of(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _progress(metrics: Mapping[str, float], params: Mapping[str, Any], last_line: str, at: float | None) -> Progress:
    counted = _COUNTED.search(last_line)
    if counted and 0 < int(counted[3]) >= int(counted[2]):
        return Progress(int(counted[2]), int(counted[3]), counted[1].lower(), at)
    for name, value in metrics.items():
        last = name.rpartition(".")[2].lower()
        if last in STEP_NAMES and float(value).is_integer():
            total = _total(params)
            done = int(value) + (1 if last == "step" else 0)  # DVCLive counts from 0
            return Progress(done, total if total is not None and total >= done else None, "epoch" if last == "epoch" or total is not None and _says_epochs(params) else "step", at)
    return Progress()


def _total(params: Mapping[str, Any]) -> int | None:
    for wanted in TOTAL_NAMES:
        for values in params.values():
            for name, value in flatten(values).items() if isinstance(values, dict) else ():
                if name.rpartition(".")[2].lower() == wanted and isinstance(value, int) and not isinstance(value, bool) and value > 0:
                    return value
    return None


def _says_epochs(params: Mapping[str, Any]) -> bool:
    return any(name.rpartition(".")[2].lower().endswith("epochs") for values in params.values() if isinstance(values, dict) for name in flatten(values))


def _curves(folder: str) -> Iterable[tuple[str, list[tuple[float, float]], float]]:
    """DVCLive's `plots/metrics/NAME.tsv` beside its metrics file: (name, points, time of the last one)."""
    for inside, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(inside, name)
            if name.endswith((".tsv", ".csv")):
                with contextlib.suppress(OSError, ValueError):
                    info = os.stat(path)
                    if info.st_size <= CURVE_BYTES:
                        yield os.path.splitext(os.path.relpath(path, folder))[0].replace(os.sep, "."), thinned(_points(path)), info.st_mtime


def _points(path: str) -> list[tuple[float, float]]:
    separator = "\t" if path.endswith(".tsv") else ","
    points = []
    with open(path, encoding="utf-8", errors="replace") as file:
        head = file.readline().rstrip("\n").split(separator)
        x = next((index for index, name in enumerate(head) if name.lower() in STEP_NAMES), None)
        y = next((index for index, name in enumerate(head) if index != x and name.lower() != "timestamp"), None)
        for number, line in enumerate(file):
            parts = line.rstrip("\n").split(separator)
            with contextlib.suppress(ValueError, IndexError, TypeError):
                points.append((float(parts[x]) if x is not None else float(number), float(parts[y])))  # type: ignore[index]
    return [point for point in points if point[1] - point[1] == 0]


def thinned(points: Sequence[tuple[float, float]], limit: int = CURVE_POINTS) -> list[tuple[float, float]]:
    """At most `limit` of them, evenly, first and last included."""
    if len(points) <= limit:
        return list(points)
    return [points[round(index * (len(points) - 1) / (limit - 1))] for index in range(limit)]


def main_metric(names: Iterable[str]) -> str:
    """The one to show when there is room for one: a score before a loss, else the first."""
    found = [name for name in dict.fromkeys(names) if name.rpartition(".")[2].lower() not in STEP_NAMES]
    for wanted in _PREFERRED:
        for name in found:
            words = re.split(r"[^a-z0-9]+", name.lower())
            if wanted in words:
                return name
    return found[0] if found else ""


def left_s(now: float, stage_started: float | None, progress: Progress, expected_end: float | None) -> float | None:
    """Seconds until the end of a run, as its steps say, else as earlier runs took; None when nothing tells."""
    if progress.total and progress.done and stage_started is not None and progress.done <= progress.total:
        return max((now - stage_started) / progress.done * (progress.total - progress.done), 0.0)
    return max(expected_end - now, 0.0) if expected_end is not None else None


def late_s(now: float, stage_started: float | None, spoke_at: float | None, progress: Progress, usual_s: float | None) -> float | None:
    """For how many seconds a run is silent when that is unusually long, else None. spoke_at: when it wrote something last.

    usual_s: how long its stage takes as a rule.
    """
    if stage_started is None or spoke_at is None:
        return None
    silent = now - max(spoke_at, stage_started)
    step = max((progress.at or spoke_at) - stage_started, 0.0) / progress.done if progress.done else None
    usual = step if step is not None else usual_s
    if usual is None or silent < max(usual * LATE, LATE_AT_LEAST_S):
        return None
    return silent
