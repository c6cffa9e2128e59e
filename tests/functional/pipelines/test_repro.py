"""`repro`: stages in order, skipped, restored or run."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import Project

CHAIN = """\
stages:
  a:
    cmd: cat in > o
    deps: [in]
    params: [lr]
    outs: [o]
  b:
    cmd: cat o > p
    deps: [o]
    outs: [p]
  c:
    cmd: cp p m.json
    deps: [p]
    metrics:
    - m.json:
        cache: false
"""


@pytest.fixture
def chain(repo: Project) -> Project:
    """Three stages, run once."""
    repo.gen({"dvc.yaml": CHAIN, "in": "1\n", "params.yaml": "lr: 1\n"})
    repo.ok("repro")
    return repo


def ran(out: str) -> list[str]:
    return [line.split("'")[1] for line in out.splitlines() if line.startswith("Running stage")]


def test_the_first_run_prints_the_contract(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n  b:\n    cmd: cat o\n    deps: [o]\n"})
    assert repo.ok("repro").out == (
        "Running stage 'a':\n> echo 1 > o\nGenerating lock file 'dvc.lock'\nUpdating lock file 'dvc.lock'\n\n"
        "Running stage 'b':\n> cat o\n1\nUpdating lock file 'dvc.lock'\n"
        "\nTo track the changes with git, run:\n\n\tgit add .gitignore dvc.lock\n"
        "\nTo enable auto staging, run:\n\n\tdataver config core.autostage true\n"
        "Use `dvc push` to send your updates to remote storage.\n"
    )


def test_nothing_changed_runs_nothing(chain: Project) -> None:
    assert chain.ok("repro").lines == [
        "Stage 'a' didn't change, skipping", "Stage 'b' didn't change, skipping", "Stage 'c' didn't change, skipping",
        "Data and pipelines are up to date.",
    ]


def test_a_param_runs_only_what_depends_on_it(chain: Project) -> None:
    chain.gen({"params.yaml": "lr: 2\n"})
    assert ran(chain.ok("repro").out) == ["a"]  # its out is the same, so b is not run


def test_a_changed_dep_runs_the_chain(chain: Project) -> None:
    chain.gen({"in": "2\n"})
    assert ran(chain.ok("repro").out) == ["a", "b", "c"]
    assert chain.read("m.json") == "2\n"


def test_an_earlier_result_is_restored_not_run(chain: Project) -> None:
    chain.gen({"in": "2\n"}).ok("repro")
    chain.gen({"in": "1\n"})
    out = chain.ok("repro").out
    assert out.count("is cached - skipping run, checking out outputs") == 3 and ran(out) == []
    assert chain.read("m.json") == "1\n"


def test_no_run_cache_runs_again(chain: Project) -> None:
    chain.gen({"in": "2\n"}).ok("repro")
    chain.gen({"in": "1\n"})
    assert ran(chain.ok("repro", "--no-run-cache").out) == ["a", "b", "c"]


def test_a_damaged_memory_is_named_and_dropped(chain: Project) -> None:
    for folder, _, names in os.walk(chain / ".dvc/cache/runs"):
        for name in names:
            os.truncate(os.path.join(folder, name), 0)
    os.unlink(chain / "dvc.lock")
    result = chain.ok("repro")
    assert ran(result.out) == ["a", "b", "c"] and "corrupted cache file" in result.err


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["-f"], ["a", "b", "c"]),
        (["-f", "b"], ["a", "b"]),
        (["-f", "-s", "b"], ["b"]),
        (["-f", "-p", "b"], ["a", "b", "c"]),
        (["-f", "--downstream", "b"], ["b", "c"]),
        (["-f", "-P"], ["a", "b", "c"]),
        (["-f", "-R", "."], ["a", "b", "c"]),
        (["-f", "--glob", "[ab]"], ["a", "b"]),
        (["-f", "dvc.yaml:b"], ["a", "b"]),
    ],
)
def test_which_stages_flags_and_targets_choose(chain: Project, flags: list[str], expected: list[str]) -> None:
    assert ran(chain.ok("repro", *flags).out) == expected


def test_force_downstream_goes_on_behind_what_ran(chain: Project) -> None:
    chain.gen({"params.yaml": "lr: 2\n"})
    assert ran(chain.ok("repro", "--force-downstream").out) == ["a", "b", "c"]


def test_dry_changes_nothing(chain: Project) -> None:
    chain.gen({"in": "2\n"})
    before = {name: chain.read(name) for name in chain.tree()}
    assert ran(chain.ok("repro", "--dry").out) == ["a"]
    assert {name: chain.read(name) for name in chain.tree()} == before


def test_interactive_without_a_terminal_is_a_no(chain: Project) -> None:
    result = chain.run("repro", "-f", "-i")
    assert result.code == 255 and "reproduction aborted by the user" in result.err


FAILING = """\
stages:
  a:
    cmd: exit 4
    outs: [o]
  b:
    cmd: cat o > p
    deps: [o]
    outs: [p]
  c:
    cmd: echo 1 > q
    outs: [q]
