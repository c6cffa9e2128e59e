"""Who may import whom, and what a start may cost. The rules: docs/architecture.md."""
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Project

ROOT = Path(__file__).resolve().parent.parent
APPS = ["tracking", "remotes", "pipelines", "launcher", "dataver_site"]  # each may import those before it
SLOW = {"django", "django_rq", "rq", "redis", "altair", "vl_convert", "webview", "git", "fsspec", "ruamel", "tabulate", "grandalf", "numpy"}
HEAVY = {"typing", "dataclasses", "inspect", "datetime"}  # of the standard library: 2 ms and more each
DEAR = HEAVY | {"argparse", "re", "enum", "contextlib", "json", "shlex", "shutil", "urllib", "importlib", "threading", "subprocess", "tempfile"}  # 12 ms together
PURE_FORBIDDEN = {"django", "django_rq", "rq", "redis", "webview"}
NOT_ENGINE = {"models", "indexing", "jobs", "pages", "views", "urls", "apps", "commands", "migrations"}


def modules(*parts: str) -> list[Path]:
    return sorted(path for app in APPS for path in (ROOT / app).rglob("*.py") if "sample/project" not in path.as_posix() and (not parts or set(parts) & set(path.relative_to(ROOT).parts[1:-1])))


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Dotted names a module imports; those under `if TYPE_CHECKING` are for readers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif not (top_level_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))):
            waiting += ast.iter_child_nodes(node)
    return found


def app_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("app", APPS)
def test_an_app_imports_only_lower_apps(app: str) -> None:
    higher = set(APPS[APPS.index(app) + 1 :])
    bad = [f"{path.relative_to(ROOT)}: {name}" for path in (ROOT / app).rglob("*.py") for name in imports(path) if name.split(".")[0] in higher]
    assert bad == []


def test_another_app_is_entered_through_its_engine_models_or_indexing() -> None:
    bad = []
    for path in modules():
        is_glue = not {"engine", "commands"} & set(path.parts)
        allowed = {"engine", "models", "indexing", "pages", "adminpages", "apps", "urls", "commands"} if is_glue else {"engine"}
        for name in imports(path):
            app, _, rest = name.partition(".")
            if app in APPS and app != app_of(path) and rest and rest.split(".")[0] not in allowed:
                bad.append(f"{path.relative_to(ROOT)}: {name}")
    assert bad == []


def test_engine_imports_no_glue_and_no_framework() -> None:
    bad = []
    for path in modules("engine"):
        for name in imports(path):
            app, _, rest = name.partition(".")
            if app in PURE_FORBIDDEN or (app in APPS and rest.split(".")[0] in NOT_ENGINE):
                bad.append(f"{path.relative_to(ROOT)}: {name}")
    assert bad == []


def test_slow_libraries_are_imported_inside_functions() -> None:
    bad = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules("engine", "commands")
        for name in imports(path, top_level_only=True)
        if name.split(".")[0] in SLOW
    ]
    assert bad == []


def test_engine_does_not_touch_the_process() -> None:
    """No print, no sys.exit, no chdir, no environment, no current folder: they come in as arguments."""
    forbidden = {"print", "input", "exit", "sys.exit", "os.chdir", "os.getcwd", "os.getenv", "os.environ", "Path.cwd"}
    bad = []
    for path in modules("engine"):
        if app_of(path) == "launcher":  # launcher.engine.io *is* the terminal
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            used = node.func if isinstance(node, ast.Call) else node if isinstance(node, ast.Attribute) else None
            if used is not None and ast.unparse(used) in forbidden:
                bad.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(used)}")
    assert bad == []


def test_nobody_imports_the_site() -> None:
    bad = [str(path) for path in modules() if app_of(path) != "dataver_site" for name in imports(path) if name.startswith("dataver_site")]
    assert bad == []


LOADED = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from dataver_site import entry
code = entry.run(sys.argv[2:], cwd=sys.argv[1], environ={{"HOME": sys.argv[1]}})
print(code, *sorted(set({sorted(SLOW | DEAR)!r}) & set(sys.modules)))
"""


def loaded_by(folder: Path, *argv: str) -> list[str]:
    """The exit code of a command in a process of its own, and what it loaded of SLOW and DEAR."""
    result = subprocess.run([sys.executable, "-S", "-c", LOADED, str(folder), *argv], capture_output=True, text=True, check=True)
    return result.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("command", ["status", "repro", "diff", "push"])
def test_a_start_loads_no_slow_library(command: str, repo: Project) -> None:
    assert set(loaded_by(repo.path, command)[1:]).isdisjoint(SLOW | HEAVY)


@pytest.mark.parametrize("command", ["root", "status", "add data", "list .", "stage list", "dag --dot", "checkout"])
def test_a_command_that_finds_nothing_to_do_loads_next_to_nothing(command: str, repo: Project) -> None:
    repo.gen({"data": "1", "params.yaml": "lr: 0.1\n", "dvc.yaml": "stages:\n  train:\n    cmd: cp data model\n    deps: [data]\n    params: [lr]\n    outs: [model]\n"})
    repo.ok("add", "data")
    repo.ok("repro")
    assert loaded_by(repo.path, *command.split()) == ["0"]
