"""Runs the same operations in two projects and stops at the first disagreement.

Modes. twins: dvc works on the first project, the other tool on the second. turns: the first
belongs to dvc alone, in the second dvc and the other tool take turns.
By hand: python -m tests.compat.driver --seed 7 --steps 60 [--mode turns] [--second dvc] [--text]
"""
from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.compat.generate import Generator, View
from tests.compat.improvements import explain
from tests.compat.operations import Box, Operation, Outcome
from tests.compat.snapshot import differences
from tests.compat.tools import Tool


@dataclass
class Report:
    """How a run went. `operations` are those done; the last one is where it stopped when `problem` is set."""

    operations: list[Operation] = field(default_factory=list)
    problem: str = ""
    kind: str = ""
    explained: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    tool_runs: int = 0
    succeeded: int = 0
    last_code: int = 0
    keep_going: bool = False
    problems: dict[str, str] = field(default_factory=dict)


class Pair:
    """Two boxes in step."""

    def __init__(self, tools: dict[str, Tool], first: str, second: str) -> None:
        self.base = tempfile.mkdtemp(prefix="compat-")
        self.left = Box(self.base, "L", tools, first)
        self.right = Box(self.base, "R", tools, second)

    def close(self) -> None:
        shutil.rmtree(self.base, ignore_errors=True)

    def step(self, operation: Operation, turn: str | None) -> tuple[Outcome, Outcome, dict[str, tuple[str, str]]]:
        """Do it in both; turn names the tool of the second box for this step."""
        if turn:
            self.right.default = turn
        with self.left.live():
            left, before = self.left.apply(operation), self.left.snapshot()
        with self.right.live():
            right, after = self.right.apply(operation), self.right.snapshot()
        return left, right, differences(before, after)

    def make_equal(self, found: dict[str, tuple[str, str]]) -> None:
        """Give the second box the first one's form of every path that differs; the rest keeps its inodes."""
        left, right = self.left.parked, self.right.parked
        for key in sorted(key for key in found if not key.startswith("git:")):
            source, target = os.path.join(left, key), os.path.join(right, key)
            if os.path.isdir(target) and not os.path.islink(target):
                shutil.rmtree(target)
            elif os.path.lexists(target):
                os.unlink(target)
            if os.path.lexists(source):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                subprocess.run(["cp", "-a", source, target], check=True)
        for key in sorted(found):
            _, linked, original = found[key][0].partition(" = ")  # a hard link to another path of the box
            original = os.path.join(right, original.partition(" ")[0])
            if linked and found[key][0].startswith("file") and os.path.isfile(original):
                os.unlink(os.path.join(right, key))
                os.link(original, os.path.join(right, key))
        if any(key.startswith("git:") for key in found):
            shutil.rmtree(os.path.join(right, "project", ".git"))
            subprocess.run(["cp", "-a", os.path.join(left, "project", ".git"), os.path.join(right, "project")], check=True)


def run(
    tools: dict[str, Tool],
    *,
    seed: int,
    steps: int,
    second: str = "dataver",
    mode: str = "twins",
    operations: list[Operation] | None = None,
    text: bool = False,
    without: frozenset[str] = frozenset(),
    keep_going: bool = False,
) -> Report:
    """Run `steps` tool runs drawn from `seed`, or exactly `operations`; stop at the first disagreement.

    without: words of command lines to leave out. keep_going: note a disagreement, make the
    projects equal again and go on; `problems` then holds one of each kind.
    """
    pair = Pair(tools, "dvc", second)
    report = Report(keep_going=keep_going)
    generator = Generator(seed)
    queue = list(operations) if operations is not None else generator.start()
    try:
        while queue or (operations is None and report.tool_runs < steps):
            if not queue:
                queue = generator.next(View.of(os.path.join(pair.left.parked, "project"), generator.commits))
            operation = queue.pop(0)
            if without.intersection(operation[1:4]) and operation[0].startswith("tool"):
                continue
            report.operations.append(operation)
            turn = _whose_turn(seed, operation, len(report.operations), second) if mode == "turns" else None
            _one(pair, operation, turn, report, text)
            if operation[0].startswith("tool"):
                generator.note(report.last_code)
            if report.problem:
                return report
    finally:
        pair.close()
    return report


def _whose_turn(seed: int, operation: Operation, number: int, second: str) -> str:
    """A tool per operation, the same when other operations are dropped."""
    return Random(f"{seed} {json.dumps(operation)}").choice(("dvc", second))


def _one(pair: Pair, operation: Operation, turn: str | None, report: Report, text: bool) -> None:
    left, right, found = pair.step(operation, turn)
    report.tool_runs += bool(left.tool)
    report.last_code = left.code if left.tool else report.last_code
    report.succeeded += bool(left.tool) and left.code == 0
    said = compare_outcomes(operation, left, right)
    if text and not said and not found and _plain(left) != _plain(right):
        report.texts.append(f"{operation[1:]}\n--- {left.tool}\n{_plain(left)}\n+++ {right.tool}\n{_plain(right)}")
    if not said and not found:
        return
    crashed = said.startswith("dataver crashed")  # never on purpose
    reason = None if crashed else explain(operation, left, right, found, pair.left.parked, turns=turn is not None or bool(report.explained))
    if reason:
        report.explained.append(reason)
        pair.make_equal(found)
        return
    report.kind, report.problem = _describe(operation, left, right, said, found)
    report.problems[report.kind] = report.problem
    if report.keep_going:
        report.problem = ""
        pair.make_equal(found)


