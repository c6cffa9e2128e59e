"""`exp run --temp` and `--queue`: what a checkout holds, and that the workspace is only read."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from launcher.engine.dispatch import settings_from
from launcher.engine.io import Terminal
from pipelines.engine.experiments import execute
from pipelines.engine.experiments.queue import QueueEntry, list_entries
from pipelines.engine.experiments.runinfo import RunFolder
from remotes.engine import gc
from tests.conftest import Project
from tests.functional.pipelines.test_exp_run import PIPELINE, experiments, files_of, project, spawn, wait_for
from tracking.engine.repo import Repo

__all__ = ["project"]


def state(project: Project) -> tuple[Any, ...]:
    """Everything of the workspace and of Git that must stay."""
    files = {name: (project / name).read_bytes() for name in project.tree()}
    return files, project.git("status", "--porcelain"), project.git("stash", "list"), project.git("rev-parse", "--symbolic-full-name", "HEAD")


def leftovers(project: Project) -> list[str]:
    top = project / ".dvc" / "tmp" / "exps"
    return [str(path.relative_to(top)) for path in sorted(top.rglob("*")) if path.name.startswith("tmp") or path.is_file() and "rwlock" not in path.name]


def entry_of(project: Project, *argv: str) -> tuple[Repo, Terminal, QueueEntry]:
    """Queue one experiment and open the repository as a worker does."""
    project.ok("exp", "run", "--queue", *argv)
    settings = settings_from(dict(project.environ))
    repo = Repo.open(str(project.path), settings)
    assert repo.scm is not None
    return repo, Terminal(str(project.path), settings), list_entries(repo.scm)[-1]


def run_entry(project: Project, *argv: str, **options: Any) -> tuple[execute.Outcome, str, RunFolder]:
    """Run a queued entry in this process; returns its outcome, its log and its files."""
    repo, io, entry = entry_of(project, *argv)
    run = RunFolder(repo.tmp_dir, entry.id)
    os.makedirs(run.folder)
    with open(run.log_path, "ab", buffering=0) as log:
        outcome = execute.run_in_checkout(repo, entry, io, folder=f"{repo.tmp_dir}/exps/tmpx", log=log, **options)
    return outcome, Path(run.log_path).read_text(), run


def test_temp_runs_elsewhere_and_leaves_nothing(project: Project) -> None:
    project.gen({"stray.txt": "?\n", "staged.txt": "s\n"})
    project.git("add", "staged.txt")
    before = state(project)
    result = project.ok("exp", "run", "--temp", "-n", "one", "-S", "lr=0.5")
    assert result.out.endswith("Ran experiment(s): one\nTo apply the results of an experiment to your workspace run:\n\n\tdvc exp apply <exp>\n")
    assert state(project) == before and not leftovers(project)
    commit = experiments(project)["one"]
    assert "lr: 0.5" in project.git("show", f"{commit}:params.yaml") and "staged.txt" in files_of(project, commit) and "stray.txt" not in files_of(project, commit)
    assert not project.git("for-each-ref", "refs/dataver")
    assert project.ok("runs", "--json").json[0]["state"] == "succeeded", "its journal is in the user's project"


def test_what_a_run_would_not_see_is_named_first(project: Project) -> None:
    project.gen({"dvc.yaml": PIPELINE + "  more:\n    cmd: python helper.py\n    deps: [extra.py]\n", "extra.py": "", "helper.py": "", "notes.txt": ""})
    result = project.run("exp", "run", "--temp")
    assert "WARNING: Untracked files that stages need will not be there in the experiment: extra.py helper.py\nUse `git add` for them, or `-C PATH` to copy them.\n" in result.err
    assert "WARNING: Other untracked files that it will not see: notes.txt\n" in result.err
    result = project.run("exp", "run", "--queue", "-C", "extra.py", "-C", "helper.py")
    assert "stages need" not in result.err and result.code == 0


def test_copied_paths_are_there_and_not_in_the_commit(project: Project) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: cat big/one .env > o\n    outs: [o]\n", "big/one": "1", ".env": "2", ".gitignore": "/big\n/.env\n/o\n"})
    project.commit()
    project.ok("exp", "run", "--temp", "-n", "one", "-C", "big", "-C", ".env")
    assert not {"big/one", ".env"} & set(files_of(project, experiments(project)["one"]))
    for path in ("nope", "../outside", ".dvc/config", ".git", ".git/config"):
        result = project.run("exp", "run", "--queue", "-C", path)
        assert result.code == 255 and f"Unable to copy '{path}'" in result.err


def test_changed_data_goes_along(project: Project) -> None:
    project.gen({"data.txt": "changed\n"})
    before = state(project)
    project.ok("exp", "run", "--temp", "-n", "one")
    assert state(project) == before
    commit = experiments(project)["one"]
    assert project.git("show", f"{commit}:data.txt.dvc") != project.read("data.txt.dvc")
    project.ok("exp", "run", "-n", "two")
    assert project.git("rev-parse", f"{commit}:data.txt.dvc") == project.git("rev-parse", f"{experiments(project)['two']}:data.txt.dvc")


def test_a_failed_temp_run_says_why_and_leaves_nothing(project: Project) -> None:
    project.gen({"dvc.yaml": PIPELINE + "  bad:\n    cmd: exit 3\n"})
    before = state(project)
    result = project.run("exp", "run", "--temp")
    assert result.code == 255 and result.err == "ERROR: failed to reproduce 'bad': failed to run: exit 3, exited with 3\n"
    assert state(project) == before and not experiments(project) and not leftovers(project)


def test_dry_runs_nothing_and_keeps_nothing(project: Project) -> None:
    project.ok("repro")
    project.git("add", "-A")
    before = state(project)
    out = project.ok("exp", "run", "--dry", "-S", "lr=3").out
    assert "Running stage 'train':" in out and "Ran experiment" not in out
    assert state(project) == before and not experiments(project)


def test_git_in_a_stage_stays_in_the_checkout(project: Project) -> None:
    command = "git config x.y z && echo new > made.txt && git add made.txt && git commit -qm inside && git rev-parse --abbrev-ref HEAD > seen.txt && git branch other"
    project.gen({"dvc.yaml": f"stages:\n  a:\n    cmd: {command}\n    outs: [{{seen.txt: {{cache: false}}}}]\n"})
    project.commit()
    before = project.git("for-each-ref", "refs/heads"), project.git("config", "--local", "-l")
    project.ok("exp", "run", "--temp", "-n", "one")
    assert (project.git("for-each-ref", "refs/heads"), project.git("config", "--local", "-l")) == before
    commit = experiments(project)["one"]
    assert project.git("show", f"{commit}:seen.txt") == "HEAD\n" and project.git("show", f"{commit}:made.txt") == "new\n"
    project.git("fsck", "--strict")


def test_the_parents_settings_and_cache_are_used(project: Project) -> None:
    project.ok("config", "--local", "cache.dir", "../outside-cache")
    project.ok("remote", "add", "--local", "mine", "../store")
    project.ok("remote", "add", "store", "../shared")
    project.ok("commit", "-f", "data.txt.dvc")
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: cat .dvc/config.local > local.txt\n    outs: [{local.txt: {cache: false}}]\n"})
    project.ok("exp", "run", "--temp", "-n", "one")
    text = project.git("show", f"{experiments(project)['one']}:local.txt")
    top = os.path.dirname(project.path)
    assert f"dir = {top}/outside-cache" in text and f"url = {top}/store" in text and f"url = {top}/shared" in text
    assert "local.txt" in files_of(project, experiments(project)["one"]) and ".dvc/config.local" not in files_of(project, experiments(project)["one"])


def test_a_killed_temp_run_is_cleared_by_the_next(project: Project) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo $$ > $DVC_ROOT/pid; [ -f $DVC_ROOT/go ] || exec sleep 63\n", ".gitignore": "/pid\n/go\n"})
    project.commit()
    process = spawn(project, "exp", "run", "--temp", "-n", "one")
    wait_for(project, "pid", process)
    process.kill()
    process.wait()
    os.kill(int(project.read("pid")), signal.SIGKILL)
    assert project.git("for-each-ref", "refs/dataver/temp") and leftovers(project)
    project.gen({"go": "", f".dvc/tmp/exps/standalone/run/{'a' * 40}/.x.tmp": "of one that died before it said whose it was"})
    project.ok("exp", "run", "--temp", "-n", "two")
    assert not project.git("for-each-ref", "refs/dataver/temp") and not leftovers(project) and list(experiments(project)) == ["two"]


def test_gc_during_a_temp_run_takes_nothing_from_it(project: Project) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: git -C $DVC_ROOT gc -q --prune=now && cat params.yaml > o\n    outs: [o]\n"})
    project.ok("exp", "run", "--temp", "-n", "one", "-S", "lr=77")
    assert "lr: 77" in project.git("show", f"{experiments(project)['one']}:params.yaml")
    project.git("fsck", "--strict")


def test_a_linked_worktree_is_a_home_too(project: Project) -> None:
    project.ok("config", "cache.dir", str(project / ".dvc" / "cache"))
    project.commit()
    project.git("worktree", "add", "-q", "../tree", "-b", "side")
    project.ok("exp", "run", "--temp", "-n", "one", "-S", "lr=2", cwd="../tree")
    project.ok("exp", "run", "-n", "two", "-S", "lr=3", cwd="../tree")
    assert {"one", "two"} <= set(experiments(project)) and project.git("status", "--porcelain") == ""


def test_submodules_are_there_as_far_as_they_are_checked_out(project: Project, make_project: Callable[..., Project]) -> None:
    inner, outer = make_project("inner", init=False), make_project("outer", init=False)
    inner.gen({"deep.txt": "deep"}).commit("inner")
    outer.gen({"lib.py": "lib"}).commit("outer")
    allow = ("-c", "protocol.file.allow=always", "submodule", "-q", "add")
    outer.git(*allow, str(inner.path), "in ner")
    outer.commit("with inner")
    project.git(*allow, str(outer.path), "out er")
    project.git(*allow, str(inner.path), "missing")
    project.git("-c", "protocol.file.allow=always", "submodule", "-q", "update", "--init", "--recursive")
    project.git("submodule", "-q", "deinit", "-f", "missing")
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: cat 'out er/lib.py' 'out er/in ner/deep.txt' > o; git -C 'out er' status --porcelain >> o\n    deps: [out er/lib.py]\n    outs: [{o: {cache: false}}]\n"})
    project.commit("with outer")
    project.ok("exp", "run", "--temp", "-n", "one")
    commit = experiments(project)["one"]
    assert project.git("show", f"{commit}:o") == "libdeep"
    assert project.git("rev-parse", f"{commit}:out er") == project.git("rev-parse", "HEAD:out er")


@pytest.mark.parametrize("argv", [("-s", "train"), ("--downstream", "train")])
def test_a_part_of_the_pipeline_finds_what_comes_before_it(project: Project, argv: tuple[str, ...]) -> None:
    project.ok("repro")
    project.commit("ran")
    project.ok("exp", "run", "--temp", "-n", "one", "-S", "lr=5", *argv)
    assert "one" in experiments(project)


# --- the queue
def test_queueing_prints_the_contract_and_only_reads(project: Project) -> None:
    before = state(project)
    result = project.ok("exp", "run", "--queue", "-n", "q", "-S", "lr=3,4")
    assert result.out == (
        "Queueing with overrides '{'params.yaml': ['lr=3']}'.\nQueued experiment 'q-1' for future execution.\n"
        "Queueing with overrides '{'params.yaml': ['lr=4']}'.\nQueued experiment 'q-2' for future execution.\n"
    )
    assert state(project) == before
    refs = project.git("for-each-ref", "--format=%(refname)", "refs/dataver/queue").split()
    assert len(refs) == 2 and {project.git("show", f"{ref}:params.yaml") for ref in refs} == {project.read("params.yaml").replace("0.1  #", f"{value}    #") for value in ("3", "4")}
    assert project.ok("exp", "run", "--queue").out.count("\n") == 1
    assert project.run("exp", "run", "--queue", "-n", "q", "nope").code == 255


def test_an_entry_runs_in_a_checkout_with_its_log(project: Project) -> None:
    project.ok("exp", "run", "--queue", "-n", "other", "-S", "lr=8")
    project.gen({"params.yaml": "lr: 99\n"})
    events: list[str] = []
    outcome, log, run = run_entry(project, "-n", "one", "-S", "lr=0.5", "-m", "my words", on_event=lambda event, **facts: events.append(event))
    assert outcome.state == "success" and outcome.stages_run == 2 and outcome.name == "one" and outcome.commit == experiments(project)["one"]
    assert log.startswith("Reproducing experiment 'one'\n") and "> cp data.txt prep.txt\n" in log
    assert project.git("log", "-1", "--format=%B", outcome.commit).strip() == "my words"
    assert events == ["planned", "stage_done", "stage", "stage_done", "stage", "stage_done", "saved"]
    info, notes = run.read(), run.read_notes()
    assert info is not None and (info.location, info.status, info.result_ref) == ("dvc-task", 6, outcome.ref) and run.read_process()[1] == 0
    assert notes is not None and notes.state == "success" and notes.ended and notes.journal
    assert not (project / ".dvc/tmp/exps/tmpx").exists()


def test_a_failed_entry_keeps_what_it_left(project: Project) -> None:
    project.gen({"dvc.yaml": PIPELINE + "  bad:\n    cmd: echo about to fail; exit 3\n    deps: [model.bin]\n"})
    outcome, log, run = run_entry(project, "-n", "one")
    assert outcome.state == "failed" and outcome.ref is None and outcome.failed_stage == "bad" and "exit" in outcome.reason and "\n" not in outcome.reason
    assert outcome.commit and project.git("show", f"{outcome.commit}:metrics.json") == '{"acc": 1}\n' and "about to fail" in log and "ERROR: failed to reproduce 'bad'" in log
    info, notes = run.read(), run.read_notes()
    assert info is not None and info.status == 4 and notes is not None and notes.failed_stage == "bad" and run.read_process()[1] == 255
    assert not experiments(project)


def test_a_resumed_run_skips_what_was_finished(project: Project) -> None:
    project.gen({"dvc.yaml": PIPELINE + "  bad:\n    cmd: test -f $DVC_ROOT/go\n    deps: [model.bin]\n", ".gitignore": "/go\n/data.txt\n"})
    repo, io, entry = entry_of(project, "-n", "one")

    def go(**options: Any) -> execute.Outcome:
        with open(project / ".dvc/tmp/log", "ab", buffering=0) as file:
            return execute.run_in_checkout(repo, entry, io, folder=f"{repo.tmp_dir}/exps/tmpx", log=file, **options)

    first = go()
    assert first.state == "failed" and first.commit
    project.gen({"go": ""})
    second = go(resume=True, resume_from=first.commit)
    assert second.state == "success" and second.stages_run == 1


def test_a_run_that_is_to_stop_stops_with_its_tree(project: Project) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: sh -c 'echo $$ > $DVC_ROOT/pid; exec sleep 64'\n", ".gitignore": "/pid\n"})
    started = time.monotonic()
    outcome, _, run = run_entry(project, "-n", "one", should_stop=lambda: (project / "pid").exists() and bool(project.read("pid").strip()))
    assert outcome.state == "stopped" and time.monotonic() - started < 30 and not experiments(project)
    assert not Path(f"/proc/{project.read('pid').strip()}/cmdline").exists() or b"sleep" not in Path(f"/proc/{project.read('pid').strip()}/cmdline").read_bytes()


def test_stages_of_an_entry_see_the_users_project(project: Project) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: env > seen.txt; pwd >> seen.txt\n    outs: [{seen.txt: {cache: false}}]\n"})
    project.environ["GIT_DIR"] = str(project / ".git")  # as in a hook
    outcome, _, _ = run_entry(project, "-n", "one")
    assert outcome.commit
    lines = project.git("show", f"{outcome.commit}:seen.txt").splitlines()
    assert f"DVC_ROOT={project.path}" in lines and "DVC_EXP_NAME=one" in lines and lines[-1] == str(project / ".dvc/tmp/exps/tmpx")
    assert not any(line.startswith("GIT_DIR=") for line in lines)


def test_json_of_an_entry_holds_no_environment(project: Project) -> None:
    project.ok("config", "--local", "studio.token", "isat_secret")
    _, _, entry = entry_of(project, "-S", "lr=2", "-f", "train")
    message = project.git("log", "-1", "--format=%B", entry.id)
    facts = json.loads(message.split("\n", 2)[2])
    assert facts["targets"] == ["train"] and facts["options"] == {"force": True} and facts["params"] == ["lr=2"]
    assert "isat_secret" not in subprocess.run(["git", "cat-file", "--batch-all-objects", "--batch"], cwd=project.path, capture_output=True, check=True).stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("mode", [[], ["--trash"]])
def test_gc_keeps_what_a_running_experiment_has_stored(project: Project, mode: list[str]) -> None:
    project.gen({"dvc.yaml": """\
