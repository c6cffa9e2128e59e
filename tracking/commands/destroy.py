"""Remove every trace of dataver from the project: .dvc, all .dvc files, dvc.yaml and dvc.lock.

The data in the workspace stays; links into the cache are turned into copies first. The
cache inside .dvc is deleted, so versions that were never pushed are gone.
"""
from __future__ import annotations

import os
import shutil

from tracking.engine import atomic
from tracking.engine.checkout import unprotect
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.index import LOCK_FILE, load_index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.walk import DVCIGNORE

if TYPE_CHECKING:
    import argparse

QUESTION = "This will destroy all information about your pipelines, all data files, as well as cache in .dvc/cache.\nAre you sure you want to continue?"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")


def run(args: argparse.Namespace, io: Io) -> int:
    repo = Repo.open(io.cwd, io.settings)
    if not args.force and not io.confirm(QUESTION):
        io.error("cannot destroy without a confirmation from the user. Use `-f` to force.")
        return 1
    with repo.lock(io):
        index = load_index(repo)
        for _, out in index.outs:
            if out.cache and out.abspath and os.path.lexists(out.abspath):
                unprotect(out.abspath)
        files = {stage.file for stage in index.stages} | {pipeline.file for pipeline in index.pipelines}
        files |= {os.path.join(os.path.dirname(file), LOCK_FILE) for file in files}
        files.add(os.path.join(repo.root_dir, DVCIGNORE))
        for file in sorted(files):
            if os.path.lexists(file):
                atomic.unlink(file)
        repo.close()
    shutil.rmtree(repo.dvc_dir, ignore_errors=True)
    return 0
