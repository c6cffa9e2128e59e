from __future__ import annotations

import os
from pathlib import Path

import pytest

from tracking.engine.ignore import GitIgnore, Ignore, describe


def ignore_of(files: dict[str, str], kind: type = Ignore) -> Ignore | GitIgnore:
    return kind("/nowhere", read=lambda rel: files[rel].encode() if rel in files else None)


def ignored(patterns: str, path: str) -> bool:
    """path: with a `/` at the end for a folder."""
    return ignore_of({".dvcignore": patterns}).is_ignored(path.rstrip("/"), path.endswith("/"))


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        ("*.tmp", "a.tmp", True),
        ("*.tmp", "deep/er/a.tmp", True),
        ("*.tmp", "a.tmp.txt", False),
        ("/a", "a", True),
        ("/a", "sub/a", False),
        ("sub/a", "sub/a", True),
        ("sub/a", "x/sub/a", False),
        ("**/sub/a", "x/sub/a", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("build/", "build/", True),
        ("build/", "build", False),
        ("build/", "build/x.txt", True),
        ("a/**", "a/x", True),
        ("a?c", "abc", True),
        ("a?c", "aéc", True),
        ("a*c", "a/c", False),
        ("[a-c]x", "bx", True),
        ("[!a-c]x", "bx", False),
        ("[[:digit:]]", "7", True),
        ("[z-a]", "m", False),
        ("[ab", "a", False),
        ("\\#x", "#x", True),
        ("# x", "# x", False),
        ("\\!x", "!x", True),
        ("  a  ", "a", True),
        ("a\\", "a", False),
        ("a\\ ", "a ", True),
        ("new\nline", "line", True),
        ("x\r\ny\r\n", "y", True),
        ("*\n!*.csv", "a.csv", False),
        ("/*\n!/data", "data/x", False),
        ("!a\na", "a", True),
    ],
)
def test_pattern_decides_about_path(patterns: str, path: str, expected: bool) -> None:
    assert ignored(patterns, path) is expected


def test_file_in_excluded_folder_is_not_brought_back() -> None:
    assert ignored("data/\n!data/keep.csv", "data/keep.csv")


def test_negation_covers_what_lies_below_as_in_dvc() -> None:
    assert not ignored("*.txt\n!docs", "docs/a.txt")


def test_git_negation_covers_only_what_it_names() -> None:
    assert ignore_of({".gitignore": "*.txt\n!docs"}, GitIgnore).is_ignored("docs/a.txt", False)


def test_double_star_at_the_end_covers_the_folder_itself_only_for_dvc() -> None:
    assert ignored("a/**\n!a/keep", "a/keep")
    assert not ignore_of({".gitignore": "a/**\n!a/keep"}, GitIgnore).is_ignored("a/keep", False)


@pytest.mark.parametrize("path", [".git/", ".git", ".hg/", ".dvc/", "sub/.dvc/", ".dvc/config", "sub/.git/x"])
def test_own_folders_are_ignored_whatever_the_rules_say(path: str) -> None:
    assert ignored("!*", path)


def test_file_named_dvc_is_not_built_in() -> None:
    assert not ignored("", ".dvc")


def test_deeper_file_wins_and_counts_from_its_folder() -> None:
    rules = ignore_of({".dvcignore": "*.csv", "data/.dvcignore": "!a.csv\n/b.txt"})
    assert not rules.is_ignored("data/a.csv", False)
    assert rules.is_ignored("data/c.csv", False)
    assert rules.is_ignored("data/b.txt", False)
    assert not rules.is_ignored("data/sub/b.txt", False)
    assert not rules.is_ignored("b.txt", False)


def test_ignore_file_in_folder_with_special_name_counts_from_that_folder() -> None:
    rules = ignore_of({"[x]/.dvcignore": "a"})
    assert rules.is_ignored("[x]/a", False)
    assert not rules.is_ignored("x/a", False)


def test_ignored_dvcignore_is_not_read() -> None:
    rules = ignore_of({".dvcignore": ".dvcignore", "sub/.dvcignore": "a"})
    assert not rules.is_ignored("sub/a", False)


def test_nested_project_is_ignored() -> None:
    rules = ignore_of({"sub/.dvc/config": ""})
    assert rules.is_ignored("sub", True)
    assert rules.is_ignored("sub/x", False)
    assert describe(rules.check("sub/x", False)[0]) == "in sub_repo:sub"


def test_without_dvcignore_only_built_in_rules_apply(tmp_path: Path) -> None:
    (tmp_path / ".dvcignore").write_text("a")
    rules = Ignore(str(tmp_path), dvcignore=False)
    assert not rules.is_ignored("a", False)
    assert rules.is_ignored(".git", True)


@pytest.mark.parametrize("rel", ["", ".", "..", "../x"])
def test_root_and_what_is_outside_are_not_ignored(rel: str) -> None:
    rules = ignore_of({".dvcignore": "*"})
    assert not rules.is_ignored(rel, True)
    assert rules.check(rel, True) == []


def test_name_that_is_not_utf8_can_be_ignored(tmp_path: Path) -> None:
    (tmp_path / ".dvcignore").write_bytes(b"bad\xff\n")
    assert Ignore(str(tmp_path)).is_ignored(os.fsdecode(b"bad\xff"), False)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("f.skip", ".dvcignore:1:*.skip"),  # the first of neighbours
        ("g.skip", ".dvcignore:3:!g.skip"),
        ("out/x/y", ".dvcignore:5:out/"),
        (".dvc/config", ":.dvc/"),
    ],
)
def test_check_names_file_line_and_pattern(path: str, expected: str) -> None:
    rules = ignore_of({".dvcignore": "*.skip\nf.skip\n!g.skip\n\nout/"})
    assert [describe(match) for match in rules.check(path, False)] == [expected]


def test_filter_dir_keeps_order() -> None:
    rules = ignore_of({".dvcignore": "*.tmp\nout/"})
    assert rules.filter_dir("a", ["b", "x.tmp", ".git", "a"], ["out", "in", ".dvc"]) == (["b", "a"], ["in"])  # type: ignore[union-attr]


def test_git_compares_bytes() -> None:
    rules = ignore_of({".gitignore": "?\n[é]é"}, GitIgnore)
    assert not rules.is_ignored("é", False)
    assert rules.is_ignored("e", False)


@pytest.mark.parametrize(("line", "path"), [("a ", "a"), ("a\\ ", "a "), ("\ufeffa", "a"), ("a\r", "a"), (" a", " a")])
def test_git_trims_lines_its_own_way(line: str, path: str) -> None:
    assert ignore_of({".gitignore": line}, GitIgnore).is_ignored(path, False)


def test_git_exclude_files_are_weaker_than_gitignore() -> None:
    rules = GitIgnore("/nowhere", [("user", b"*.log"), ("info", b"!b.log\nc")], read=lambda rel: b"!c" if rel == ".gitignore" else None)
    assert [rules.is_ignored(name, False) for name in ("a.log", "b.log", "c")] == [True, False, False]
