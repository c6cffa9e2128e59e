"""`gc` of cache and remote."""
from __future__ import annotations

from tests.conftest import Project
from tests.functional.remotes.test_push import D, F, at

ASKED = "WARNING: This will remove all cache except items used in the workspace{} of the current repo.\n"


def test_something_must_be_selected(data: Project) -> None:
    result = data.run("gc", "-f")
    assert (result.code, result.err.startswith("ERROR: Either of `-w|--workspace`, `-a|--all-branches`")) == (255, True)


def test_it_asks_and_nobody_says_yes(data: Project) -> None:
    result = data.run("gc", "-w")
    assert (result.code, result.err, len(data.objects())) == (1, ASKED.format(""), 5)


def test_what_the_workspace_does_not_use_goes(data: Project) -> None:
    data.gen({"f.txt": "second"})
    data.ok("add", "-q", "f.txt")
    dry = data.ok("gc", "-w", "--dry")
    assert dry.out == f"Removing {at(data, F, '.dvc/cache')}\nRemoved 1 objects from repo cache.\nNo unused 'legacy' cache to remove.\n"
    assert F in data.objects()
    assert data.ok("gc", "-wf").out == "Removed 1 objects from repo cache.\nNo unused 'legacy' cache to remove.\n"
    assert F not in data.objects() and len(data.objects()) == 5
    assert data.ok("gc", "-wf").out == "No unused 'repo' cache to remove.\nNo unused 'legacy' cache to remove.\n"


def test_branches_tags_and_commits_keep_theirs(data: Project) -> None:
    for number, content in enumerate(("second", "third", "fourth")):
        data.gen({"f.txt": content})
        data.ok("add", "-q", "f.txt")
        data.commit()
        if number == 0:
            data.git("tag", "t")
    assert len(data.objects()) == 8
    assert data.ok("gc", "-A", "-f").out.startswith("No unused 'repo'")
    assert data.ok("gc", "--rev", "HEAD", "-n", "3", "--dry").out.count("Removing ") == 1
    assert data.ok("gc", "-a", "-n", "2", "--dry").out.count("Removing ") == 2
    assert data.ok("gc", "--date", "2000-01-01", "--dry").out.startswith("No unused 'repo'")
    assert data.ok("gc", "--date", "2100-01-01", "--dry").out.count("Removing ") == 3
    assert data.ok("gc", "-T", "-f").out.startswith("Removed 2 objects")
    assert data.ok("gc", "-w", "-f").out.startswith("Removed 1 objects")


def test_experiments_keep_theirs(data: Project) -> None:
    head = data.git("rev-parse", "HEAD").strip()
    for content in ("checkpoint", "result"):
        data.gen({"f.txt": content})
        data.ok("add", "-q", "f.txt")
        data.commit()
    tip = data.git("rev-parse", "HEAD").strip()
    data.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/exp-one", tip)
    data.git("reset", "-q", "--hard", head)
    result = data.ok("gc", "--all-experiments", "--dry")
    assert result.out.startswith("No unused 'repo'") and result.err == ASKED.format(" and all experiments")
    assert data.ok("gc", "-w", "--dry").out.count("Removing ") == 2


def test_a_queued_run_of_ours_keeps_its_data(data: Project) -> None:
    head = data.git("rev-parse", "HEAD").strip()
    data.gen({"f.txt": "queued"})
    data.ok("add", "-q", "f.txt")
    data.git("update-ref", "refs/dataver/queue/1", data.commit())
    data.git("reset", "-q", "--hard", head)
    assert data.ok("gc", "--all-experiments", "--dry").out.startswith("No unused 'repo'")


def test_the_remote_is_cleaned_only_when_asked(data: Project) -> None:
    data.ok("push")
    data.gen({"f.txt": "second"})
    data.ok("add", "-q", "f.txt")
    data.ok("push")
    data.ok("gc", "-wf")
    assert F in data.objects("../remote")
    assert data.ok("gc", "-wcf").out.endswith("Removed 1 objects from remote.\nNo unused cache to remove from remote.\n")
    assert F not in data.objects("../remote") and len(data.objects("../remote")) == 5


def test_cleaning_one_remote_leaves_the_other(data: Project) -> None:
    data.ok("remote", "add", "other", "../other")
    data.ok("push")
    data.ok("push", "-r", "other")
    (data / "f.txt.dvc").unlink()
    data.ok("gc", "-wcf", "-r", "other")
    assert (F in data.objects("../other"), F in data.objects("../remote")) == (False, True)


