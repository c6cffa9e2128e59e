"""The matcher against git itself, on generated patterns and trees."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Project
from tracking.engine.ignore import GitIgnore, Match

NAMES = ["a", "b", "ab", "abc", "a b", "é", "a*", ".a", "a.b", "[", "]", "b]", "a ", "\\a", "#a", "!a"]
PIECES = ["a", "b", "c", "*", "**", "***", "?", "/", "**/", "/**", "[ab]", "[!a]", "[^/]", "[a-c]", "[c-a]", "[]a]", "[b-]"]
PIECES += ["[[:alpha:]]", "[[:foo:]]", "[[:]", "[", "]", "[a\\]]", "\\", "\\*", "\\/", "\\ ", " ", "é", ".", "-", "#", "!", "\r"]

lines = st.tuples(st.sampled_from(["", "", "!"]), st.lists(st.sampled_from(PIECES), min_size=1, max_size=5), st.sampled_from(["", "", "/"]))
ignore_files = st.lists(lines.map(lambda parts: parts[0] + "".join(parts[1]) + parts[2]), min_size=1, max_size=4).map("\n".join)
file_paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)


def grow(top: Path, files: list[str], rules: dict[str, str]) -> list[tuple[str, bool]]:
    """Make the tree; returns (path, is a folder) of everything in it. Paths that do not fit are left out."""
    for name in os.listdir(top):
        if name != ".git":
            shutil.rmtree(top / name) if (top / name).is_dir() else (top / name).unlink()
    for path in files:
        if not any((top / parent).is_file() for parent in Path(path).parents) and not (top / path).is_dir():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).touch()
    for folder, text in rules.items():
        if (top / folder).is_dir():
            (top / folder / ".gitignore").write_bytes(text.encode())
    found = []
    for folder, dirs, names in os.walk(top):
        if ".git" in dirs:
            dirs.remove(".git")
        rel = os.path.relpath(folder, top)
        found += [(os.path.normpath(f"{rel}/{name}"), name in dirs) for name in [*dirs, *names]]
    return found


def ask_git(top: Path, paths: list[str]) -> dict[str, list[Match]]:
    names = "".join(f"{path}\0" for path in paths).encode()
    done = subprocess.run(["git", "check-ignore", "--no-index", "-z", "-v", "-n", "--stdin"], input=names, cwd=top, capture_output=True)
    fields = done.stdout.decode().split("\0")
    return {fields[i + 3]: [(fields[i], int(fields[i + 1]), fields[i + 2])] if fields[i + 2] else [] for i in range(0, len(fields) - 3, 4)}


def test_every_path_is_decided_by_the_rule_that_git_names(make_project: Callable[..., Project]) -> None:
    top = make_project("work", init=False).path

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(file_paths, min_size=5, max_size=15), ignore_files, st.dictionaries(st.sampled_from(NAMES), ignore_files, max_size=2))
    def check(files: list[str], root_rules: str, rules: dict[str, str]) -> None:
        found = grow(top, files, {"": root_rules, **rules})
        expected = ask_git(top, [path for path, _ in found])
        ours = GitIgnore(str(top))
        for path, isdir in found:
            assert ours.check(path, isdir) == expected[path], path
            excluded = bool(expected[path]) and not expected[path][0][2].startswith("!")
            assert ours.is_ignored(path, isdir) is excluded, path

    check()
