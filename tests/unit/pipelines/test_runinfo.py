"""The files that tell of runs, and names for experiments."""
from __future__ import annotations

import json
import os
import random
from pathlib import Path

from pipelines.engine import processid
from pipelines.engine.experiments.names import ADJECTIVES, NOUNS, random_name
from pipelines.engine.experiments.runinfo import FINISHED, ExecutorInfo, RunFolder, RunNotes, run_folders

ID = "0123456789" * 4
INFO = ExecutorInfo("file:///x", ID, "workspace", "/x", ".dvc", "name", ".", status=2)


def test_names_are_five_and_four_letters_and_none_twice() -> None:
    assert {len(word) for word in ADJECTIVES} == {5} and {len(word) for word in NOUNS} == {4}
    assert len(set(ADJECTIVES)) == len(ADJECTIVES) > 100 and len(set(NOUNS)) == len(NOUNS) > 100


def test_names_do_not_depend_on_the_global_seed() -> None:
    found = set()
    for _ in range(20):
        random.seed(1)
        found.add(random_name(()))
    assert len(found) > 1


def test_taken_names_are_avoided() -> None:
    every = {f"{adjective}-{noun}" for adjective in ADJECTIVES for noun in NOUNS}
    free = every.pop()
    assert random_name(every) == free or random_name(every) not in every


def test_a_run_file_holds_what_dvc_writes(tmp_path: Path) -> None:
    run = RunFolder(str(tmp_path), ID)
    run.write_info(INFO)
    assert run.read() == INFO
    assert list(json.loads(Path(run.info_path).read_text())) == [
        "git_url", "baseline_rev", "location", "root_dir", "dvc_dir", "name", "wdir", "result_hash", "result_ref", "result_force", "status",
    ]  # fmt: skip
    assert run.info_path == str(tmp_path / "exps" / "run" / ID / f"{ID}.run")


def test_files_of_other_versions_are_read(tmp_path: Path) -> None:
    run = RunFolder(str(tmp_path), ID)
    os.makedirs(run.folder)
    Path(run.info_path).write_text('{"git_url": "u", "baseline_rev": "b", "location": "l", "root_dir": "r", "dvc_dir": "d", "collected": true, "later": 1}')
    info = run.read()
    assert info is not None and info.status == FINISHED
    Path(run.info_path).write_text('{"git_url": "u"')
    assert run.read() is None and run.read_process() == (None, None) and run.read_notes() is None


def test_process_and_notes(tmp_path: Path) -> None:
    run = RunFolder(str(tmp_path), ID)
    run.write_process(12, 255)
    assert run.read_process() == (12, 255) and Path(run.pid_path).read_text() == "12"
    assert set(json.loads(Path(run.process_path).read_text())) == {"pid", "stdin", "stdout", "stderr", "returncode"}
    notes = run.update_notes(**processid.own(), stage="train")
    assert notes.is_alive and notes.heartbeat and run.read_notes() == notes
    assert not RunNotes(pid=os.getpid(), process_start=1, boot=processid.boot_id()).is_alive
    assert [found.run_id for found in run_folders(str(tmp_path))] == [ID] and not list(run_folders(str(tmp_path), standalone=True))
    run.remove()
    assert not run.exists
