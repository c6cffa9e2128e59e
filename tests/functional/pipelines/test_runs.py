"""Runs leave records: listed, shown, followed."""
from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.engine import runs, stagelog
from pipelines.engine.capture import Capture
from tests.conftest import Project

ROOT = Path(__file__).resolve().parents[3]
DATAVER = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); from dataver_site.entry import main; sys.exit(main())"]
WAIT_S = 20
UNTIL_GO = "while [ ! -e go ]; do sleep 0.02; done"  # in a stage

PIPELINE = """\
stages:
  fit:
    cmd: echo fitting; echo careful >&2; cp a b
    deps: [a]
    outs: [b]
"""


def stage(cmd: str) -> dict[str, str]:
    return {"dvc.yaml": f"stages:\n  fit:\n    cmd: {cmd}\n", "a": "1"}


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def start(repo: Project, *argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*DATAVER, *argv], cwd=repo.path, env=repo.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def states(repo: Project) -> list[str]:
    return [item["state"] for item in repo.ok("runs", "--json").json]


def test_no_runs(repo: Project) -> None:
    assert (repo.ok("runs").out.startswith("There are no runs yet"), repo.ok("runs", "--json").json) == (True, [])
    assert repo.run("runs", "show").code == 255


def test_a_run_leaves_stages_reasons_log_and_environment(repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE, "a": "1"})
    commit = repo.commit()
    repo.ok("repro")
    repo.ok("repro")  # does nothing and leaves nothing
    repo.gen({"a": "2"})
    repo.ok("repro")
    second, first = (repo.ok("runs", "show", item["id"], "--json").json for item in repo.ok("runs", "--json").json)
    assert [first["stages"][0]["reasons"], second["stages"][0]["reasons"]] == [["it has never run here: dvc.lock has no entry for it"], ["dependency 'a' changed from c4ca4238 to c81e728d"]]
    assert (first["state"], first["stages"][0]["exit_code"], first["environment"]["git"]["commit"], first["environment"]["git"]["dirty"]) == ("succeeded", 0, commit, False)
    assert second["environment"]["git"]["changed"] == ["a"]
    assert first["environment"]["python"]["version"].count(".") == 2
    assert sorted(repo.ok("runs", "show", "last", "--log").lines) == ["> echo fitting; echo careful >&2; cp a b", "Running stage 'fit':", "careful", "fitting"]


def test_restored_and_skipped_stages_are_told_apart(repo: Project) -> None:
    repo.gen({"dvc.yaml": PIPELINE + "  other:\n    cmd: cp a c\n    deps: [a]\n    outs: [c]\n", "a": "1"})
    repo.ok("repro")
    (repo / "b").unlink()
    repo.ok("repro")
    run = repo.ok("runs", "show", "--json").json
    assert ([(item["stage"], item["state"]) for item in run["stages"]], run["skipped_stages"]) == ([("fit", "restored")], ["other"])


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    ("cmd", "code", "cause"),
    [
        ("exit 3", 3, "its command exited with code 3"),
        ("kill -SEGV $$", -11, "it crashed: invalid memory access (SIGSEGV, exit code -11)"),
        ("cat nothing.csv", 1, "a file is missing: 'nothing.csv' (exit code 1)"),
        (f"{sys.executable} -c 'raise MemoryError'", 1, "it ran out of memory: MemoryError (exit code 1)"),
        ("no-such-program", 127, "a command was not found: 'no-such-program' (exit code 127)"),
    ],
)
def test_a_failure_has_a_cause(repo: Project, jobs: str, cmd: str, code: int, cause: str) -> None:
    repo.gen(stage(cmd))
    assert repo.run("repro", "-j", jobs).code == 255
    (run,) = repo.ok("runs", "--failed", "--json").json
    (item,) = repo.ok("runs", "show", run["id"][:8], "--json").json["stages"]
    assert (item["exit_code"], item["cause"], run["cause"]) == (code, cause, f"stage 'fit': {cause}")


def test_an_output_that_was_not_made_is_a_cause(repo: Project) -> None:
    repo.gen({"dvc.yaml": "stages:\n  fit:\n    cmd: echo hi\n    outs: [b]\n"})
    repo.run("repro")
    (item,) = repo.ok("runs", "show", "--json").json["stages"]
    assert (item["state"], "'b' does not exist" in item["cause"]) == ("failed", True)


def test_stage_add_run_leaves_a_record(repo: Project) -> None:
    repo.ok("stage", "add", "-n", "fit", "--run", "echo hi")
    (run,) = repo.ok("runs", "--json").json
    assert (run["command"], run["state"], run["targets"]) == ("stage add", "succeeded", ["fit"])


