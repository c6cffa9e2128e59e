"""`stage add`: what it writes, and what it refuses without writing."""
from __future__ import annotations

import pytest

from tests.conftest import Project


def test_writes_every_kind_of_entry_in_dvcs_order(repo: Project) -> None:
    repo.ok(
        "stage", "add", "-n", "prep", "-d", "src", "-d", "a", "-p", "lr,b.c", "-p", "o.json:y,x", "-p", "whole.toml:",
        "-o", "out", "-O", "nc", "--outs-persist", "pers", "--outs-persist-no-cache", "pnc",
        "-m", "m.json", "-M", "m2.json", "--plots", "p.csv", "--plots-no-cache", "p2.csv",
        "--desc", "hello", "--always-changed", "python x.py",
    )  # fmt: skip
    assert repo.read("dvc.yaml") == (
        "stages:\n  prep:\n    desc: hello\n    cmd: python x.py\n    deps:\n    - a\n    - src\n"
        "    params:\n    - b.c\n    - lr\n    - o.json:\n      - x\n      - y\n    - whole.toml:\n"
        "    outs:\n    - nc:\n        cache: false\n    - out\n    - pers:\n        persist: true\n"
        "    - pnc:\n        cache: false\n        persist: true\n"
        "    metrics:\n    - m.json\n    - m2.json:\n        cache: false\n"
        "    plots:\n    - p.csv\n    - p2.csv:\n        cache: false\n    always_changed: true\n"
    )


def test_cached_outs_go_into_gitignore_and_the_hint(repo: Project) -> None:
    result = repo.ok("stage", "add", "-n", "a", "-o", "out", "-O", "kept", "true")
    assert repo.read(".gitignore") == "/out\n"
    assert result.lines[0] == "Added stage 'a' in 'dvc.yaml'"
    assert "\tgit add .gitignore dvc.yaml" in result.lines


def test_out_in_a_folder_to_come_is_only_warned_about(repo: Project) -> None:
    result = repo.ok("stage", "add", "-n", "a", "-o", "later/out", "true")
    assert "WARNING: 'later' does not exist yet" in result.err
    assert repo.tree() == [".dvcignore", "dvc.yaml"]


def test_autostage_adds_to_git(repo: Project) -> None:
    repo.ok("config", "core.autostage", "true")
    repo.ok("stage", "add", "-n", "a", "-o", "out", "true")
    assert {"dvc.yaml", ".gitignore"} <= set(repo.git("diff", "--cached", "--name-only").split())


def test_words_of_the_command_are_joined(repo: Project) -> None:
    repo.ok("stage", "add", "-n", "a", "-d", "x", "python", "-c", "print(1 + 1)", "-o", "", "y")
    assert '    cmd: python -c "print(1 + 1)" -o "" y\n' in repo.read("dvc.yaml")


def test_wdir_makes_paths_relative_to_it(repo: Project) -> None:
    repo.gen({"sub": {}})
    repo.ok("stage", "add", "-n", "a", "-w", "sub", "-o", "out", "-d", str(repo / "x"), "true")
    assert repo.read("dvc.yaml") == "stages:\n  a:\n    cmd: 'true'\n    wdir: sub\n    deps:\n    - ../x\n    outs:\n    - out\n"
    assert repo.read("sub/.gitignore") == "/out\n"


def test_in_a_subfolder_writes_there(repo: Project) -> None:
    repo.gen({"sub": {}}).ok("stage", "add", "-n", "a", "-o", "out", "true", cwd="sub")
    assert repo.tree() == [".dvcignore", "sub/.gitignore", "sub/dvc.yaml"]


def test_existing_stage_needs_force(repo: Project) -> None:
    repo.ok("stage", "add", "-n", "a", "-o", "out", "true")
    result = repo.run("stage", "add", "-n", "a", "-o", "new", "true")
    assert (result.code, result.err) == (255, "ERROR: Stage 'a' already exists in 'dvc.yaml'. Use '--force' to overwrite.\n")
    repo.ok("stage", "add", "-f", "-n", "a", "-o", "new", "true")
    assert repo.read("dvc.yaml") == "stages:\n  a:\n    cmd: 'true'\n    outs:\n    - new\n"


