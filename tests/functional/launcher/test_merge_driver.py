"""Real `git merge` of branches whose data and pipelines went apart; real dvc reads what was merged."""
from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import Project

PIPELINE = """\
stages:
  clean:
    cmd: cat raw > clean
    deps: [raw]
    outs: [clean]
  fit:
    cmd: cat clean rate > model
    deps: [clean, rate]
    outs: [model]
  plot:
    cmd: mkdir -p plots && cp style plots/a
    deps: [style]
    outs: [plots]
"""


@pytest.fixture
def merging(repo: Project, on_path: Callable[..., None]) -> Project:
    """Folder d and two files are tracked, the pipeline has run, the driver is set up; all committed on main."""
    on_path(repo, "dataver")
    repo.gen({"d": {"a": "a\n", "b": "b\n"}, "f": "f\n", "g": "g\n", "raw": "raw\n", "rate": "1\n", "style": "s\n", "dvc.yaml": PIPELINE})
    repo.ok("add", "-q", "d", "f", "g")
    repo.ok("repro", "-q")
    repo.ok("install", "-q", "--gitattributes")
    for hook in (repo / ".git/hooks").iterdir():
        hook.unlink()  # only the driver is looked at here
    repo.commit("base")
    return repo


def branches(repo: Project, theirs: dict[str, str], ours: dict[str, str], tracked: tuple[str, ...] = ()) -> None:
    """Change files on a branch `theirs` and on main; on both, `add` what is tracked and run the pipeline."""
    repo.git("checkout", "-q", "-b", "theirs")
    for branch, files in (("theirs", theirs), ("main", ours)):
        repo.git("checkout", "-q", branch)
        repo.ok("checkout", "-q", "-f")
        repo.gen(files)
        if tracked:
            repo.ok("add", "-q", *tracked)
        repo.ok("repro", "-q")
        repo.commit(f"work of {branch}")