def test_used_objects_that_the_remote_has_go_with_not_in_remote(data: Project) -> None:
    data.ok("push", "f.txt")
    assert data.ok("gc", "-w", "--not-in-remote", "-f").out.startswith("Removed 1 objects")
    assert F not in data.objects()
    assert data.run("gc", "-wc", "--not-in-remote").code == 255


def test_a_missing_manifest_is_fetched(data: Project) -> None:
    data.ok("push")
    at(data, D, ".dvc/cache").unlink()
    assert data.ok("gc", "-wf").out.startswith("No unused 'repo'")
    assert len(data.objects()) == 5


def test_a_manifest_nobody_has_costs_the_folder_only_with_force(data: Project, monkeypatch) -> None:
    from launcher.engine.io import Terminal

    at(data, D, ".dvc/cache").unlink()
    monkeypatch.setattr(Terminal, "confirm", lambda self, question: question.startswith("Are you sure"))
    result = data.run("gc", "-w")
    assert (result.code, "unable to fully collect used cache without cache for directory 'd'" in result.err, len(data.objects())) == (255, True, 4)
    assert data.ok("gc", "-wf").out.startswith("Removed 3 objects")


def test_projects_that_share_the_cache(data: Project, make_project) -> None:
    other = make_project("other", files={"q": "q"})
    other.ok("cache", "dir", str(data / ".dvc/cache"))
    other.ok("add", "-q", "q")
    assert data.ok("gc", "-wf", "-p", "../other").out.startswith("No unused 'repo'")
    assert data.run("gc", "-wf", "-p", "../nosuch").code == 253
    assert data.ok("gc", "-wf").out.startswith("Removed 1 objects")


def test_the_run_cache_is_kept(data: Project) -> None:
    data.gen({"dvc.yaml": "stages:\n  t:\n    cmd: cp f.txt o\n    deps: [f.txt]\n    outs: [o]\n"})
    data.ok("repro", "-q")
    (data / "dvc.yaml").unlink()
    (data / "dvc.lock").unlink()
    data.ok("gc", "-wf")
    assert any(path.is_file() for path in (data / ".dvc/cache/runs").rglob("*"))


def test_a_commit_that_cannot_be_read_stops_it_unless_passed_over(data: Project) -> None:
    data.gen({"bad.dvc": "a: ["})
    sha = data.commit()
    (data / "bad.dvc").unlink()
    assert data.run("gc", "-A", "-f").code == 255
    result = data.ok("gc", "-A", "-f", "--skip-failed")
    assert f"WARNING: Failed to collect '{sha}', skipping\n" in result.err


def test_objects_of_2x_have_their_own_count(data: Project) -> None:
    for name in ("9a/8ad92c50cae39aa2c5604fd0ab6d8c", "31/cf3d7d133b08543cb6c8933c29dfd7"):
        data.gen({f".dvc/cache/{name}": "f\n"})
        (data / ".dvc/cache" / name).chmod(0o444)
    data.gen({"old.dvc": f"outs:\n- md5: {F}\n  size: 2\n  path: old\n"})
    assert data.ok("gc", "-wf").out == "No unused 'repo' cache to remove.\nRemoved 1 objects from legacy cache.\n"
    assert (data / ".dvc/cache/9a/8ad92c50cae39aa2c5604fd0ab6d8c").exists()


def test_a_bad_date_or_revision_is_named(data: Project) -> None:
    assert "'soon' is not a date of the form yyyy-mm-dd" in data.run("gc", "--date", "soon", "-f").err
    assert "unknown Git revision 'nope'" in data.run("gc", "--rev", "nope", "-f").err
    assert len(data.objects()) == 5


def test_outs_that_a_commit_ignores_are_used_all_the_same(repo: Project) -> None:
    repo.gen({"f.txt": "1\n", "g": "2\n"}).ok("add", "f.txt", "g")
    repo.gen({".dvcignore": "*.txt\n"})
    repo.commit("ignores what it tracks")
    (repo / "f.txt.dvc").unlink()
    (repo / "g.dvc").unlink()
    repo.gen({".dvcignore": ""})
    repo.commit("neither")
    before = repo.objects()
    repo.ok("gc", "-f", "-A")
    assert repo.objects() == before


def test_a_remote_that_is_the_cache_is_no_second_copy(data: Project) -> None:
    (data / "same").symlink_to(".dvc/cache")
    for url in (".dvc/cache", "same"):
        data.ok("remote", "add", "-q", "-f", "c", url)
        result = data.run("gc", "-w", "--not-in-remote", "-r", "c", "-f")
        assert result.code == 251 and "remote 'c' is the cache itself" in result.err
        assert "WARNING: remote 'c' is the cache itself" in data.ok("push", "-r", "c").err
    assert len(data.objects()) == 5