"""


def test_a_failure_ends_the_run(repo: Project) -> None:
    repo.gen({"dvc.yaml": FAILING})
    result = repo.run("repro")
    assert result.code == 255
    assert result.err == "ERROR: failed to reproduce 'a': failed to run: exit 4, exited with 4\n"
    assert not (repo / "q").exists()


def test_keep_going_skips_only_what_depends(repo: Project) -> None:
    repo.gen({"dvc.yaml": FAILING})
    result = repo.run("repro", "-k")
    assert result.code == 255 and ran(result.out) == ["a", "c"]
    assert result.err == (
        "WARNING: failed to run: exit 4, exited with 4\nWARNING: Stage 'b' will be skipped due to this failure\nERROR: failed to reproduce 'a'\n"
    )


def test_ignore_errors_tries_everything(repo: Project) -> None:
    repo.gen({"dvc.yaml": FAILING})
    result = repo.run("repro", "--ignore-errors")
    assert result.code == 0 and "exited with 4 (ignored)" in result.err and (repo / "q").exists()


def test_finished_stages_are_kept_after_a_failure(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  c:\n    cmd: echo 1 > q\n    outs: [q]\n  z:\n    cmd: exit 4\n    outs: [o]\n"})
    assert repo.run("repro").code == 255
    assert "  c:" in repo.read("dvc.lock") and repo.read(".gitignore") == "/q\n"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("cmd: cat in > o\n    deps: [in]\n    outs: [o]", "[Errno 2] No such file or directory: "),
        ("cmd: cat in\n    deps: [in]", "dependency 'in' does not exist"),
        ("cmd: 'true'\n    params: [x]\n    outs: [o]", "Parameters 'x' are missing from 'params.yaml'."),
        ("cmd: echo 1 > x\n    outs: [x, o]", "output 'o' does not exist"),
        ("cmd: mkfifo o\n    outs: [o]", "output 'o' is not a file or directory"),
        ("cmd: echo 1 > o\n    wdir: nosuch\n    outs: [o]", "does not exist"),
        ("cmd: echo 1 > ../e\n    outs: [../e]", "Saving cached external output "),
        ("cmd: printf '\\0' > o\n    metrics: [o]", "cannot be used as metrics"),
    ],
)
def test_what_stops_a_stage_is_one_line_and_stores_nothing(repo: Project, body: str, text: str) -> None:
    repo.gen({"dvc.yaml": f"stages:\n  a:\n    {body}\n"})
    result = repo.run("repro")
    assert result.code == 255 and text in result.err.splitlines()[0]
    assert repo.objects() == [] and not (repo / "dvc.lock").exists() and not (repo / ".gitignore").exists()


def test_outs_are_deleted_before_a_run_unless_they_persist(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: ls o p; echo 1 >> o; echo 1 >> p\n    outs:\n    - o\n    - p:\n        persist: true\n", "o": "old\n", "p": "old\n"})
    repo.run("repro")
    assert repo.read("o") == "1\n" and repo.read("p") == "old\n1\n"


def test_an_uncached_out_elsewhere_is_not_deleted_without_force(repo: Project, tmp_path) -> None:
    (tmp_path / "ext").write_text("old\n")
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo 1 >> ../ext\n    outs:\n    - ../ext:\n        cache: false\n"})
    assert "is not deleted before the run" in repo.ok("repro").err
    assert (tmp_path / "ext").read_text() == "old\n1\n"
    repo.ok("repro", "-f")
    assert (tmp_path / "ext").read_text() == "1\n"


def test_a_frozen_stage_is_not_run(chain: Project) -> None:
    chain.ok("freeze", "a")
    chain.gen({"in": "2\n"})
    result = chain.ok("repro")
    assert ran(result.out) == [] and "stage: 'a' is frozen. Its dependencies are not going to be reproduced." in result.err


def test_callbacks_and_always_changed_run_every_time(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo hi\n  b:\n    cmd: echo 1 > o\n    outs: [o]\n    always_changed: true\n"})
    assert ran(repo.ok("repro").out) == ["a", "b"] == ran(repo.ok("repro").out)


def test_each_line_of_a_command_runs_until_one_fails(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: |\n      echo one\n      exit 3\n      echo two\n"})
    assert repo.run("repro").out == "Running stage 'a':\n> echo one\none\n> exit 3\n"


def test_stages_see_their_name_and_the_root(repo: Project) -> None:
    repo.gen({"s/dvc.yaml": "stages:\n  a:\n    cmd: echo $DVC_STAGE $DVC_ROOT\n"})
    assert f"s/dvc.yaml:a {os.path.realpath(repo.path)}\n" in repo.ok("repro", "-P").out


def test_groups_and_members_are_targets(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  g:\n    foreach: [1, 2]\n    do:\n      cmd: echo ${item}\n"})
    assert ran(repo.ok("repro", "g").out) == ["g@1", "g@2"]
    assert ran(repo.ok("repro", "g@2").out) == ["g@2"]


def test_pipelines_of_several_files_are_one_graph(repo: Project) -> None:
    repo.gen({"s/dvc.yaml": "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n", "t/dvc.yaml": "stages:\n  b:\n    cmd: cat ../s/o > p\n    deps: [../s/o]\n    outs: [p]\n"})
    assert ran(repo.ok("repro", "t/dvc.yaml").out) == ["s/dvc.yaml:a", "t/dvc.yaml:b"]
    assert ran(repo.ok("repro", "-f", cwd="t").out) == ["../s/dvc.yaml:a", "b"]


def test_a_changed_data_source_is_recorded(repo: Project) -> None:
    repo.gen({"in": "1\n", "dvc.yaml": "stages:\n  a:\n    cmd: cat in > o\n    deps: [in]\n    outs: [o]\n"}).ok("add", "in")
    repo.ok("repro")
    repo.gen({"in": "2\n"})
    assert "Verifying data sources in stage: 'in.dvc'\n" in repo.ok("repro").out
    assert repo.ok("status", "--json").json == {}


def test_allow_missing_skips_stages_that_only_lack_data(chain: Project) -> None:
    for name in ("in", "o", "p", "m.json"):
        os.unlink(chain / name)
    assert ran(chain.ok("repro", "--allow-missing").out) == []


def test_no_commit_leaves_the_cache_alone(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n"}).ok("repro", "--no-commit")
    assert repo.objects() == [] and "  a:" in repo.read("dvc.lock")
    repo.ok("commit")
    assert len(repo.objects()) == 1


def test_hints_of_odd_pipelines_are_told_once(repo: Project) -> None:
    repo.gen({"dvc.yaml": "vars:\n- item: 1\nstages:\n  g:\n    foreach: [1, 2]\n    do:\n      cmd: echo ${item}\n"})
    for command in (["repro"], ["status"], ["dag"], ["stage", "list"], ["why"]):
        assert repo.ok(*command).err.count("already specified") == 1


def test_unknown_targets(chain: Project) -> None:
    assert "Stage 'nosuch' not found inside 'dvc.yaml' file" in chain.run("repro", "nosuch").err
    os.unlink(chain / "dvc.yaml")
    result = chain.run("repro")
    assert result.code == 255 and "dvc.yaml' does not exist" in result.err


# --- several at once
def test_parallel_runs_give_the_same_result(chain: Project) -> None:
    lock = chain.read("dvc.lock")
    os.unlink(chain / "dvc.lock")
    assert sorted(ran(chain.ok("repro", "-f", "-j", "4").out)) == ["a", "b", "c"]
    assert chain.read("dvc.lock") == lock


def test_independent_stages_run_together(repo: Project) -> None:
    """Each waits for the other's file."""
    wait = "i=0; until test -e {0} || test $i -ge 100; do sleep 0.05; i=$((i+1)); done; test -e {0}"
    stages = "".join(f"  {me}:\n    cmd: touch flag-{me}; {wait.format(f'flag-{other}')}\n" for me, other in (("x", "y"), ("y", "x")))
    repo.gen({"dvc.yaml": f"stages:\n{stages}"}).ok("repro", "-j", "2")