def compare_outcomes(operation: Operation, left: Outcome, right: Outcome) -> str:
    """What differs in code and JSON, "" when nothing does."""
    for outcome in (left, right):
        crashed = "Traceback (most recent call last)" in outcome.err or "unexpected error" in outcome.err or outcome.code < 0
        if crashed and outcome.tool == "dataver":
            return f"{outcome.tool} crashed: {outcome.err.strip().splitlines()[-1:]}"
    if left.code != right.code:
        return f"exit code {left.code} and {right.code}"
    words = operation[1:]
    if left.code == 0 and "--json" in words and left.out != right.out:
        return _compare_json(words, left.out, right.out)
    return ""


def _compare_json(words: list[Any], left: str, right: str) -> str:
    try:
        values = json.loads(left), json.loads(right)
    except ValueError:
        return "no JSON"
    if values[0] == values[1] or _sorted(values[0]) == _sorted(values[1]):
        return ""  # order inside lists is not stable in dvc
    return f"JSON\n  {left.strip()}\n  {right.strip()}"


def _sorted(value: Any) -> Any:
    """The value with lists sorted, doubles (dvc's diff has some) and the words of error messages dropped."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items() if key != "msg"}
    if isinstance(value, list):
        unique = {json.dumps(_sorted(item), sort_keys=True) for item in value}
        return [json.loads(text) for text in sorted(unique)]
    return value


def _plain(outcome: Outcome) -> str:
    return outcome.out + outcome.err


def _describe(operation: Operation, left: Outcome, right: Outcome, said: str, found: dict[str, tuple[str, str]]) -> tuple[str, str]:
    lines = [f"operation {json.dumps(operation, ensure_ascii=False)}", said]
    for key, (first, other) in list(found.items())[:12]:
        lines += [f"  {key}", f"    first:  {first[:1500]}", f"    second: {other[:1500]}"]
    for name, outcome in (("first", left), ("second", right)):
        if outcome.tool:
            lines += [f"{name} ({outcome.tool}) exit {outcome.code}", outcome.out[-1500:], outcome.err[-1500:]]
    kind = said.split("\n")[0] or "disk: " + ", ".join(sorted({key.split("/")[-1].split(".")[-1] for key in found})[:3])
    if said.startswith("exit code"):  # what failed, so that shrinking keeps to it
        kind += "".join(f" {line[:60]}" for line in (left.err or right.err).strip().splitlines()[:1])
    return f"{operation[0]} {operation[1] if len(operation) > 1 else ''}: {kind}", "\n".join(line for line in lines if line)


def shrink(tools: dict[str, Tool], report: Report, *, seed: int, second: str, mode: str, budget_s: float = 60.0) -> Report:
    """The shortest sequence found within the time budget that still disagrees in the same way."""
    deadline = time.monotonic() + budget_s
    best, size = report, max(1, len(report.operations) // 2)
    while size and time.monotonic() < deadline:
        position = len(best.operations) - 1 - size
        while position >= -size + 1 and time.monotonic() < deadline:
            start = max(0, position)
            shorter = best.operations[:start] + best.operations[position + size :]
            tried = run(tools, seed=seed, steps=0, second=second, mode=mode, operations=shorter)
            if tried.problem and tried.kind == report.kind:
                best = tried
            position -= size
        size //= 2
    return best


def failure_text(report: Report, seed: int, mode: str) -> str:
    """What a failing test prints: seed, minimal sequence, the disagreement."""
    listing = ",\n".join(f"    {json.dumps(operation, ensure_ascii=False)}" for operation in report.operations)
    return f"seed {seed}, mode {mode}: {report.kind}\n[\n{listing}\n]\n{report.problem}"


def start_tools(names: set[str], base: str) -> dict[str, Tool]:
    """One server per name."""
    return {name: Tool(name, base) for name in sorted(names)}


def main() -> int:
    """Command line for people who look for disagreements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from --seed on")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--second", default="dataver")
    parser.add_argument("--mode", default="twins", choices=("twins", "turns"))
    parser.add_argument("--text", action="store_true", help="also show where the printed text differs")
    parser.add_argument("--shrink", type=float, default=40.0, metavar="SECONDS")
    parser.add_argument("--without", default="", help="commands to leave out, with commas")
    parser.add_argument("--keep-going", action="store_true", help="list one disagreement of each kind instead of stopping at the first")
    parser.add_argument("--replay", metavar="FILE", help="JSON list of operations")
    options = parser.parse_args()
    base = tempfile.mkdtemp(prefix="compat-tools-")
    tools = start_tools({"dvc", options.second}, base)
    failures = 0
    seen: set[str] = set()
    operations = json.load(open(options.replay, encoding="utf-8")) if options.replay else None
    try:
        for seed in range(options.seed, options.seed + options.seeds):
            began = time.monotonic()
            report = run(tools, seed=seed, steps=options.steps, second=options.second, mode=options.mode, text=options.text, operations=operations, without=frozenset(options.without.split(",")), keep_going=options.keep_going)
            took_s = time.monotonic() - began
            print(f"seed {seed}: {report.tool_runs} runs, {took_s:.1f} s, {report.succeeded} succeeded, explained {sorted(set(report.explained))}, {report.kind or 'agree'}", flush=True)
            print("\n".join(report.texts))
            for kind, problem in report.problems.items() if options.keep_going else ():
                failures += 1
                if kind not in seen:
                    print(f"* {kind}\n{problem}\n", flush=True)
                seen.add(kind)
            if report.problem:
                failures += 1
                print(failure_text(shrink(tools, report, seed=seed, second=options.second, mode=options.mode, budget_s=options.shrink), seed, options.mode), flush=True)
    finally:
        for tool in tools.values():
            tool.close()
        shutil.rmtree(base, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
