"""`exp run --temp`: an experiment in a temporary checkout, run here and now, without the queue.

While it runs, a ref keeps what it started from out of reach of `git gc`; a folder in
`.dvc/tmp/exps/standalone` holds it. What a killed run left of both goes with the next one.
"""
from __future__ import annotations

import contextlib
import os
import time

from pipelines.engine import processid
from pipelines.engine.experiments.checkout import remove_checkout
from pipelines.engine.experiments.enqueue import freeze
from pipelines.engine.experiments.execute import Outcome, Request, experiments_git, run_in_checkout
from pipelines.engine.experiments.queue import write_commit
from pipelines.engine.experiments.refs import delete_refs, write_ref
from pipelines.engine.experiments.runinfo import RunFolder, RunNotes, exps_dir, run_folders
from tracking.engine import atomic
from tracking.engine.git import Git
from tracking.engine.protocols import Io
from tracking.engine.record import replace
from tracking.engine.repo import Repo

TEMP_REFS = "refs/dataver/temp/"
OLD_S = 3600.0


def run_standalone(repo: Repo, io: Io, request: Request) -> Outcome:
    """Run in a checkout; the workspace is only read. Raises what keeps it from starting; a failure is in the outcome."""
    git, _ = experiments_git(repo)
    clear_dead(repo, git)
    with repo.lock(io):
        clear_unnamed(repo)
        frozen = freeze(repo, io, request, sweeps=False)[0]
        entry = frozen.entry
        entry = replace(entry, id=write_commit(git, frozen.tree, [entry.head], f"dataver: run {entry.name}", {"schema": 1, "name": entry.name, "baseline": entry.baseline}))
        folder = os.path.join(exps_dir(repo.tmp_dir), "standalone", f"tmp{atomic.temp_name().strip('.').partition('.')[0]}")
        # first, so that whoever finds the ref can tell whose it is
        RunFolder(repo.tmp_dir, entry.id, standalone=True).write_notes(RunNotes(name=entry.name, **processid.own(), started=round(time.time(), 3), heartbeat=round(time.time(), 3), folder=folder))
    write_ref(git, TEMP_REFS + entry.id, entry.id)
    try:
        return run_in_checkout(repo, entry, io, folder=folder, log=None, standalone=True)
    finally:
        delete_refs(git, [(TEMP_REFS + entry.id, None)])
        git.close()


def clear_unnamed(repo: Repo) -> None:
    """Remove the folders of runs that died before they could say whose they were. The repository lock is held, as when notes are written."""
    for run in run_folders(repo.tmp_dir, standalone=True):
        names = os.listdir(run.folder)
        if names and all(map(atomic.is_temp_name, names)):
            run.remove()


def clear_dead(repo: Repo, git: Git) -> None:
    """Remove what runs left whose process is gone."""
    for run in run_folders(repo.tmp_dir, standalone=True):
        notes = run.read_notes()
        if notes is None or notes.is_alive:
            continue  # of the reference tool, or at work
        if notes.folder and os.path.dirname(notes.folder) == os.path.join(exps_dir(repo.tmp_dir), "standalone"):
            remove_checkout(notes.folder)
        delete_refs(git, [(TEMP_REFS + run.run_id, None)])
        run.remove()
    folder = os.path.join(git.common_dir, *TEMP_REFS.strip("/").split("/"))
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):  # of one whose folder was deleted by hand
            if entry.stat().st_mtime < time.time() - OLD_S and not RunFolder(repo.tmp_dir, entry.name, standalone=True).exists:
                delete_refs(git, [(TEMP_REFS + entry.name, None)])
