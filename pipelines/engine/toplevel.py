"""What dvc.yaml files name outside of stages."""
from __future__ import annotations

import os

from tracking.engine.hints import Any, Iterator
from tracking.engine.index import Index


def top_level_files(index: Index) -> list[str]:
    """Metrics, params and plots that dvc.yaml files name outside of stages; absolute, existing or not."""
    found: list[str] = []
    for pipeline in index.pipelines:
        folder = os.path.dirname(pipeline.file)
        names = [name for name in (*pipeline.metrics, *pipeline.params) if isinstance(name, str)]
        names += [name for entry in pipeline.plots for name in _plot_files(entry)]
        found += [os.path.normpath(os.path.join(folder, name)) for name in names if "://" not in name]
    return found


def _plot_files(entry: Any) -> Iterator[str]:
    """Files a plot reads: its id, unless `y` (and `x`) name files."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        for name, options in entry.items():
            y = options.get("y") if isinstance(options, dict) else None
            if isinstance(y, dict):
                yield from (key for key in y if isinstance(key, str))
                x = options.get("x")
                yield from (key for key in (x if isinstance(x, dict) else ()) if isinstance(key, str))
            elif isinstance(name, str):
                yield name
