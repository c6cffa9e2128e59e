"""Which files of a workspace the page of plots shows, so that it is told when one changes. Forgotten with the process."""
from __future__ import annotations

import os

from pipelines.engine.plots.collect import Revision
from pipelines.engine.plots.points import sources_of
from tracking.engine.hints import Sequence

AT_MOST = 2000
_paths: dict[str, tuple[str, ...]] = {}


def note(root: str, workspace: Revision) -> None:
    """Remember the files that plots of the workspace are made of, and their folders, in which new ones may appear."""
    files = dict.fromkeys(source for inner_id, props in workspace.plots.values() for source in sources_of(inner_id, props))
    folders = dict.fromkeys(os.path.dirname(file) for file in files)
    wanted = (os.path.normpath(os.path.join(root, path)) for path in [*folders, *files][:AT_MOST])
    _paths[root] = tuple(path for path in wanted if path.startswith(root.rstrip(os.sep) + os.sep))


def paths_of(root: str) -> Sequence[str]:
    """Absolute paths; none before the page was shown."""
    return _paths.get(root, ())