stages:
  early:
    cmd: mkdir -p made && cp params.yaml made/early.txt
    params: [lr]
    outs: [made]
  late:
    cmd: echo on > "$FLAG.on"; while [ ! -e "$FLAG.go" ]; do sleep 0.02; done; echo late > late.txt
    deps: [made]
    outs: [late.txt]
"""})
    project.git("add", "dvc.yaml")
    project.git("commit", "-q", "-m", "two stages")
    project.environ["FLAG"] = str(project / "flag")
    process = spawn(project, "exp", "run", "--temp", "-n", "one", "-S", "lr=0.125")
    try:
        wait_for(project, "flag.on", process)
        project.ok("gc", "-A", "--all-experiments", "-f", *mode)
    finally:
        (project / "flag.go").write_text("")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    project.ok("exp", "apply", "one")
    assert "0.125" in project.read("made/early.txt")
    assert leftovers(project) == []


def test_gc_and_a_run_that_begins_meanwhile_wait_for_each_other(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.gen({"old.txt": "of a run of dvc", "dvc.yaml": """\
stages:
  early: {cmd: mkdir -p made && cp params.yaml made/early.txt, params: [lr], outs: [made]}
  late: {cmd: cp made/early.txt late.txt, deps: [made], outs: [late.txt]}
"""})
    project.ok("add", "-q", "old.txt")
    record = project.read("old.txt.dvc")
    project.ok("remove", "old.txt.dvc")
    project.git("add", "dvc.yaml")
    project.git("commit", "-q", "-m", "two stages")
    repo, io, entry = entry_of(project, "-n", "one", "-S", "lr=0.125")
    log = project / "log"
    collect, runs = gc.collect_used, []

    def work() -> None:
        with log.open("ab", buffering=0) as file:
            outcomes.append(execute.run_in_checkout(repo, entry, io, folder=f"{repo.tmp_dir}/exps/tmpx", log=file))

    def looked(*args: Any, **kwargs: Any) -> Any:
        found = collect(*args, **kwargs)
        if not runs:  # after the look at what is running, before anything is deleted
            runs.append(threading.Thread(target=work))
            runs[0].start()
            while runs[0].is_alive() and not (log.exists() and "Waiting until gc is over" in log.read_text()):
                time.sleep(0.02)
            project.git("init", "-q", ".dvc/tmp/exps/tmpdvc")
            project.gen({".dvc/tmp/exps/tmpdvc": {".dvc": {}, "old.txt.dvc": record}})
        return found

    outcomes: list[execute.Outcome] = []
    monkeypatch.setattr(gc, "collect_used", looked)
    project.ok("gc", "-w", "-f")
    runs[0].join()
    assert outcomes[0].state == "success", outcomes
    project.ok("exp", "apply", "one")
    assert "0.125" in project.read("made/early.txt") and "0.125" in project.read("late.txt")
    assert record.partition("md5: ")[2].split()[0] in project.objects()


@pytest.mark.parametrize("argv", [["--temp"], ["--queue"]])
def test_params_that_git_does_not_know_go_along(project: Project, argv: list[str]) -> None:
    project.gen({"more.json": '{"a": 1}\n', "dvc.yaml": PIPELINE.replace("params: [lr]", "params: [lr, {more.json: [a]}]")})
    assert "more.json" not in project.run("exp", "run", *argv, "-n", "one", "-S", "more.json:a=2").err