def test_output_of_parallel_stages_is_not_mixed(repo: Project) -> None:
    stages = "".join(f"  s{n}:\n    cmd: for i in 1 2 3; do echo {n}; sleep 0.02; done\n" for n in range(4))
    out = repo.gen({"dvc.yaml": f"stages:\n{stages}"}).ok("repro", "-j", "4").out
    for n in range(4):
        assert f"{n}\n{n}\n{n}\n" in out


def test_a_parallel_stage_has_no_input(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: cat > o\n    outs: [o]\n"}).ok("repro", "-j", "2")
    assert repo.read("o") == ""


def test_a_parallel_failure_stops_the_others(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: exit 3\n  b:\n    cmd: sleep 60\n"})
    started = time.monotonic()
    result = repo.run("repro", "-j", "2")
    assert result.code == 255 and "Stage 'b' was stopped" in result.out
    assert time.monotonic() - started < 30


def test_parallel_keep_going_skips_dependents(repo: Project) -> None:
    repo.gen({"dvc.yaml": FAILING})
    result = repo.run("repro", "-k", "-j", "3")
    assert result.code == 255 and sorted(ran(result.out)) == ["a", "c"]
    assert "Stage 'b' will be skipped" in result.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_signal_ends_the_whole_tree_and_keeps_what_finished(repo: Project, number: int, jobs: str) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n  b:\n    cmd: cat o; sh -c 'echo $$ > pid; exec sleep 61'; echo over\n    deps: [o]\n"})
    code = "import sys; from dataver_site import entry; sys.exit(entry.main())"
    process = subprocess.Popen([sys.executable, "-c", code, "repro", "-j", jobs], cwd=repo.path, env=repo.environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not ((repo / "pid").exists() and repo.read("pid").strip()) and process.poll() is None:
        time.sleep(0.02)
    pid = int(repo.read("pid"))
    process.send_signal(number)
    assert process.wait(timeout=30) == 252
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert "  a:" in repo.read("dvc.lock")


def test_outs_that_git_tracks_are_refused_before_they_are_overwritten(repo: Project) -> None:
    repo.gen({"i": "1\n", "o": "mine\n", "dvc.yaml": "stages:\n  a:\n    cmd: cat i > o\n    deps: [i]\n    outs: [o]\n"}).commit()
    result = repo.run("repro")
    assert result.code == 255 and "output 'o' is already tracked by SCM" in result.err and "git rm -r --cached 'o'" in result.err
    assert repo.read("o") == "mine\n" and not repo.objects() and not (repo / "dvc.lock").exists()


def test_single_items_do_not_need_the_other_files(repo: Project) -> None:
    repo.gen({"f": "1\n", "dvc.yaml": "stages:\n  a: {cmd: echo > o, outs: [o]}\n  b: {cmd: echo > p, deps: [o], outs: [p]}\n"})
    repo.ok("add", "f")
    repo.gen({"sub/dvc.yaml": "stages: [\n"})
    assert repo.run("repro", "a").code == 255
    assert repo.ok("repro", "-s", "f.dvc").out.startswith("'f.dvc' didn't change, skipping\n")
    repo.ok("repro", "-s", "b", "--allow-missing", "--dry")
    repo.ok("repro", "-s", "a")
    repo.ok("repro", "-s")
    assert (repo / "o").exists() and (repo / "p").exists()


def test_timeout_and_retries_hold_for_plain_repro(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  fit:\n    cmd: echo x >> tries; [ $(wc -l < tries) -eq 2 ] && echo done > out.txt\n    outs: [out.txt]\n    meta: {dataver: {retries: 1}}\n"})
    assert "attempt 2 of 2" in repo.ok("repro").out + repo.read("tries")
    repo.gen({"dvc.yaml": "stages:\n  fit:\n    cmd: sleep 30; echo done > out.txt\n    outs: [out.txt]\n    meta: {dataver: {timeout: 0.2}}\n"})
    result = repo.run("repro")
    assert result.code != 0 and "longer than its timeout of 0.2 s" in result.err
