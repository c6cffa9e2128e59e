"""What all charts that Altair builds share: a lock, the config of the theme, and an early import.

Altair builds a frame: a chart without its rows, made once for what many charts have in common and kept.
Rows go in afterwards, as named data, because Altair would check each of them against its schema.
"""
from __future__ import annotations

import threading

from pipelines.engine.charttheme import Theme, config
from tracking.engine.hints import Any

Spec = dict[str, Any]
LOCK = threading.Lock()  # around building: its setters keep what they set on the class, and two threads would mix their charts


def warm_up() -> None:
    """Import Altair while the reader's browser is still loading the page; it takes half a second."""

    def load() -> None:
        import altair  # noqa: F401  slow import

    threading.Thread(target=load, daemon=True).start()


def finished(chart: Any, theme: Theme) -> Spec:
    """The chart as a spec in the page's theme, fitted to its box."""
    spec: Spec = chart.to_dict(validate=False)
    spec.pop("$schema", None)
    spec["config"] = config(theme)
    spec["padding"] = {"left": 2, "top": 6, "right": 12, "bottom": 2}  # right: half of the last label
    spec["autosize"] = {"type": "fit", "contains": "padding"}
    return spec
