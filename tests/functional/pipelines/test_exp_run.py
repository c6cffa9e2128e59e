"""`exp run` in the workspace: the commit it makes, and what it leaves alone."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from pipelines.engine import processid
from tests.conftest import Project
from tests.environment import CHECKOUT

PIPELINE = """\
stages:
  prep:
    cmd: cp data.txt prep.txt
    deps: [data.txt]
    outs: [prep.txt]
  train:
    cmd: cat prep.txt params.yaml > model.bin && cp params.json metrics.json
    deps: [prep.txt]
    params: [lr]
    outs: [model.bin]
    metrics: [{metrics.json: {cache: false}}]
"""
EMPTY_HASH = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.fixture
def project(repo: Project) -> Project:
    """A pipeline that never ran, committed."""
    repo.gen({"dvc.yaml": PIPELINE, "params.yaml": "# rates\nlr: 0.1  # start\nlayers: [1, 2]\n", "params.json": '{"acc": 1}\n', "data.txt": "1\n"})
    repo.ok("add", "data.txt")
    repo.commit("first")
    return repo


def experiments(project: Project) -> dict[str, str]:
    """name -> commit."""
    lines = project.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()
    return {ref.rpartition("/")[2]: oid for ref, oid in (line.split() for line in lines)}


def files_of(project: Project, commit: str) -> list[str]:
    return project.git("ls-tree", "-r", "--name-only", commit).split()


def spawn(project: Project, *argv: str) -> subprocess.Popen[str]:
    code = f"import sys; sys.path.insert(0, {CHECKOUT!r}); from dataver_site import entry; sys.exit(entry.main())"
    return subprocess.Popen([sys.executable, "-c", code, *argv], cwd=project.path, env=project.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(project: Project, name: str, process: subprocess.Popen[str]) -> None:
    while not ((project / name).exists() and project.read(name).strip()) and process.poll() is None:
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()


def test_it_prints_the_contract_and_makes_the_commit(project: Project) -> None:
    head = project.git("rev-parse", "HEAD").strip()
    result = project.ok("exp", "run", "-n", "one", "-S", "lr=0.5")
    assert result.out == (
        "Reproducing experiment 'one'\n'data.txt.dvc' didn't change, skipping\n"
        "Running stage 'prep':\n> cp data.txt prep.txt\nGenerating lock file 'dvc.lock'\nUpdating lock file 'dvc.lock'\n\n"
        "Running stage 'train':\n> cat prep.txt params.yaml > model.bin && cp params.json metrics.json\nUpdating lock file 'dvc.lock'\n\n"
        "Ran experiment(s): one\nExperiment results have been applied to your workspace.\n"
    )
    assert project.read("params.yaml") == "# rates\nlr: 0.5  # start\nlayers: [1, 2]\n"
    ref = f"refs/exps/{head[:2]}/{head[2:]}/one"
    assert (project / ".git" / ref).is_file(), "a loose ref: editors watch its file"
    assert project.git("log", "-1", "--format=%P", ref).strip() == head
    assert files_of(project, ref) == [".dvc/.gitignore", ".dvc/config", ".dvcignore", ".gitignore", "data.txt.dvc", "dvc.lock", "dvc.yaml", "metrics.json", "params.json", "params.yaml"]
    assert project.git("show", f"{ref}:params.yaml") == project.read("params.yaml")


def test_the_hash_in_the_message_is_of_the_stages_that_ran(project: Project) -> None:
    import hashlib

    from tracking.engine import yamlfile

    project.ok("exp", "run", "-n", "one")
    stages = yamlfile.load(project.read("dvc.lock"), "")["stages"]
    assert project.git("log", "-1", "--format=%s", experiments(project)["one"]).split()[-1] == hashlib.sha256(json.dumps(stages, sort_keys=True).encode()).hexdigest()
    project.ok("exp", "run", "-n", "two", "-S", "lr=2")
    stages = yamlfile.load(project.read("dvc.lock"), "")["stages"]
    assert project.git("log", "-1", "--format=%s", experiments(project)["two"]).split()[-1] == hashlib.sha256(json.dumps({"train": stages["train"]}, sort_keys=True).encode()).hexdigest()
    project.ok("exp", "run", "-n", "three")
    assert project.git("log", "-1", "--format=%s", experiments(project)["three"]).split()[-1] == EMPTY_HASH


def test_head_index_and_stashes_stay_as_they_are(project: Project) -> None:
    project.gen({"staged.txt": "s\n", "params.json": '{"acc": 2}\n', "stray.txt": "?\n"})
    project.git("add", "staged.txt")
    before = project.git("diff", "--cached", "--name-status")
    project.ok("exp", "run", "-n", "one")
    assert project.git("diff", "--cached", "--name-status") == before == "A\tstaged.txt\n"
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/main\n" and not project.git("stash", "list")
    names = files_of(project, experiments(project)["one"])
    assert "staged.txt" in names and "stray.txt" not in names and list(experiments(project)) == ["one"]
    assert project.git("show", f"{experiments(project)['one']}:params.json") == '{"acc": 2}\n'


def test_changed_data_is_recorded_before_it_is_used(project: Project) -> None:
    project.gen({"data.txt": "changed\n"})
    project.ok("exp", "run", "-n", "one")
    assert project.read("data.txt") == project.read("prep.txt") == "changed\n"
    assert project.git("show", f"{experiments(project)['one']}:data.txt.dvc") == project.read("data.txt.dvc")


def test_files_that_a_stage_names_come_along_untracked(project: Project) -> None:
    project.gen({"dvc.yaml": PIPELINE + "  more:\n    cmd: mkdir -p out && cp extra.py out/m\n    deps: [extra.py]\n    outs: [out/m]\nmetrics: [top.json]\n", "extra.py": "x\n", "top.json": "{}\n"})
    project.ok("exp", "run", "-n", "one")
    assert {"extra.py", "top.json", "out/.gitignore"} <= set(files_of(project, experiments(project)["one"]))


def test_a_failed_run_leaves_no_experiment_and_the_workspace_as_it_is(project: Project) -> None:
    project.gen({"dvc.yaml": PIPELINE + "  bad:\n    cmd: exit 3\n    deps: [model.bin]\n"})
    result = project.run("exp", "run", "-S", "lr=7")
    assert result.code == 255 and result.err == "ERROR: failed to reproduce 'bad': failed to run: exit 3, exited with 3\n"
    assert not experiments(project) and "lr: 7" in project.read("params.yaml") and "train" in project.read("dvc.lock")
    assert not (project / ".dvc/tmp/exps/run/workspace").exists()


def test_a_name_in_use_is_refused_before_anything_happens(project: Project) -> None:
    project.ok("exp", "run", "-n", "one")
    first = experiments(project)["one"]
    result = project.run("exp", "run", "-n", "one", "-S", "lr=9")
    assert result.code == 255 and "Experiment conflicts with existing experiment 'one'. To overwrite the existing experiment run:\n\n\tdvc exp run -f ...\n" in result.err
    assert "lr: 0.1" in project.read("params.yaml")
    project.ok("exp", "run", "-n", "one", "-S", "lr=9", "-f")
    assert experiments(project)["one"] != first


@pytest.mark.parametrize("name", ["a b", "a/b", ".a", "a.lock", "a..b", "a~1"])
def test_names_that_git_would_not_take_are_refused(project: Project, name: str) -> None:
    result = project.run("exp", "run", "-n", name)
    assert result.code == 255 and f"Invalid exp name {name}, the exp name must follow rules in" in result.err


def test_a_name_too_long_for_a_file_is_refused_before_anything_runs(project: Project) -> None:
    result = project.run("exp", "run", "-n", "é" * 126)
    assert result.code == 255 and "is longer than 250 bytes" in result.err and not (project / "model.bin").exists()
    project.ok("exp", "run", "-n", "x" * 250)


def test_unnamed_runs_get_names_of_two_words(project: Project) -> None:
    project.ok("exp", "run")
    project.ok("exp", "run", "-S", "lr=3")
    names = list(experiments(project))
    assert len(names) == 2 and all(re.fullmatch("[a-z]{5}-[a-z]{4}", name) for name in names)


def test_where_there_can_be_no_experiments(make_project: object, repo: Project, tmp_path: object) -> None:
    result = repo.run("exp", "run")
    assert result.code == 255 and result.err == "ERROR: Empty Git repo. Add a commit to use experiments.\n"
    plain = make_project("plain", git=False)  # type: ignore[operator]
    result = plain.run("exp", "run")
    assert result.code == 255 and "Only supported for Git repositories" in result.err


@pytest.mark.parametrize("argv", [("-S", "lr=1,2"), ("-S", "lr=range(3)"), ("--temp", "-S", "lr=choice(1,2)")])
def test_sweeps_need_the_queue(project: Project, argv: tuple[str, ...]) -> None:
    result = project.run("exp", "run", *argv)
    assert result.code == 255 and result.err == "ERROR: Sweep overrides can't be used without `--queue`\n" and "lr: 0.1" in project.read("params.yaml")


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("lr=range(0,3,nan)", "Invalid range values"), ("lr=range(0,inf)", "Invalid range values"),
        ("lr=range(0,1e12)", "makes more than 100000 experiments"), ("lr=range(0,1,1e-320)", "makes more than 100000 experiments"),
    ],
)  # fmt: skip
def test_sweeps_without_an_end_are_refused(project: Project, override: str, text: str) -> None:
    result = project.run("exp", "run", "--queue", "-S", override)
    assert result.code == 255 and text in result.err
    result = project.run("exp", "run", "--queue", "-S", "lr=range(0,1000)", "-S", "layers=range(0,1000)")
    assert result.code == 255 and "makes more than 100000 experiments" in result.err and not project.git("for-each-ref", "refs/dataver")


def test_a_sweep_of_nothing_says_so(project: Project) -> None:
    result = project.run("exp", "run", "--queue", "-S", "lr=range(2,1)")
    assert result.code == 0 and "Nothing was queued: 'lr=range(2,1)' has no values." in result.err


def test_a_bad_override_changes_no_file(project: Project) -> None:
    result = project.run("exp", "run", "-S", "lr=3", "-S", "params.json:nope=1")
    assert result.code == 255 and "Could not override 'nope'" in result.err and "lr: 0.1" in project.read("params.yaml")
    result = project.run("exp", "run", "-S", "../outside.yaml:+a=1")
    assert result.code == 255 and "not inside of the project" in result.err and not (project.path.parent / "outside.yaml").exists()


def test_stages_see_what_dvclive_looks_for(project: Project) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: env > seen && cat .dvc/tmp/exps/run/workspace/workspace.run > info && cat .dvc/tmp/exps/rwlock.lock > pid\n", ".gitignore": "/seen\n/info\n/pid\n"})
    head = project.git("rev-parse", "HEAD").strip()
    project.ok("config", "--local", "studio.token", "isat_secret")
    project.ok("exp", "run", "-n", "one")
    seen = dict(line.split("=", 1) for line in project.read("seen").splitlines() if line.startswith("DVC_"))
    assert seen["DVC_ROOT"] == str(project.path) and seen["DVC_EXP_NAME"] == "one" and seen["DVC_EXP_BASELINE_REV"] == head and seen["DVC_STAGE"] == "a"
    assert seen["DVC_STUDIO_TOKEN"] == "isat_secret" and "DVC_STUDIO_OFFLINE" not in seen
    info = json.loads(project.read("info"))
    assert info["status"] == 2 and info["name"] == "one" and info["location"] == "workspace" and info["baseline_rev"] == head
    assert project.read("pid") == f" {os.getpid()}\n"
    commit = experiments(project)["one"]
    assert not any("isat_secret" in project.git("show", f"{commit}:{name}") for name in files_of(project, commit)), "no secret in a commit"


def test_a_part_of_a_git_repository(make_project: object) -> None:
    project: Project = make_project("mono", init=False)  # type: ignore[operator]
    project.gen({"other.txt": "o\n", "ml/dvc.yaml": "stages:\n  a:\n    cmd: cat params.yaml > o\n    params: [lr]\n    outs: [o]\n", "ml/params.yaml": "lr: 1\n"})
    project.ok("init", "--subdir", cwd="ml")
    project.commit()
    project.ok("exp", "run", "-n", "one", "-S", "lr=2", cwd="ml")
    commit = experiments(project)["one"]
    assert project.git("show", f"{commit}:ml/params.yaml") == "lr: 2\n" and {"ml/dvc.lock", "ml/.gitignore", "other.txt"} <= set(files_of(project, commit))
    project.ok("exp", "run", "--temp", "-n", "two", "-S", "lr=3", cwd="ml")
    assert project.git("show", f"{experiments(project)['two']}:ml/params.yaml") == "lr: 3\n" and project.read("ml/params.yaml") == "lr: 2\n"


def test_a_second_run_is_told_who_is_at_work(project: Project) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo $$ > started; while [ ! -f go ]; do sleep 0.05; done\n", ".gitignore": "/started\n/go\n"})
    first = spawn(project, "exp", "run", "-n", "first")
    wait_for(project, "started", first)
    second = project.run("exp", "run", "-n", "second")
    assert second.code == 255 and f"Experiment 'first' runs in this workspace (PID {first.pid})." in second.err and "--temp or --queue" in second.err
    waiting = spawn(project, "--wait-for-lock", "exp", "run", "-n", "third")
    project.ok("exp", "run", "--queue", "-n", "queued")
    project.gen({"go": ""})
    assert first.wait(60) == 0 and waiting.wait(60) == 0
    assert {"first", "third"} <= set(experiments(project))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_tree_and_leaves_a_true_state(project: Project, number: int) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: sh -c 'echo $$ > pid; exec sleep 61'\n", ".gitignore": "/pid\n"})
    process = spawn(project, "exp", "run", "-S", "lr=4")
    wait_for(project, "pid", process)
    process.send_signal(number)
    assert process.wait(timeout=30) == 252
    assert processid.start_of(int(project.read("pid"))) is None  # gone, or a zombie that nobody collects
    assert not experiments(project) and not (project / ".dvc/tmp/exps/run/workspace").exists() and "lr: 4" in project.read("params.yaml")
    assert project.ok("runs", "--json").json[0]["state"] == "interrupted"


def test_killed_in_the_middle_the_next_one_runs(project: Project) -> None:
    project.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo $$ > pid; [ -f go ] || exec sleep 62\n", ".gitignore": "/pid\n/go\n"})
    project.git("add", "-A")
    process = spawn(project, "exp", "run", "-n", "one")
    wait_for(project, "pid", process)
    process.kill()
    process.wait()
    os.kill(int(project.read("pid")), signal.SIGKILL)
    assert project.git("symbolic-ref", "HEAD") == "refs/heads/main\n" and not experiments(project)
    project.gen({"go": ""})
    project.ok("exp", "run", "-n", "two")
    assert list(experiments(project)) == ["two"] and not (project / ".dvc/tmp/exps/run/workspace").exists()


def test_git_without_a_user_says_what_to_type(project: Project) -> None:
    for name in list(project.environ):
        if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER")):
            del project.environ[name]
    project.git("config", "user.useConfigOnly", "true")
    for argv in (("run",), ("run", "--temp"), ("run", "--queue"), ("save",)):
        result = project.run("exp", *argv)
        assert result.code and "Git does not know who you are" in result.err and "git config user.email" in result.err, argv
    assert not (project / "model.bin").exists()  # told before anything ran
    project.gen({"params.yaml": "mine"})
    result = project.run("exp", "apply", "HEAD")
    assert result.code == 255 and "Git does not know who you are" in result.err and project.read("params.yaml") == "mine"


def test_no_hook_runs(project: Project) -> None:
    for name in ("pre-commit", "post-checkout", "post-commit", "reference-transaction", "post-index-change"):
        hook = project / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\necho {name} >> {project.path}/ran\n")
        hook.chmod(0o755)
    project.ok("exp", "run", "-n", "one")
    project.ok("exp", "run", "--temp", "-n", "two")
    project.ok("exp", "apply", "two")
    assert not (project / "ran").exists()


def test_hydra_composes_the_params(project: Project) -> None:
    pytest.importorskip("hydra")
    project.gen({"conf/config.yaml": "defaults:\n  - db: a\nlr: 0.3\n", "conf/db/a.yaml": "size: 1\n", "conf/db/b.yaml": "size: 2\n"})
    project.ok("config", "hydra.enabled", "true")
    project.ok("exp", "run", "-n", "one", "-S", "db=b", "-S", "lr=0.4")
    assert project.read("params.yaml") == "db:\n  size: 2\nlr: 0.4\n"
    project.ok("exp", "run", "-n", "two", "--no-hydra", "-S", "lr=5")
    assert project.read("params.yaml") == "db:\n  size: 2\nlr: 5\n"
    result = project.run("exp", "run", "-S", "nope=1")
    assert result.code == 255 and "Hydra cannot compose 'params.yaml'" in result.err


def test_without_hydra_the_message_says_what_to_install(project: Project) -> None:
    project.ok("config", "hydra.enabled", "true")
    project.gen({"shadow/hydra/__init__.py": "raise ImportError('No module named hydra')\n", "conf/config.yaml": "lr: 1\n"})
    project.environ["PYTHONPATH"] = str(project / "shadow")
    result = project.run("exp", "run")
    assert result.code == 255 and "needs the package hydra-core" in result.err and "pip install hydra-core" in result.err


def test_a_git_gc_meanwhile_takes_nothing_of_the_experiment(repo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git gc --prune=now` deletes files that were added and that no commit names yet."""
    from pipelines.engine.experiments import snapshot

    repo.gen({"params.yaml": "lr: 0.1\n", "dvc.yaml": "stages:\n  train:\n    cmd: echo 1 > out\n    params: [lr]\n    outs: [out]\n"}).commit("start")
    real, calls = snapshot.write_tree, []

    def write_tree(git: object) -> str:
        calls.append(1)
        if len(calls) == 1:
            repo.git("prune", "--expire=now")
        return real(git)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshot, "write_tree", write_tree)
    repo.ok("exp", "run", "-q", "-n", "kept", "-S", "lr=0.77")
    ref = repo.git("for-each-ref", "--format=%(refname)", "refs/exps").split()[0]
    assert len(calls) == 2 and "lr: 0.77" in repo.git("show", f"{ref}:params.yaml")
