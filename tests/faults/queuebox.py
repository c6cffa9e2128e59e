"""A project with a queue that really runs: its processes are its own, and every start of a stage is written down."""
from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.engine.experiments import supervision
from pipelines.engine.experiments.queue import RunState, claims, read_states
from tests.environment import CHECKOUT, clean_environ
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

LIMIT_S = 60.0  # for anything to happen on a machine that is busy with something else
PIPELINE = """\
stages:
  work:
    cmd: sh work.sh
    deps: [work.sh]
    params: [n, mode]
    metrics:
      - m.json: {cache: false}
"""
WORK = """\
n=$(sed -n 's/^n: //p' params.yaml)
mode=$(sed -n 's/^mode: //p' params.yaml)
echo "start $n $$" >> "$LEDGER"
echo "hello from $n"
case $mode in
wait) while [ ! -e "$LEDGER.go" ]; do sleep 0.1; done ;;
fail) echo "it broke" >&2; exit 3 ;;
deaf) trap '' INT TERM; while :; do sleep 0.2; done ;;
detach) setsid sh -c 'trap "" TERM; echo $$ > "$LEDGER.pid"; exec sleep 300' > /dev/null 2>&1 < /dev/null & sleep 0.3 ;;
loud) head -c "$LOUD_BYTES" /dev/zero | tr '\\0' 'x'; echo; echo "last words" ;;
full) head -c 8000000 /dev/zero > big.bin || exit 4 ;;
nest) eval "$NESTED" || exit 5 ;;
esac
echo "{\\"n\\": $n}" > m.json
echo "end $n" >> "$LEDGER"
"""