def test_force_keeps_descriptions_and_comments(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:  # mine\n    cmd: old\n    desc: what\n    outs:\n    - o:\n        desc: an out\n"})
    repo.ok("stage", "add", "-f", "-n", "a", "-o", "o", "new")
    assert repo.read("dvc.yaml") == "stages:\n  a:  # mine\n    cmd: new\n    desc: what\n    outs:\n    - o:\n        desc: an out\n"


@pytest.mark.parametrize("force", [(), ("-f",)])
def test_group_is_never_replaced(repo: Project, force: tuple[str, ...]) -> None:
    text = "stages:\n  fe:\n    foreach: [1, 2]\n    do:\n      cmd: echo ${item}\n"
    assert repo.gen({"dvc.yaml": text}).run("stage", "add", *force, "-n", "fe", "true").code == 255
    assert repo.read("dvc.yaml") == text


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-n", "z"], "command is not specified"),
        (["-n", "a.b", "true"], "Stage name cannot contain punctuation characters."),
        (["-n", "a@b", "true"], "Stage name cannot contain punctuation characters."),
        (["-n", "s", "-d", "q", "-o", "q", "true"], "/q' is specified as an output and as a dependency."),
        (["-n", "s", "-d", "q", "-d", "./q", "true"], "/q' is specified more than once."),
        (["-n", "s", "-o", "q", "-M", "q", "true"], "/q' is specified more than once."),
        (["-n", "s", "-o", "w", "-o", "w/x", "true"], "'w'('s')\n'w/x'('s')\noverlap"),
        (["-n", "s", "-o", "made", "true"], "output 'made' is already specified in stage: 'old'."),
        (["-n", "s", "-o", "made/x", "true"], "'made'('old')\n'made/x'('s')\noverlap"),
        (["-n", "s", "-d", "made", "-o", "read", "true"], "both a dependency and an output in stages: old, s."),
        (["-n", "s", "-o", "../x", "true"], "Cached output(s) outside of DVC project: "),
        (["-n", "s", "-o", "s3://b/k", "true"], "Cached output(s) outside of DVC project: s3://b/k."),
        (["-n", "s", "-o", "dvc.yaml", "true"], "DVC file 'dvc.yaml' cannot be an output."),
        (["-n", "s", "-d", "x.dvc", "true"], "DVC file 'x.dvc' cannot be a dependency."),
        (["-n", "s", "-o", "a.skip", "true"], "is ignored by .dvcignore:1:*.skip"),
        (["-n", "s", "-o", ".dvc/x", "true"], "is ignored by :.dvc/"),
        (["-n", "s", "-w", "nosuch", "true"], "nosuch' does not exist"),
        (["-n", "s", "-w", "..", "true"], "is outside of DVC repo"),
        (["-n", "s", "-w", "tracked", "true"], "tracked' is not directory"),
        (["-n", "s", "-o", "tracked", "true"], "output 'tracked' is already tracked by SCM (e.g. Git)."),
        (["-n", "s", "-d", "", "true"], "a path of the stage is empty"),
    ],
)
def test_refused_stage_leaves_nothing_behind(repo: Project, argv: list[str], message: str) -> None:
    repo.gen({".dvcignore": "*.skip\n", "tracked": "x", "dvc.yaml": "stages:\n  old: {cmd: x, deps: [read], outs: [made]}\n"})
    repo.git("add", "tracked")
    before = {name: repo.read(name) for name in repo.tree()}
    result = repo.run("stage", "add", *argv)
    assert result.code == 255 and message in result.err
    assert {name: repo.read(name) for name in repo.tree()} == before


def test_uncached_out_outside_is_accepted(repo: Project) -> None:
    repo.ok("stage", "add", "-n", "s", "-O", "../x", "-O", "s3://b/k", "true")
    assert "    - ../x:\n        cache: false\n    - s3://b/k:\n" in repo.read("dvc.yaml")


def test_template_in_an_out_is_not_put_into_gitignore(repo: Project) -> None:
    repo.ok("stage", "add", "-n", "s", "-o", "${out}", "true")
    assert "    - ${out}\n" in repo.read("dvc.yaml") and ".gitignore" not in repo.tree()


def test_name_is_required(repo: Project) -> None:
    assert repo.run("stage", "add", "true").code == 254


def test_run_executes_the_stage_and_records_it(repo: Project) -> None:
    result = repo.ok("stage", "add", "-n", "a", "-o", "out", "--run", "echo hi > out")
    assert repo.read("out") == "hi\n" and "a:\n    cmd: echo hi > out\n" in repo.read("dvc.lock")
    assert "\tgit add .gitignore dvc.lock dvc.yaml" in result.lines