def test_secrets_of_the_environment_are_not_kept(repo: Project) -> None:
    repo.environ.update(AWS_SECRET_ACCESS_KEY="hush-hush", OMP_NUM_THREADS="3")
    repo.gen(stage("'true'"))
    repo.ok("repro")
    text = "".join(path.read_text() for path in (repo / ".dvc/tmp/dataver/runs").glob("*.jsonl"))
    assert ("hush-hush" in text, '"OMP_NUM_THREADS": "3"' in text) == (False, True)


def test_a_killed_run_is_interrupted(repo: Project) -> None:
    repo.gen(stage(f"echo begun; {UNTIL_GO}"))
    process = start(repo, "repro")
    until(lambda: states(repo) == ["running"] and "begun" in repo.ok("runs", "show", "--log").out)
    assert repo.ok("runs").lines[1].split()[1] == "running"
    process.kill()
    process.wait()
    assert states(repo) == ["interrupted"]
    (item,) = repo.ok("runs", "show", "--json").json["stages"]
    assert item["state"] == "interrupted"
    (repo / "go").touch()  # for the command it left behind


def test_following_ends_with_the_run(repo: Project) -> None:
    repo.gen(stage(f"echo one; {UNTIL_GO}; echo two"))
    process = start(repo, "repro")
    until(lambda: states(repo) == ["running"])
    follower = start(repo, "runs", "show", "--log", "-f")
    (repo / "go").touch()
    out, _ = follower.communicate(timeout=WAIT_S)
    process.communicate(timeout=WAIT_S)
    assert b"one\ntwo\n" in out and out.startswith(b"Running stage 'fit':")


def test_a_stage_that_writes_without_end_fills_no_disk(repo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.engine.journal.StageLog", lambda path: stagelog.StageLog(path, 1000, 1000))
    repo.gen(stage("seq 100000; echo the end"))
    shown = repo.ok("repro").out
    assert len(shown) > 500_000 and "\n100000\nthe end\n" in shown
    log = repo.ok("runs", "show", "--log").out
    assert log.startswith("Running stage 'fit':\n> seq 100000") and log.endswith("the end\n") and "bytes are not kept" in log
    assert sum(path.stat().st_size for path in (repo / ".dvc/tmp/dataver/runs").glob("*/*")) <= 5000


def test_a_process_left_behind_does_not_hold_the_run(repo: Project) -> None:
    repo.gen(stage(f"({UNTIL_GO}; echo late) & echo done"))
    process = start(repo, "repro", "-q")
    until(lambda: process.poll() is not None)
    assert states(repo) == ["succeeded"]
    (repo / "go").touch()


def test_a_process_left_behind_still_writes_where_it_did(repo: Project) -> None:
    repo.gen(stage(f"({UNTIL_GO}; echo late) & echo done"))
    process = start(repo, "repro")
    process.wait(WAIT_S)
    (repo / "go").touch()
    assert process.stdout is not None and process.stdout.read().endswith(b"late\n")


def test_a_reader_that_leaves_ends_the_stage(repo: Project) -> None:
    repo.gen(stage("'yes || exit 7'"))
    process = start(repo, "repro")
    assert process.stdout is not None
    process.stdout.read(100)
    process.stdout.close()
    process.wait(WAIT_S)


def test_on_a_terminal_the_stage_has_one(repo: Project) -> None:
    check = "import sys,os; print([s.isatty() for s in (sys.stdin, sys.stdout, sys.stderr)], os.get_terminal_size(1).columns, end='\\r\\n')"
    repo.gen({"check.py": check, **stage(f"{sys.executable} check.py")})
    repo.environ["COLUMNS"] = ""
    assert "[True, True, True] 77" in on_terminal(repo, b"", 77)
    assert "[True, True, True] 77" in repo.ok("runs", "show", "--log").out


def test_on_a_terminal_the_stage_reads_and_is_interrupted(repo: Project) -> None:
    repo.gen(stage("read x; echo got $x; sleep 60"))
    assert "got word" in on_terminal(repo, b"word\n\x03", 80)
    assert states(repo) == ["interrupted"]


def test_an_interrupt_while_its_output_is_taken_up_is_an_interrupt(repo: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if thread._target.__name__ == Capture._relay.__name__:  # type: ignore[attr-defined]
            signal.raise_signal(signal.SIGINT)
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    repo.gen(stage("sleep 60"))
    result = repo.run("repro")
    assert result.code == 252 and "unexpected" not in result.err
    assert states(repo) == ["interrupted"]


def on_terminal(repo: Project, typed: bytes, columns: int) -> str:
    """What `repro` shows on a terminal on which `typed` is typed, the last byte after an answer."""
    import fcntl
    import struct
    import termios

    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(repo.path)
        os.execve(DATAVER[0], [*DATAVER, "repro", "-f"], repo.environ)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    shown = b""
    if typed:
        os.write(fd, typed[:-1])
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
        if typed and b"got" in shown.split(b"sleep 60")[-1]:
            os.write(fd, typed[-1:])
            typed = b""
    os.waitpid(pid, 0)
    os.close(fd)
    return shown.decode()
