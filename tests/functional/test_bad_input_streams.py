"""Streams, locales and folders that a caller took away: exit codes stay, no traceback, nothing written elsewhere."""
from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from tests.conftest import Project
from tests.environment import CHECKOUT

DATAVER = f"{shlex.quote(sys.executable)} -c 'import sys; from dataver_site.entry import main; sys.exit(main())'"
STAGES = "stages:\n" + "".join(f"  stage{number}:\n    cmd: echo\n    outs: [o{number}]\n" for number in range(3000))


def shell(project: Project, line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash; `dv` in it is the program. Demands that no bug shows."""
    variables = {**project.environ, "PYTHONPATH": CHECKOUT, **environ}
    script = f"dv() {{ {DATAVER} \"$@\"; }}\n{line}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=project.path, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, errors="replace", check=False
    )
    shown = done.stdout + done.stderr
    assert "Traceback" not in shown and "unexpected error" not in shown and "Exception ignored" not in shown, shown
    return done


@pytest.mark.parametrize("argv", ["status", "repro --dry"])
def test_a_reader_that_goes_away_is_no_error(repo: Project, argv: str) -> None:
    repo.gen({"dvc.yaml": STAGES})
    done = shell(repo, f"dv {argv} | head -1; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.splitlines()[-1] == "141" and done.stderr == ""


@pytest.mark.parametrize(("argv", "code"), [("stage list", 0), ("--version", 0), ("--help", 0), ("remove zz", 1), ("nope", 254)])
def test_closed_streams_change_no_exit_code(repo: Project, argv: str, code: int) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: x\n"})
    done = shell(repo, f"dv {argv} >&-; echo $? >&2; dv {argv} 2>&- >/dev/null; echo $? >&2; dv {argv} <&- >&- 2>&-; echo $? >&2")
    assert [line for line in done.stderr.splitlines() if line.isdigit()] == [str(code)] * 3


def test_a_stages_output_never_lands_in_a_file_of_ours(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo LOUD; echo LOUD >&2; echo data > o\n    outs: [o]\n"})
    assert shell(repo, "dv repro <&- >&- 2>&-").returncode == 0
    assert repo.read("o") == "data\n" and "up to date" in repo.ok("status").out
    loud = [path for path in repo.path.rglob("*") if path.is_file() and path.name not in ("dvc.yaml", "dvc.lock", "001-a.log") and b"LOUD\n" in path.read_bytes()]
    assert loud == []


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
@pytest.mark.parametrize("argv", ["--version", "stage list", "version"])
def test_a_full_disk_behind_stdout_is_told(repo: Project, argv: str) -> None:
    repo.gen({"dvc.yaml": STAGES})
    done = shell(repo, f"dv {argv} > /dev/full")
    assert done.returncode == 255 and done.stderr.startswith("ERROR: ")


@pytest.mark.parametrize(
    "locale",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}],
    ids=["C", "no UTF-8 at all", "ascii"],
)
def test_names_are_utf8_in_every_locale(repo: Project, locale: dict[str, str]) -> None:
    repo.gen({"é😀": "1"})
    assert shell(repo, "dv add é😀", **locale).returncode == 0
    assert "path: é😀\n" in repo.read("é😀.dvc")
    assert shell(repo, "dv list . && dv status", **locale).returncode == 0


def test_a_folder_that_is_gone_is_told(repo: Project) -> None:
    done = shell(repo, "mkdir gone; cd gone; rmdir ../gone; dv status")
    assert done.returncode == 255 and "gone" in done.stderr


def test_the_root_may_be_reached_through_a_symlink(repo: Project) -> None:
    repo.gen({"sub/f": "1"})
    done = shell(repo, "ln -s . root; ln -s ../sub sub/here; cd root/sub/here && dv add f && dv root && dv status")
    assert done.returncode == 0, done.stderr
    assert (repo / "sub/f.dvc").is_file()


@pytest.mark.parametrize("columns", ["0", "1", "-5", "x", "99999999"])
def test_any_width_of_the_terminal_is_survived(repo: Project, columns: str) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: x\n    outs: [o]\n"})
    assert shell(repo, "dv stage list && dv dag && dv add --help", COLUMNS=columns).returncode == 0


def test_no_home_and_no_folder_for_temporary_files(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  a:\n    cmd: echo 1 > o\n    outs: [o]\n"})
    done = shell(repo, "unset HOME; dv repro -f && dv repro -f -j 2 && dv status", TMPDIR=str(repo / "nowhere"))
    assert done.returncode == 0, done.stderr