class QueueBox:
    """path: of the project. environ: of every process."""

    def __init__(self, base: Path, *, redis: bool = True) -> None:
        self.base = base
        self.path = base / "project"
        self.environ = clean_environ(str(base))
        self.environ["LEDGER"] = str(base / "ledger")
        self.environ["QUEUE_BOX"] = str(base)  # a mark, to find all that is left
        self.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + self.environ["PATH"]
        if not redis:
            self.environ["DATAVER_REDIS_URL"] = "none"
        self.path.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.dataver("init", "-q")
        self.write("params.yaml", "n: 0\nmode: ok\n")
        self.write("dvc.yaml", PIPELINE)
        self.write("work.sh", WORK)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "one")

    # --- doing
    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def git(self, *argv: str) -> str:
        return subprocess.run(["git", *argv], cwd=self.path, env=self.environ, check=True, capture_output=True, text=True).stdout

    def dataver(self, *argv: str, check: bool = True) -> str:
        code = f"import sys; sys.path.insert(0, {CHECKOUT!r}); from dataver_site.entry import main; sys.exit(main())"
        done = subprocess.run([sys.executable, "-P", "-c", code, *argv], cwd=self.path, env=self.environ, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"dataver {' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def enqueue(self, mode: str, *numbers: int) -> None:
        """One experiment per number, named e<number>."""
        if len(numbers) == 1:
            self.dataver("exp", "run", "--queue", "-n", f"e{numbers[0]}", "-S", f"n={numbers[0]}", "-S", f"mode={mode}")
        else:
            self.dataver("exp", "run", "--queue", "-n", "e", "-S", "n=" + ",".join(map(str, numbers)), "-S", f"mode={mode}")

    def start(self, jobs: int = 2, *options: str) -> None:
        self.dataver("queue", "start", "-j", str(jobs), *options)

    def go(self) -> None:
        """Let stages that wait go on."""
        Path(self.environ["LEDGER"] + ".go").touch()

    # --- looking
    def repo(self) -> Repo:
        return Repo(str(self.path), Settings(environ=self.environ, data_dir=self.environ["DATAVER_HOME"]), str(self.path))

    def states(self) -> list[RunState]:
        repo = self.repo()
        try:
            return read_states(repo)
        finally:
            if repo.scm is not None:
                repo.scm.close()

    def recorded(self) -> dict[str, str]:
        """Entry -> what the refs say, apart from any look at processes."""
        refs = self.git("for-each-ref", "--format=%(refname)", "refs/dataver/").split()
        found: dict[str, str] = {}
        for ref in refs:
            kind, entry_id = ref.split("/")[2:4]
            if kind != "queue" or entry_id not in found:
                found[entry_id] = kind
        return found

    def by_name(self) -> dict[str, str]:
        return {state.name: state.state for state in self.states()}

    def count(self, state: str) -> int:
        return sum(1 for found in self.states() if found.state == state)

    def reason(self, name: str) -> str:
        return next(state.reason for state in self.states() if state.name == name)

    def claim(self, name: str) -> dict[str, Any]:
        repo = self.repo()
        entry_id = next(state.id for state in self.states() if state.name == name)
        assert repo.scm is not None
        try:
            return claims(repo.scm)[entry_id]
        finally:
            repo.scm.close()

    def supervisor(self) -> supervision.Supervisor | None:
        return supervision.find(str(self.path / ".dvc" / "tmp"))

    def starts(self) -> Counter[str]:
        """How often each number's stage was started."""
        with contextlib.suppress(FileNotFoundError):
            return Counter(line.split()[1] for line in Path(self.environ["LEDGER"]).read_text().splitlines() if line.startswith("start "))
        return Counter()

    def stage_pids(self) -> list[int]:
        with contextlib.suppress(FileNotFoundError):
            return [int(line.split()[2]) for line in Path(self.environ["LEDGER"]).read_text().splitlines() if line.startswith("start ")]
        return []

    def experiments(self) -> set[str]:
        return {ref.rpartition("/")[2] for ref in self.git("for-each-ref", "--format=%(refname)", "refs/exps/").split() if ref.count("/") == 4 and "/exec/" not in ref}

    def log(self, name: str, check: bool = True) -> str:
        """check False: a run that has written nothing yet has an empty one."""
        return self.dataver("queue", "logs", name, check=check)

    def processes(self, what: str = "") -> list[int]:
        """Processes of this box whose command line holds `what`."""
        mark = f"QUEUE_BOX={self.base}".encode()
        found = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if name.isdigit() and mark in Path(f"/proc/{name}/environ").read_bytes().split(b"\0") and what.encode() in Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" "):
                    found.append(int(name))
        return found

    def wait(self, condition: Callable[[], object], told: str = "") -> None:
        """Until a condition holds; on a busy machine that may take long."""
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"never: {told}\n{self.describe()}")
            time.sleep(0.1)

    def wait_for(self, **states: int) -> None:
        """wait_for(running=2, failed=1): that many, as the lists tell."""
        self.wait(lambda: all(self.count(state) == count for state, count in states.items()), str(states))

    def wait_recorded(self, **kinds: int) -> None:
        """wait_recorded(done=3, failed=1): refs say so, and nothing else is left."""
        self.wait(lambda: Counter(self.recorded().values()) == Counter(kinds), str(kinds))

    def describe(self) -> str:
        log = self.path / ".dvc/tmp/dataver/queue/supervisor.log"
        text = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        return "\n".join([*(f"{state.name} {state.state} {state.reason}" for state in self.states()), str(self.supervisor()), text])

    def redis_pid(self) -> int:
        """Of the private server, 0 when it is not running. It overwrites its environment, so it has no mark."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((Path(self.environ["DATAVER_HOME"]) / "redis" / "pid").read_text().split()[0])
            if is_alive(pid) and b"redis" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return 0

    # --- the end
    def close(self) -> None:
        for _ in range(20):
            pids = [*self.processes(), *filter(None, [self.redis_pid()])]
            if not pids:
                break
            for pid in pids:
                kill(pid)
            time.sleep(0.05)
        shutil.rmtree(self.base / "project", ignore_errors=True)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    assert pid > 1, "there is no such process"
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def load(path: Path) -> Any:
    return json.loads(path.read_text())
