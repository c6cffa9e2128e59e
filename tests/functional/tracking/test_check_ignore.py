from __future__ import annotations

import io
import sys

import pytest

from tests.conftest import Project


@pytest.fixture
def rules(repo: Project) -> Project:
    return repo.gen({".dvcignore": "*.skip\n!g.skip\n", "dir/x": ""})


def test_prints_excluded_paths(rules: Project) -> None:
    result = rules.run("check-ignore", "f.skip", "ok", "dir/f.skip", "g.skip")
    assert (result.code, result.out) == (0, "f.skip\ndir/f.skip\n")


def test_no_match_is_exit_code_1(rules: Project) -> None:
    result = rules.run("check-ignore", "ok")
    assert (result.code, result.out) == (1, "")


def test_details_name_the_deciding_pattern(rules: Project) -> None:
    result = rules.run("check-ignore", "-d", "f.skip", "g.skip", "ok")
    assert (result.code, result.out) == (0, ".dvcignore:1:*.skip\tf.skip\n.dvcignore:2:!g.skip\tg.skip\n")


def test_non_matching_paths_are_listed_on_request(rules: Project) -> None:
    result = rules.run("check-ignore", "-d", "-n", "ok")
    assert (result.code, result.out) == (1, "::\tok\n")


def test_paths_are_relative_to_the_cwd(rules: Project) -> None:
    assert rules.run("check-ignore", "-d", "a.skip", cwd="dir").out == ".dvcignore:1:*.skip\ta.skip\n"
    assert rules.run("check-ignore", "../a.skip", "../../a.skip", cwd="dir").lines == ["../a.skip"]


def test_stdin_ends_at_the_first_empty_line(rules: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("f.skip\nok\n\nh.skip\n"))
    assert rules.ok("check-ignore", "--stdin").out == "f.skip\n"


def test_quiet_answers_by_exit_code(rules: Project) -> None:
    assert [(r.code, r.out) for r in (rules.run("check-ignore", "-q", name) for name in ("f.skip", "ok"))] == [(0, ""), (1, "")]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "`targets` or `--stdin` needed"),
        (["--stdin", "x"], "cannot have both `targets` and `--stdin`"),
        (["-n", "x"], "`--non-matching` is only valid with `--details`"),
        (["-a", "x"], "`--all` is only valid with `--details`"),
        (["-d", "-q", "x"], "cannot use both `--details` and `--quiet`"),
    ],
)
def test_flags_that_do_not_go_together(rules: Project, argv: list[str], message: str) -> None:
    result = rules.run("check-ignore", *argv)
    assert (result.code, result.err) == (255, f"ERROR: {message}\n")


def test_outside_of_a_project(empty_dir: Project) -> None:
    assert empty_dir.run("check-ignore", "x").code == 253
