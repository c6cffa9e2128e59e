"""Many short experiments while workers, work processes, Redis and supervisors are killed at random.

At the end every one is accounted for exactly once: done with an experiment, or failed with a
reason; no stage started twice; nothing left running. `python -m tests.faults.queuesoak --help`.
"""
from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.queuebox import QueueBox, kill


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--pause", type=float, default=1.5, help="seconds between two kills, on average")
    parser.add_argument("--limit", type=float, default=1500.0, help="seconds for all of it")
    parser.add_argument("--folder")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    print(f"seed {args.seed}", flush=True)
    box = QueueBox(Path(args.folder or tempfile.mkdtemp(prefix="soak-")) / "soak")
    try:
        return soak(box, args, chance)
    finally:
        box.close()


def soak(box: QueueBox, args: argparse.Namespace, chance: random.Random) -> int:
    for start in range(0, args.runs, 50):
        numbers = range(start + 1, min(start + 50, args.runs) + 1)
        box.dataver("exp", "run", "--queue", "-n", f"s{start}", "-S", "n=" + ",".join(map(str, numbers)), "-S", "mode=ok")
    box.start(args.workers)
    killed: Counter[str] = Counter()
    deadline = time.monotonic() + args.limit
    while time.monotonic() < deadline:
        kinds = Counter(box.recorded().values())
        if not kinds["queue"] and not kinds["running"]:
            break
        what = hurt(box, chance)
        killed[what] += 1
        time.sleep(chance.uniform(0.2, 2 * args.pause - 0.2))
        if box.supervisor() is None:
            box.start(args.workers)
    else:
        print("not done in time\n" + box.describe())
        return 1
    return judge(box, args.runs, killed)


def hurt(box: QueueBox, chance: random.Random) -> str:
    """Kill one process; which kind, and which of them, is chance."""
    what = chance.choices(["work process", "worker", "redis", "supervisor", "stage"], [4, 3, 2, 1, 2])[0]
    found = box.supervisor()
    if what == "redis":
        pids = [pid for pid in [box.redis_pid()] if pid]
    elif what == "stage":
        pids = box.processes("work.sh")
    elif what == "supervisor":
        pids = [found.pid] if found is not None else []
    elif what == "worker":
        pids = found.workers if found is not None else []
    else:
        workers = set(found.workers) if found is not None else set()
        pids = [pid for pid in box.processes("queue-supervisor") if found is None or (pid not in workers and pid != found.pid)]
    if not pids:
        return "nothing"
    kill(chance.choice(pids))
    return what


def judge(box: QueueBox, runs: int, killed: Counter[str]) -> int:
    states = box.states()
    counts = Counter(state.state for state in states)
    print(f"killed: {dict(killed)}\nstates: {dict(counts)}")
    wrong = []
    done_refs = Counter(box.recorded().values())
    starts = box.starts()
    wrong += [f"stage {number} was started {count} times" for number, count in starts.items() if count > 1]
    experiments = box.experiments()
    for state in states:
        if state.state == "success" and state.name not in experiments:
            wrong.append(f"{state.name} is done and has no experiment")
        if state.state != "success" and not state.reason:
            wrong.append(f"{state.name} {state.state} without a reason")
        if state.state != "success" and state.name in experiments:
            wrong.append(f"{state.name} {state.state} and has an experiment")
    successes = len(experiments)
    failures = counts["failed"] + counts["killed"]
    if successes + failures != runs:
        wrong.append(f"{successes} experiments and {failures} failures of {runs} runs")
    if done_refs["queue"] or done_refs["running"]:
        wrong.append(f"left: {dict(done_refs)}")
    print("\n".join(wrong) or "every run is accounted for once")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