def merge(repo: Project) -> tuple[int, str]:
    """Exit code and everything `git merge theirs` says."""
    done = subprocess.run(["git", "merge", "theirs", "-m", "merged"], cwd=repo.path, env=repo.environ, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_stages_that_only_one_side_ran_are_merged(merging: Project, dvc: Callable[..., str]) -> None:
    branches(merging, theirs={"style": "theirs\n"}, ours={"rate": "2\n"})
    before = merging.read("dvc.lock")
    code, said = merge(merging)
    assert code == 0, said
    assert merging.read("dvc.lock") != before and "<<<" not in merging.read("dvc.lock")
    merging.ok("checkout", "-q")
    assert merging.ok("status").out == "Data and pipelines are up to date.\n"
    assert dvc(merging, "status") == "Data and pipelines are up to date.\n"
    merged = merging.read("dvc.lock")
    (merging / "dvc.lock").write_text(merged + "# x\n")
    dvc(merging, "commit", "-f")  # writes it anew
    assert merging.read("dvc.lock").replace("# x\n", "") == merged


def test_a_stage_behind_the_change_of_the_other_side_is_seen_as_changed(merging: Project, dvc: Callable[..., str]) -> None:
    """Each entry is the record of a run; no record says that theirs' model came from our clean file."""
    branches(merging, theirs={"rate": "7\n"}, ours={"style": "ours\n"})
    merging.gen({"raw": "ours\n"})
    merging.ok("repro", "-q", "clean")
    merging.commit("only clean ran")
    code, said = merge(merging)
    assert code == 0, said
    merging.ok("checkout", "-q")
    assert merging.ok("status", "--json").json == {"fit": [{"changed deps": {"clean": "modified"}}]}
    assert "changed deps:\n\t\tmodified:           clean" in dvc(merging, "status")


def test_a_stage_with_the_same_outs_on_both_sides_keeps_our_record(merging: Project) -> None:
    merging.gen({"dvc.yaml": PIPELINE.replace("cat clean rate > model", "cat clean > model")})
    merging.ok("repro", "-q")
    merging.commit("the rate does not matter")
    branches(merging, theirs={"rate": "7\n"}, ours={"rate": "2\n"})
    ours = merging.read("dvc.lock")
    code, said = merge(merging)
    assert code == 1 and "Merge conflict in rate" in said and "conflict in dvc.lock" not in said
    assert "dvc.lock: stage 'fit' ran on both sides with different inputs and made the same outs" in said
    assert merging.read("dvc.lock") == ours


def test_a_stage_that_both_ran_with_other_outs_is_a_conflict_around_its_entry(merging: Project, dvc: Callable[..., str]) -> None:
    branches(merging, theirs={"rate": "7\n", "style": "theirs\n"}, ours={"rate": "2\n"})
    merging.git("checkout", "-q", "main")
    code, said = merge(merging)
    assert code == 1
    assert "ERROR: dvc.lock: stage 'fit': both sides ran it and made different outs (model)" in said
    assert "CONFLICT (content): Merge conflict in dvc.lock" in said
    text = merging.read("dvc.lock")
    first, _, rest = text.partition("<<<<<<< ours\n")
    ours, _, rest = rest.partition("=======\n")
    theirs, _, last = rest.partition(">>>>>>> theirs\n")
    assert "  clean:" in first and "  plot:" in last, "only the stage in conflict is marked"
    assert ours.startswith("  fit:\n") and theirs.startswith("  fit:\n") and ours != theirs
    (merging / "dvc.lock").write_text(first + theirs + last)
    (merging / "rate").write_text("7\n")
    merging.ok("checkout", "-q", "-f")
    assert merging.ok("status", "--json").json == {}
    assert dvc(merging, "status") == "Data and pipelines are up to date.\n"


def test_files_of_a_folder_are_merged_and_dvc_agrees(merging: Project, dvc: Callable[..., str]) -> None:
    branches(merging, theirs={"d/new": "theirs\n", "d/a": "changed\n"}, ours={"d/own": "ours is longer\n"}, tracked=("d",))
    (merging / "d/b").unlink()
    merging.ok("add", "-q", "d")
    merging.commit("b is gone")
    code, said = merge(merging)
    assert code == 0, said
    text = merging.read("d.dvc")
    assert "nfiles: 3\n" in text and f"size: {len('theirs' + 'changed' + 'ours is longer') + 3}\n" in text
    merging.ok("checkout", "-q")
    assert {name: merging.read(f"d/{name}") for name in ("a", "new", "own")} == {"a": "changed\n", "new": "theirs\n", "own": "ours is longer\n"}
    assert not (merging / "d/b").exists()
    assert merging.ok("status", "--json").json == {}
    assert dvc(merging, "status") == "Data and pipelines are up to date.\n"
    merging.ok("add", "-q", "d")
    assert merging.read("d.dvc") == text, "the merged file is what `add` writes"


def test_a_file_of_a_folder_that_both_changed_is_a_conflict_and_the_rest_is_merged(merging: Project, dvc: Callable[..., str]) -> None:
    branches(merging, theirs={"d/a": "theirs\n", "d/new": "new\n"}, ours={"d/a": "ours\n", "d/own": "own\n"}, tracked=("d",))
    code, said = merge(merging)
    assert code == 1 and "ERROR: d.dvc: folder 'd': changed on both sides: 'd/a'\n" in said and "CONFLICT" in said
    text = merging.read("d.dvc")
    head, _, rest = text.partition("<<<<<<< ours\n")
    ours, _, rest = rest.partition("=======\n")
    theirs, _, tail = rest.partition(">>>>>>> theirs\n")
    assert (head, tail) == ("outs:\n", "")
    for side, content in ((theirs, "theirs\n"), (ours, "ours\n")):
        (merging / "d.dvc").write_text(head + side)
        merging.ok("checkout", "-q", "-f", "d")
        assert merging.read("d/a") == content and merging.tree("d") == ["a", "b", "new", "own"]
        assert dvc(merging, "status", "d.dvc") == "Data and pipelines are up to date.\n"


def test_a_single_file_that_both_changed_is_a_conflict(merging: Project) -> None:
    branches(merging, theirs={"f": "theirs\n", "g": "theirs\n"}, ours={"f": "ours\n"}, tracked=("f", "g"))
    code, said = merge(merging)
    assert code == 1 and "ERROR: f.dvc: 'f': changed on both sides\n" in said
    assert merging.read("f.dvc").startswith("outs:\n<<<<<<< ours\n- md5: ")
    merging.git("checkout", "--theirs", "f.dvc")
    merging.ok("checkout", "-q", "-f")
    assert (merging.read("f"), merging.read("g")) == ("theirs\n", "theirs\n")


def test_outs_of_one_file_that_different_sides_changed_are_merged(merging: Project, dvc: Callable[..., str]) -> None:
    both = merging.read("f.dvc") + merging.read("g.dvc").removeprefix("outs:\n")
    merging.gen({"both.dvc": both})
    (merging / "f.dvc").unlink()
    (merging / "g.dvc").unlink()
    merging.commit("one file for both")
    merging.git("branch", "theirs")
    for branch, name in (("theirs", "f"), ("main", "g")):
        merging.git("checkout", "-q", branch)
        merging.ok("checkout", "-q", "-f")
        merging.gen({name: f"{branch}\n"})
        merging.ok("commit", "-q", "-f", "both.dvc")
        merging.commit("committed")
    code, said = merge(merging)
    assert code == 0, said
    merging.ok("checkout", "-q", "-f")
    assert (merging.read("f"), merging.read("g")) == ("theirs\n", "main\n")
    assert dvc(merging, "status", "both.dvc") == "Data and pipelines are up to date.\n"


def test_a_manifest_that_is_missing_is_brought_from_the_remote_or_named(merging: Project) -> None:
    merging.ok("remote", "add", "-q", "-d", "r", "../remote")
    merging.commit("a remote")
    branches(merging, theirs={"d/new": "theirs\n"}, ours={"d/own": "ours\n"}, tracked=("d",))
    merging.ok("push", "-q", "-A")
    for manifest in (merging / ".dvc/cache/files/md5").rglob("*.dir"):
        manifest.unlink()
    start = merging.git("rev-parse", "HEAD").strip()
    assert merge(merging)[0] == 0
    merging.git("reset", "-q", "--hard", start)
    (merging.path.parent / "remote").rename(merging.path.parent / "away")
    for manifest in (merging / ".dvc/cache/files/md5").rglob("*.dir"):
        manifest.unlink()
    code, said = merge(merging)
    assert code == 1 and "folder 'd': cannot read what it holds in the common ancestor (neither the cache nor the remote has '" in said
    assert "dataver fetch -a" in said and merging.read("d.dvc").count("<<<<<<< ours") == 1


def test_a_project_below_the_top_of_git_is_found(make_project, on_path) -> None:
    top = make_project("top", init=False)
    on_path(top, "dataver")
    sub = Project(top.path / "sub dir", top._capfd)
    sub.path.mkdir()
    sub.environ = top.environ
    sub.ok("init", "--subdir")
    sub.gen({"d": {"a": "a\n"}})
    sub.ok("add", "-q", "d")
    sub.ok("install", "-q", "--gitattributes")
    for hook in (top / ".git/hooks").iterdir():
        hook.unlink()
    top.commit("base")
    top.git("checkout", "-q", "-b", "theirs")
    for branch in ("theirs", "main"):
        top.git("checkout", "-q", branch)
        sub.ok("checkout", "-q", "-f")
        sub.gen({f"d/{branch}": branch})
        sub.ok("add", "-q", "d")
        top.commit(branch)
    code, said = merge(top)
    assert code == 0, said
    assert "nfiles: 3" in sub.read("d.dvc")


def test_a_broken_side_is_one_conflict_as_a_whole(merging: Project) -> None:
    merging.git("checkout", "-q", "-b", "theirs")
    merging.gen({"d.dvc": "outs: [\n"})
    merging.commit("broken")
    merging.git("checkout", "-q", "main")
    merging.gen({"d/own": "ours\n"})
    merging.ok("add", "-q", "d")
    own = merging.read("d.dvc")
    merging.commit("own")
    code, said = merge(merging)
    assert code == 1 and "d.dvc: cannot be merged entry by entry: 'd.dvc' is invalid." in said
    assert merging.read("d.dvc") == f"<<<<<<< ours\n{own}=======\nouts: [\n>>>>>>> theirs\n"


def test_without_dataver_and_dvc_the_files_are_merged_as_text(merging: Project, on_path) -> None:
    branches(merging, theirs={"rate": "7\n"}, ours={"rate": "2\n"})
    (merging.path.parent / "bin/dataver").unlink()
    code, said = merge(merging)
    assert code == 1 and "CONFLICT" in said and "<<<<<<< ours" in merging.read("dvc.lock")


def test_the_driver_names_what_it_needs(repo: Project) -> None:
    assert repo.run("git-hook", "merge-driver", "--our", "x").code == 254
    result = repo.run("git-hook", "merge-driver", "--ancestor", "x", "--our", "y", "--their", "z")
    assert (result.code, "cannot read" in result.err) == (255, True)


def test_criss_cross_branches_whose_ancestors_conflict(merging: Project) -> None:
    """Git merges the two ancestors first; no markers may get into what is taken for the ancestor."""
    both = merging.read("f.dvc") + merging.read("g.dvc").removeprefix("outs:\n")
    merging.gen({"both.dvc": both})
    merging.git("rm", "-q", "-f", "f.dvc", "g.dvc")
    merging.commit("one file for both")
    merging.git("branch", "theirs")

    def change(branch: str, **files: str) -> str:
        merging.git("checkout", "-q", branch)
        merging.gen(files)
        merging.ok("commit", "-q", "-f", "both.dvc")
        return merging.commit(f"{branch} {files}")

    tips = {branch: change(branch, f=f"{branch}\n", g="g\n") for branch in ("main", "theirs")}
    for branch, other in (("main", "theirs"), ("theirs", "main")):
        merging.git("checkout", "-q", branch)
        subprocess.run(["git", "merge", "-q", tips[other]], cwd=merging.path, env=merging.environ, capture_output=True)
        merging.git("checkout", "-q", tips["main"], "--", "both.dvc")  # both settle on main's f
        merging.ok("checkout", "-q", "-f")
        merging.commit("settled")
    change("theirs", g="theirs\n")
    change("main", f="main again\n", g="g\n")
    g = next(line for line in merging.git("show", "theirs:both.dvc").splitlines()[5:] if "md5: " in line)
    code, said = merge(merging)
    assert code == 1 and "both.dvc: 'f': changed on both sides" in said
    text = merging.read("both.dvc")
    assert text.count("<<<<<<< ours\n") == 1 and g in text.partition(">>>>>>> theirs\n")[2], "g is merged"
