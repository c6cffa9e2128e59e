"""What the wheel holds. Users have their own `pipelines` and `tracking`; ours must not meet them."""
from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("tracking", "remotes", "pipelines", "launcher")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # hatchling is called directly: a build front end would fetch it from the network
    code = f"import hatchling.build as b; print(b.build_wheel({str(folder)!r}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return folder / result.stdout.split()[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked, as pip would, into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_wheel_has_one_top_level_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"dataver_site"}


def test_wheel_holds_every_module_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for app in APPS:
        sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / app).rglob("*.py")}
        assert {f"dataver_site/apps/{source}" for source in sources} <= names
    assert not [name for name in names if "tests/" in name or "fixtures/" in name or name.endswith(".pyc")]


def run(installed: Path, folder: Path, *code_or_args: str) -> subprocess.CompletedProcess[str]:
    """Python in `folder` as a user has it: the installed package, and PYTHONPATH=. for their own."""
    third_party = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    code = f"import sys; sys.path.append({str(installed)!r}); sys.path.append({third_party!r}); " + code_or_args[0]
    env = {**os.environ, "PYTHONPATH": ".", "HOME": str(folder), "DATAVER_HOME": str(folder / "home")}
    return subprocess.run([sys.executable, "-S", "-c", code, *code_or_args[1:]], cwd=folder, env=env, capture_output=True, text=True)


def test_installed_command_is_not_shadowed_by_the_users_modules(installed: Path, tmp_path: Path) -> None:
    for name in APPS:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the user has this name, too')\n")
    main = "from dataver_site.entry import main; sys.exit(main())"
    result = run(installed, tmp_path, main, "init", "--no-scm")
    assert (result.returncode, result.stderr) == (0, "")
    assert run(installed, tmp_path, main, "status").returncode == 0


def test_our_modules_do_not_shadow_the_users(installed: Path, tmp_path: Path) -> None:
    result = run(installed, tmp_path, "import tracking")
    assert "ModuleNotFoundError: No module named 'tracking'" in result.stderr


def test_django_finds_the_apps_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'dataver_site.settings'; import django; django.setup(); from django.apps import apps; print(apps.get_app_config('tracking').path)"
    result = run(installed, tmp_path, code)
    assert result.stdout.strip() == str(installed / "dataver_site" / "apps" / "tracking"), result.stderr
