"""What the program has, the docs name. Pages that are generated are current."""
from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launcher import commanddocs
from launcher.engine import commandtable
from tests.compat import improvements
from tests.conftest import Project
from tracking.engine import config_schema, errors

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
APPS = ("dataver_site", "launcher", "pipelines", "remotes", "tracking")
NOT_OURS = {"DVC_ROOT", "DVC_STAGE", "DATAVER_RUN"}  # set for stages; a Django setting


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(commandtable.COMMANDS))
def test_every_command_exists_and_its_page_is_current(name: str) -> None:
    page = DOCS / "commands" / commanddocs.file_name(name)
    assert page.is_file() and page.read_text(encoding="utf-8") == commanddocs.page(name), "run: make docs"


def test_list_of_commands_is_current_and_no_page_is_left_over() -> None:
    pages = commanddocs.pages()
    assert text("commands/README.md") == pages["README.md"], "run: make docs"
    assert {path.name for path in (DOCS / "commands").glob("*.md")} == set(pages)


def test_every_difference_from_dvc_that_tests_allow_for_is_listed() -> None:
    assert text("differences.md") == improvements.as_markdown(), "run: make docs"


@pytest.mark.parametrize("name", sorted(commandtable.COMMANDS))
def test_every_command_and_option_says_what_it_does(name: str) -> None:
    silent = [action.dest for action in commanddocs.actions_of(name) if not action.help]
    assert (silent, bool(commanddocs.describe(name))) == ([], True)


def test_every_setting_is_documented() -> None:
    settings, remotes = text("settings.md"), text("formats/remotes.md")
    names = [f"{section}.{option}" for section, options in config_schema.SECTIONS.items() for option in options]
    names = [name for name in names if not name.startswith(("state.", "index."))]  # dead in dvc, too
    assert [name for name in names if f"`{name}`" not in settings] == []
    assert [option for options in config_schema.REMOTES.values() for option in options if option != "url" and f"`{option}`" not in remotes] == []


def test_every_environment_variable_is_documented() -> None:
    sources = [path.read_text(encoding="utf-8") for app in APPS for path in (ROOT / app).rglob("*.py")]
    used = {name for source in sources for name in re.findall(r"""["']((?:DVC|DATAVER)_[A-Z_]+)["']""", source)}
    assert sorted(name for name in used - NOT_OURS if f"`{name}`" not in text("settings.md")) == []


def test_every_exit_code_is_documented() -> None:
    codes = {error.exit_code for error in vars(errors).values() if isinstance(error, type) and issubclass(error, errors.DataverError)}
    assert [code for code in codes if code is not None and f"| {code} |" not in text("commands/README.md")] == []


def test_changelog_names_every_command() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    words = set(re.findall(r"[a-z-]+", " ".join(re.findall(r"`([^`]+)`", changelog))))
    assert [name for name in commandtable.COMMANDS if not set(name.split()) & words] == []


def test_links_lead_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not (page.parent / link).exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


# --- JSON

PIPELINE = """\
stages:
  fit:
    cmd: cp a m.json && cp a o
    deps: [a]
    params: [lr]
    outs: [o]
    metrics: [{m.json: {cache: false}}]
  later:
    cmd: cp o later_out
    deps: [o]
    outs: [later_out]
"""
# keys that are data of the project below: paths, stages, params, metrics
DATA = {"a", "o", "b", "acc", "lr", "fit", "later", "later_out", "data", "m.json", "params.yaml", "data.dvc", "data/x", "data/y", "data/z", "data/", "dvc.yaml", "gone", "gone.dvc", ""}
COMMANDS = (
    ("status",),
    ("status", "-c"),
    ("data status", "--granular", "--unchanged", "--untracked-files", "--not-in-remote"),
    ("diff", "--show-hash"),
    ("list", ".", "--show-hash"),
    ("list", ".", "--size"),
    ("why",),
    ("runs",),
    ("runs show",),
    ("metrics show",),
    ("metrics show", "-A"),
    ("metrics diff",),
    ("params diff",),
    ("gc", "-w", "--dry"),
    ("gc", "--restore", "--dry"),
    pytest.param(("index",), marks=pytest.mark.django_db),
)


@pytest.fixture
def changed(make_project: Any) -> Project:
    """A project in which most kinds of change are there to be told."""
    repo = make_project(files={"a": '{"acc": 1}', "params.yaml": "lr: 1\n", "dvc.yaml": PIPELINE, "data": {"x": "1", "y": "2", "z": "3"}, "gone": "g"})
    repo.ok("add", "-q", "data", "gone")
    repo.ok("remote", "add", "-q", "-d", "storage", "../storage")
    repo.ok("repro", "-q")
    repo.commit()
    repo.gen({"a": '{"acc": 2}', "m.json": '{"acc": 2}', "params.yaml": "lr: 2\n", "data": {"x": "changed", "new": "n"}, "loose": "l"})
    (repo / "data/y").rename(repo / "data/moved")
    (repo / "gone").unlink()
    (repo / "later_out").unlink()
    for flags in (("--trash",), ("--dry",)):  # one object in the trash, one unused
        repo.gen({"thrown": f"thrown {flags}"})
        repo.ok("add", "-q", "thrown")
        (repo / "thrown.dvc").unlink()
        repo.ok("gc", "-q", "-A", "-f", *flags)
    (repo / "thrown").unlink()
    return repo


def keys(value: Any) -> Iterator[str]:
    """Keys of all mappings inside of a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key != "packages":  # its keys are data
                yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_json_key_is_documented(command: tuple[str, ...], changed: Project, settings: Any, tmp_path: Path) -> None:
    settings.DATA_FOLDER = tmp_path / "home"  # of the index
    value = changed.ok(*command[0].split(), *command[1:], "--json").json
    assert value
    section = next(part for part in text("json.md").split("\n## ") if command[0] in part.splitlines()[0].split(", "))
    names = {key for key in keys(value) if key not in DATA and not re.fullmatch(r"[0-9a-f]{40}|workspace|HEAD", key)}
    assert sorted(name for name in names if f"`{name}`" not in section and f'"{name}"' not in section) == []


@pytest.mark.parametrize("name", sorted(commandtable.COMMANDS))
def test_every_command_with_json_has_its_section(name: str) -> None:
    has_json = any("--json" in action.option_strings for action in commanddocs.actions_of(name) if isinstance(action, argparse.Action))
    titles = [line[3:] for line in text("json.md").splitlines() if line.startswith("## ")]
    assert not has_json or any(name in title.split(", ") for title in titles)
