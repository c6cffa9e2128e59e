"""`add`: files and folders into the cache, named by .dvc files."""
from __future__ import annotations

import os
import stat

import pytest

from tests.conftest import Project

ONE = "b026324c6904b2a9cb4b88d6d61c81d1"  # md5 of "1\n"


def test_a_file_gets_a_dvc_file_an_object_and_an_ignore_entry(repo: Project) -> None:
    repo.gen({"f": "1\n"})
    out = repo.ok("add", "f").out
    assert repo.read("f.dvc") == f"outs:\n- md5: {ONE}\n  size: 2\n  hash: md5\n  path: f\n"
    assert repo.objects() == [ONE]
    assert repo.read(".gitignore") == "/f\n"
    assert "\tgit add .gitignore f.dvc\n" in out


def test_a_folder_is_one_manifest(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n", "s": {"b": "2\n"}}})
    repo.ok("add", "d")
    assert "nfiles: 2\n" in repo.read("d.dvc")
    assert len(repo.objects()) == 3


def test_objects_are_read_only(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    path = repo / f".dvc/cache/files/md5/{ONE[:2]}/{ONE[2:]}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_adding_again_records_the_present_state(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    repo.gen({"f": "2\n"}).ok("add", "f")
    assert ONE not in repo.read("f.dvc")
    assert len(repo.objects()) == 2


def test_a_path_inside_a_tracked_folder_updates_the_folder(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n", "b": "2\n"}}).ok("add", "d")
    repo.gen({"d/a": "changed\n", "d/b": "not added\n"}).ok("add", "d/a")
    assert repo.ok("status", "--json").json == {"d.dvc": [{"changed outs": {"d": "modified"}}]}
    repo.gen({"d/b": "2\n"})
    assert repo.ok("status", "--json").json == {}


def test_a_deleted_file_inside_a_tracked_folder_is_taken_out(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n", "b": "2\n"}}).ok("add", "d")
    (repo / "d/a").unlink()
    repo.ok("add", "d/a")
    assert "nfiles: 1\n" in repo.read("d.dvc")


def test_two_targets_in_one_folder_build_on_each_other(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n", "b": "2\n"}}).ok("add", "d")
    repo.gen({"d": {"a": "3\n", "b": "4\n"}}).ok("add", "d/a", "d/b")
    assert repo.ok("status", "--json").json == {}


def test_no_commit_only_hashes(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "--no-commit", "f")
    assert ONE in repo.read("f.dvc")
    assert repo.objects() == []


def test_out_copies_from_anywhere(repo: Project, tmp_path) -> None:
    (tmp_path / "elsewhere").write_text("1\n")
    repo.ok("add", str(tmp_path / "elsewhere"), "-o", "here")
    assert repo.read("here") == "1\n"
    assert (tmp_path / "elsewhere").exists()


def test_out_needs_force_to_overwrite(repo: Project) -> None:
    repo.gen({"f": "1\n", "g": "keep\n"})
    assert repo.run("add", "f", "-o", "g").code == 1
    assert repo.read("g") == "keep\n"
    repo.ok("add", "-f", "f", "-o", "g")
    assert repo.read("g") == "1\n"


def test_glob_expands_patterns(repo: Project) -> None:
    repo.gen({"d": {"a.csv": "1", "b.csv": "2", "c.txt": "3"}}).ok("add", "--glob", "d/*.csv")
    assert sorted(path.name for path in (repo / "d").glob("*.dvc")) == ["a.csv.dvc", "b.csv.dvc"]


def test_a_symlink_in_a_folder_becomes_a_file(repo: Project) -> None:
    repo.gen({"r": "1\n", "d": {"a": "2\n"}})
    (repo / "d/l").symlink_to("../r")
    repo.ok("add", "d")
    assert not (repo / "d/l").is_symlink()
    assert repo.read("d/l") == "1\n"


def test_a_read_only_file_becomes_writable(repo: Project) -> None:
    repo.gen({"f": "1\n"})
    (repo / "f").chmod(0o444)
    repo.ok("add", "f")
    assert (repo / "f").stat().st_mode & stat.S_IWUSR


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_links_are_made_also_for_a_part(repo: Project, kind: str) -> None:
    repo.ok("config", "cache.type", kind)
    repo.gen({"d": {"a": "1\n", "b": "2\n"}}).ok("add", "d")
    (repo / "d/a").unlink()
    repo.gen({"d/a": "3\n"}).ok("add", "d/a")
    path = repo / "d/a"
    assert path.is_symlink() if kind == "symlink" else path.stat().st_nlink == 2


def test_no_relink_leaves_files_alone(repo: Project) -> None:
    repo.ok("config", "cache.type", "symlink")
    repo.gen({"f": "1\n"}).ok("add", "--no-relink", "f")
    assert not (repo / "f").is_symlink()


def test_autostage_stages_what_was_written(repo: Project) -> None:
    repo.ok("config", "core.autostage", "true")
    repo.gen({"f": "1\n"})
    assert "git add" not in repo.ok("add", "f").out
    assert "f.dvc" in repo.git("diff", "--cached", "--name-only").split()


@pytest.mark.parametrize("name", ["sp ace", "é ü", "#h", "a[b]*?!", " lead", "trail ", 'q"uote', "new\nline"])
def test_odd_names_are_tracked_and_ignored(repo: Project, name: str) -> None:
    repo.gen({name: "1\n"}).ok("add", name)
    (repo / name).unlink()
    repo.ok("checkout")
    assert repo.read(name) == "1\n"
    assert name not in repo.git("-c", "core.quotepath=off", "status", "--porcelain", "-z").split("\0")


def test_a_name_with_a_dash_needs_two_dashes(repo: Project) -> None:
    repo.gen({"-dash": "1\n"}).ok("add", "--", "-dash")
    assert (repo / "-dash.dvc").exists()


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("nosuch", "output 'nosuch' does not exist"),
        ("dvc.yaml", "DVC file 'dvc.yaml' cannot be an output."),
        ("x.dvc", "DVC file 'x.dvc' cannot be an output."),
        (".dvc", "cannot be an output"),
        (".", "the repository itself"),
        ("../other", "Cached output(s) outside of DVC project: "),
        ("f.skip", "is ignored by .dvcignore:"),
        (".git/config", "is ignored by :.git"),
        ("committed", "already tracked by SCM"),
        ("link/a", "inside symlinked directories"),
        ("out", "overlaps with an output of stage: 'make'"),
    ],
)
def test_what_cannot_be_added_is_refused_with_one_error(repo: Project, target: str, text: str) -> None:
    repo.gen({"committed": "1", ".dvcignore": "*.skip\n", "f.skip": "1", "real": {"a": "1"}}).git("add", "committed", ".dvcignore")
    repo.gen({"dvc.yaml": "stages:\n  make:\n    cmd: touch out\n    outs: [out]\n", "out": ""})
    (repo / "link").symlink_to("real")
    result = repo.run("add", target)
    assert result.code == 1
    if target != ".dvc":
        assert text in result.err
    assert result.err.startswith("ERROR: ")


def test_other_yaml_files_can_be_tracked(repo: Project) -> None:
    repo.gen({"config.yaml": "a: 1\n"}).ok("add", "config.yaml")


def test_overlapping_data_is_refused(repo: Project) -> None:
    repo.gen({"d": {"s": {"a": "1"}}}).ok("add", "d/s")
    assert "overlapping with other DVC tracked output: 'd/s'" in repo.run("add", "d").err


@pytest.mark.parametrize("flags", [["-o", "x", "--glob"], ["-o", "x", "--no-commit"], ["-r", "name"], ["--remote-jobs", "2"]])
def test_flags_that_do_not_go_together(repo: Project, flags: list[str]) -> None:
    repo.gen({"f": "1\n"})
    assert repo.run("add", *flags, "f").code == 1


def test_comments_and_annotations_of_a_dvc_file_survive(repo: Project) -> None:
    repo.gen({"f": "1\n"}).ok("add", "f")
    repo.gen({"f.dvc": "# top\n" + repo.read("f.dvc") + "  desc: mine\nmeta:\n  a: 1\n", "f": "2\n"}).ok("add", "f")
    text = repo.read("f.dvc")
    assert text.startswith("# top\n") and "desc: mine\n" in text and "meta:\n  a: 1\n" in text


def test_a_part_of_a_legacy_folder_is_not_mixed_with_new_hashes(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n"}}).ok("add", "d")
    oid = next(name for name in repo.objects() if name.endswith(".dir"))
    os.makedirs(repo / f".dvc/cache/{oid[:2]}", exist_ok=True)
    os.rename(repo / f".dvc/cache/files/md5/{oid[:2]}/{oid[2:]}", repo / f".dvc/cache/{oid[:2]}/{oid[2:]}")
    repo.gen({"d.dvc": repo.read("d.dvc").replace("  hash: md5\n", ""), "d/b": "2\n"})
    result = repo.run("add", "d/b")
    assert result.code == 1 and "`dataver add d` records the whole folder." in result.err


def test_nothing_is_left_of_a_copy_that_fails(repo: Project) -> None:
    repo.gen({"d/a": "1"})
    for name in ("x", "y"):
        (repo / "d" / name).symlink_to("nowhere")
    before = repo.tree()
    result = repo.run("add", "-o", "e", "d")
    assert result.code == 1 and "cannot be copied" in result.err and "(and 1 more)" in result.err
    assert repo.tree() == before


@pytest.mark.parametrize("text", ["1\n", "changed\n"])
@pytest.mark.parametrize("has_remote", [True, False])
def test_a_part_of_a_folder_whose_manifest_is_lost(repo: Project, text: str, has_remote: bool) -> None:
    repo.gen({"d": {"a": "1\n", "b": "2\n"}}).ok("add", "d")
    if has_remote:
        repo.ok("remote", "add", "-d", "r", "../remote")
        repo.ok("push")
    lost = next(oid for oid in repo.objects() if oid.endswith(".dir"))
    (repo / f".dvc/cache/files/md5/{lost[:2]}/{lost[2:]}").unlink()
    repo.gen({"d": {"a": text}})
    result = repo.run("add", "d/a")
    if text == "changed\n" and not has_remote:
        assert result.code == 1 and f"could not read '{lost}'" in result.err
    else:
        assert result.code == 0 and lost in repo.objects() and repo.ok("status", "--json").json == {}


def test_what_a_command_did_before_it_failed_is_remembered(repo: Project) -> None:
    repo.gen({"d": {"a": "1\n"}})
    assert repo.run("add", "d", "missing").code == 1
    assert "path: d\n" in repo.read("d.dvc")
    (repo / "d.dvc").rename(repo / "elsewhere")
    assert repo.ok("checkout").out.split() == ["D", "d/"]
    assert not (repo / "d").exists()
