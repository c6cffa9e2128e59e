"""What processes and the machine use just now, from /proc; empty where the system has none.

Rates are between two looks of the same Meter, so the first look has none.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time

from tracking.engine.hints import Iterable, Mapping, Sequence
from tracking.engine.record import field, record

GPU_EVERY_S = 3.0
GPU_PATIENCE_S = 2.0
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@record(frozen=True)
class Usage:
    """Of a process and all below it. cpu_percent: 100 for one core; None at the first look. gpu_bytes: None without a GPU."""

    cpu_percent: float | None
    memory_bytes: int
    processes: int
    gpu_bytes: int | None = None


@record(frozen=True)
class Gpu:
    index: str
    name: str
    percent: float
    used_bytes: int
    total_bytes: int


@record(frozen=True)
class Machine:
    """cpu_percent: of all cores together, 0 to 100; None at the first look."""

    cores: int
    cpu_percent: float | None
    memory_used: int
    memory_total: int
    disk_free: int
    gpus: list[Gpu] = field(default_factory=list)


class Meter:
    """Looks again and again; may be asked by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._trees: dict[int, tuple[float, dict[int, int]]] = {}  # root -> (when, pid -> ticks)
        self._machine: tuple[int, int] | None = None
        self._gpu_at = 0.0
        self._gpus: list[Gpu] = []
        self._gpu_users: dict[int, int] = {}
        self._gpu_program = shutil.which("nvidia-smi")

    def trees(self, roots: Iterable[int]) -> dict[int, Usage]:
        """Usage of each living root."""
        wanted = list(roots)
        if not wanted:
            return {}
        found: dict[int, Usage] = {}
        table = _processes()
        children: dict[int, list[int]] = {}
        for pid, (parent, _) in table.items():
            children.setdefault(parent, []).append(pid)
        self._ask_gpus()
        with self._lock:
            for root in wanted:
                if root in table:
                    found[root] = self._usage(root, table, children)
            self._trees = {root: seen for root, seen in self._trees.items() if root in table}
        return found

    def _usage(self, root: int, table: Mapping[int, tuple[int, int]], children: Mapping[int, Sequence[int]]) -> Usage:
        pids, queue = [root], [root]
        while queue:
            below = children.get(queue.pop(), ())
            pids += below
            queue += below
        ticks = {pid: table[pid][1] for pid in pids}
        now = time.monotonic()
        before = self._trees.get(root)
        self._trees[root] = (now, ticks)
        percent = None
        if before is not None and now - before[0] > 0.05:
            used = sum(count - before[1].get(pid, 0) for pid, count in ticks.items())
            percent = round(100 * max(used, 0) / _TICKS / (now - before[0]), 1)
        gpu = sum(self._gpu_users.get(pid, 0) for pid in pids) if self._gpus else None
        return Usage(percent, _memory(pids), len(pids), gpu)

    def machine(self, folder: str) -> Machine:
        """folder: whose disk is looked at."""
        self._ask_gpus()
        total, idle = _machine_ticks()
        with self._lock:
            before, self._machine = self._machine, (total, idle)
        percent = None
        if before is not None and total > before[0]:
            percent = round(100 * (1 - (idle - before[1]) / (total - before[0])), 1)
        memory = _meminfo()
        all_memory = memory.get("MemTotal", 0)
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            free = 0
        return Machine(os.cpu_count() or 1, percent, max(all_memory - memory.get("MemAvailable", 0), 0), all_memory, free, list(self._gpus))

    # --- GPUs: the tool takes long to answer, so nobody waits for it
    def _ask_gpus(self) -> None:
        if self._gpu_program is None or time.monotonic() - self._gpu_at < GPU_EVERY_S:
            return
        self._gpu_at = time.monotonic()
        threading.Thread(target=self._read_gpus, daemon=True).start()

    def _read_gpus(self) -> None:
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            gpus = [Gpu(index, name, float(percent), int(used) << 20, int(total) << 20) for index, name, percent, used, total in self._rows("--query-gpu=index,name,utilization.gpu,memory.used,memory.total")]
            users = {int(pid): int(used) << 20 for pid, used in self._rows("--query-compute-apps=pid,used_memory")}
            with self._lock:
                self._gpus, self._gpu_users = gpus, users

    def _rows(self, query: str) -> list[list[str]]:
        assert self._gpu_program is not None
        said = subprocess.run([self._gpu_program, query, "--format=csv,noheader,nounits"], capture_output=True, text=True, timeout=GPU_PATIENCE_S, check=True).stdout
        return [[part.strip() for part in line.split(",")] for line in said.splitlines() if line.strip()]


def parent_of(pid: int) -> int | None:
    """None when it is gone, or nobody tells."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _processes() -> dict[int, tuple[int, int]]:
    """pid -> (parent, ticks used, those of ended children included)."""
    found: dict[int, tuple[int, int]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return found
    for name in names:
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
                found[int(name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return found


def _memory(pids: Iterable[int]) -> int:
    """Their own pages, and what they share counted once."""
    own = shared = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{pid}/statm", "rb") as file:
                resident, common = map(int, file.read().split()[1:3])
            own += max(resident - common, 0)
            shared = max(shared, common)
    return (own + shared) * _PAGE


def _machine_ticks() -> tuple[int, int]:
    """(all, idle) since the machine started."""
    try:
        with open("/proc/stat", "rb") as file:
            fields = [int(part) for part in file.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]
    except (OSError, ValueError, IndexError):
        return 0, 0


def _meminfo() -> dict[str, int]:
    found: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                name, _, rest = line.partition(":")
                found[name] = int(rest.split()[0]) << 10
    return found
