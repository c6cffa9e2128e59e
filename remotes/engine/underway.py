"""Experiments that are running in checkouts of their own: what they have in the cache is named by no commit yet."""
from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from tracking.engine.errors import DataverError
from tracking.engine.history import Selection
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.used import Manifests, Request, collect_used

FOLDERS = ("exps", "exps/standalone")  # of `.dvc/tmp`: runs of the queue (and dvc's), of `exp run --temp`
PREFIX = "tmp"


def checkouts(repo: Repo) -> list[Repo]:
    """The project as each run that is on, or was killed, has it."""
    inside = repo.scm.rel(repo.root_dir) if repo.scm is not None else ""
    found = []
    for name in FOLDERS:
        with contextlib.suppress(OSError):
            for run in sorted(os.listdir(top := os.path.join(repo.tmp_dir, *name.split("/")))):
                root = os.path.join(top, run, *inside.split("/")) if inside else os.path.join(top, run)
                if run.startswith(PREFIX) and os.path.isdir(os.path.join(root, DVC_DIR)):
                    with contextlib.suppress(DataverError):
                        found.append(Repo(root, repo.settings))
    return found


def used_oids(run: Repo) -> Iterator[tuple[bool, str]]:
    """(legacy, oid) of all that the files of a checkout name. What cannot be read there names nothing."""
    with contextlib.suppress(DataverError, OSError):
        used = collect_used(run, Request(selection=Selection()), lambda index, stage, out: True)
        known = Manifests(run)
        for (_, _, legacy), group in used.groups.items():
            yield from ((legacy, oid) for oid in group.files)
            for oid in group.trees:
                yield legacy, oid
                yield from ((legacy, md5) for _, md5 in known.rows(oid, legacy) or ())
