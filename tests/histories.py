"""Makes Git repositories with a long history in moments, through one `git fast-import`.

    python -m tests.histories FOLDER [--commits 2000] [--branches 5] [--metrics 4] [--params 6] [--experiments 0]
    python -m tests.histories FOLDER --big

writes a project whose every commit has another dvc.lock, params.yaml and metrics.json, as
a year of work on one pipeline would. --big: 120 commits with 2,000 experiments, 60 metrics and 80 params, and
3 runs that are on, 2 that failed, 5 that wait.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.engine.experiments import queue
from pipelines.engine.experiments.names import ADJECTIVES, NOUNS
from pipelines.engine.experiments.runinfo import QUEUED, RUNNING, ExecutorInfo, RunFolder
from tests.environment import clean_environ
from tracking.engine.protocols import Settings
from tracking.engine.repo import Repo

FIRST_TIME = 1_700_000_000
STEP_S = 3600
METRICS = ("accuracy", "f1", "log_loss", "auc")
DVC_YAML = """\
stages:
  prepare:
    cmd: python src/prepare.py
    deps: [data/digits.csv, src/prepare.py]
    params: [prepare.bins]
    outs: [features]
  train:
    cmd: python src/train.py
    deps: [features, src/train.py]
    params: [train]
    outs: [model.pkl]
    metrics:
    - metrics.json:
        cache: false
"""


def import_history(folder: str, commits: Iterable[tuple[str, str, Mapping[str, str]]], tags: Mapping[str, int] | None = None) -> None:
    """Make a Git repository in an existing folder, and check its first branch out.

    commits: (branch, message, changed files path -> text), oldest first. A branch that is new
    starts at the last commit of the first one. tags: name -> position of a commit, counted from 0.
    """
    environ = clean_environ(os.path.join(folder, ".git", "environment"))
    run(folder, environ, "init", "-q", "-b", "main")
    stream: list[bytes] = []
    known: set[str] = set()
    first = ""
    last = 0
    for number, (branch, message, files) in enumerate(commits, 1):
        first = first or branch
        text = message.encode()
        who = f"Ada Tester <ada@example.com> {FIRST_TIME + number * STEP_S} +0000"
        stream.append(f"commit refs/heads/{branch}\nmark :{number}\nauthor {who}\ncommitter {who}\ndata {len(text)}\n".encode() + text + b"\n")
        if number > 1 and branch not in known:
            stream.append(f"from :{last}\n".encode())
        known.add(branch)
        last = number if branch == first else last
        for path, content in files.items():
            data = content.encode()
            stream.append(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    stream += [f"reset refs/tags/{name}\nfrom :{position + 1}\n\n".encode() for name, position in (tags or {}).items()]
    run(folder, environ, "fast-import", "--quiet", stdin=b"".join(stream))
    run(folder, environ, "checkout", "-q", "-f", first)


def run(folder: str, environ: Mapping[str, str], *argv: str, stdin: bytes | None = None) -> None:
    subprocess.run(["git", *argv], cwd=folder, env=environ, input=stdin, check=True, capture_output=True)


def pipeline_history(count: int, branches: int = 1, metrics: int = len(METRICS), params: int = 6) -> Iterable[tuple[str, str, dict[str, str]]]:
    """A pipeline whose params, metrics and outs change with each of `count` commits; the last part of them on side branches."""
    base = {".dvc/config": "", ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n", ".dvcignore": "", "dvc.yaml": DVC_YAML, ".gitignore": "/features\n/model.pkl\n"}
    for number in range(count):
        side = max(0, branches - 1 - (count - 1 - number) // 20) if number else 0
        branch = f"feature/{side}" if side else "main"
        yield branch, f"Try learning rate {rate(number)}", {**(base if number == 0 else {}), **step(number, metrics, params)}


# --- experiments
def import_experiments(folder: str, count: int, metrics: int, params: int, first: int = 100_000) -> list[str]:
    """Experiments on all commits of a history, their refs packed; names in the order they were made."""
    environ = clean_environ(os.path.join(folder, ".git", "environment"))
    commits = subprocess.run(["git", "rev-list", "--all", "--date-order"], cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout.split()
    stream: list[bytes] = []
    names = []
    for number in range(count):
        baseline, name = commits[number % len(commits)], experiment_name(number)
        names.append(name)
        text = f"dvc: commit experiment {name}".encode()
        who = f"Ada Tester <ada@example.com> {FIRST_TIME + 5000 * STEP_S + number * 60} +0000"
        stream.append(f"commit refs/exps/{baseline[:2]}/{baseline[2:]}/{name}\nauthor {who}\ncommitter {who}\ndata {len(text)}\n".encode() + text + f"\nfrom {baseline}\n".encode())
        for path, content in step(first + number * 13, metrics, params).items():
            data = content.encode()
            stream.append(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    run(folder, environ, "fast-import", "--quiet", stdin=b"".join(stream))
    run(folder, environ, "pack-refs", "--all")
    return names


def experiment_name(number: int) -> str:
    return f"{ADJECTIVES[number % len(ADJECTIVES)]}-{NOUNS[(number // len(ADJECTIVES) + number) % len(NOUNS)]}{f'-{number}' if number >= 20_000 else ''}"


def queue_runs(folder: str, running: int = 3, failed: int = 2, queued: int = 5, metrics: int = len(METRICS), params: int = 6) -> dict[str, list[str]]:
    """Entries of the queue on HEAD, by state. Running ones have a checkout, and a heartbeat that does not end."""
    repo = Repo(folder, Settings())
    git = repo.scm
    assert git is not None
    head = git.head_commit() or ""
    made: dict[str, list[str]] = {"running": [], "failed": [], "queued": []}
    for number, state in enumerate([*["running"] * running, *["failed"] * failed, *["queued"] * queued]):
        name = f"{state}-{NOUNS[number]}"
        made[state].append(name)
        files = step(900_000 + number, metrics, params)
        entry = queue.write_entry(git, f"{head}^{{tree}}", queue.QueueEntry(id="", name=name, baseline=head, head=head, params=[f"train.lr={rate(number)}"], queued_at=time.time() - 60 + number))
        if state == "queued":
            continue
        queue.claim(git, entry, {"pid": 1, "host": "another-machine", "boot": "", "space": ""})
        if state == "failed":
            queue.fail(git, entry, "stage 'train' exited with code 1: ValueError: loss is NaN", left=None, started=time.time() - 50, failed_stage="train")
            continue
        checkout = os.path.join(repo.tmp_dir, "exps", f"tmp-{name}")
        os.makedirs(os.path.join(checkout, ".dvc"))
        run(checkout, clean_environ(os.path.join(folder, ".git", "environment")), "init", "-q")  # of its own, or the project ignores it
        for path, content in {".dvc/config": "", "dvc.yaml": DVC_YAML, **files}.items():
            with open(os.path.join(checkout, path), "w", encoding="utf-8") as stream:
                stream.write(content)
        RunFolder(repo.tmp_dir, entry.id).write_info(ExecutorInfo(f"file://{checkout}", head, QUEUED, checkout, ".dvc", name, status=RUNNING))
        RunFolder(repo.tmp_dir, entry.id).update_notes(name=name, stage="train", stages_planned=2, stages_done=1, started=time.time() - 50, folder=checkout, heartbeat=time.time() + 10 * 365 * 86400)
    git.close()
    return made


def rate(number: int) -> float:
    return round(0.001 + (number * 37 % 1000) / 10000, 4)


def step(number: int, metrics: int, params: int) -> dict[str, str]:
    """params.yaml, metrics.json and dvc.lock of one commit."""
    train = {"lr": rate(number), "epochs": 10 + number % 40, **{f"p{extra}": number % (extra + 2) for extra in range(params - 4)}}
    bins = 8 * (1 + number // 100 % 4)
    values: dict[str, Any] = {}
    for position in range(metrics):
        name = METRICS[position] if position < len(METRICS) else f"m{position}"
        wave = (number * 7919 + position * 104729) % 10007 / 10007
        values[name] = round(2 - wave if "loss" in name else 0.5 + wave / 2, 6)
    lines = [f"prepare:\n  bins: {bins}\nseed: 7\ntrain:\n"] + [f"  {key}: {value}\n" for key, value in train.items()]
    return {"params.yaml": "".join(lines), "metrics.json": json.dumps(values, indent=1), "dvc.lock": lock(number, bins, train)}


def lock(number: int, bins: int, train: Mapping[str, Any]) -> str:
    features, model, data = (f"f{value:031x}" for value in (bins * 7919, number * 104729 + 1, number // 50 + 3))
    values = "".join(f"        train.{key}: {value}\n" for key, value in sorted(train.items()))
    return f"""\
schema: '2.0'
stages:
  prepare:
    cmd: python src/prepare.py
    deps:
    - path: data/digits.csv
      hash: md5
      md5: {data}
      size: {18_400_000 + number // 50}
    - path: src/prepare.py
      hash: md5
      md5: {"a" * 32}
      size: 1200
    params:
      params.yaml:
        prepare.bins: {bins}
    outs:
    - path: features
      hash: md5
      md5: {features}.dir
      size: {6_200_000 + bins}
      nfiles: 12
  train:
    cmd: python src/train.py
    deps:
    - path: features
      hash: md5
      md5: {features}.dir
      size: {6_200_000 + bins}
      nfiles: 12
    - path: src/train.py
      hash: md5
      md5: {"b" * 32}
      size: 2400
    params:
      params.yaml:
{values}    outs:
    - path: metrics.json
      hash: md5
      md5: e{number + 1:031x}
      size: 80
    - path: model.pkl
      hash: md5
      md5: {model}
      size: {1_310_000 + number}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    for name, default in (("commits", 2000), ("branches", 5), ("metrics", 4), ("params", 6)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--experiments", type=int, default=0)
    parser.add_argument("--big", action="store_true")
    args = parser.parse_args()
    if args.big:
        args.commits, args.metrics, args.params, args.experiments = 120, 60, 80, args.experiments or 2000
    os.makedirs(args.folder)
    apart = 250 if args.commits >= 500 else 25
    tags = {f"v1.{number}": number * apart for number in range(args.commits // apart)}
    import_history(args.folder, pipeline_history(args.commits, args.branches, args.metrics, args.params), tags)
    if args.experiments:
        import_experiments(args.folder, args.experiments, args.metrics, args.params)
        queue_runs(args.folder, metrics=args.metrics, params=args.params)


if __name__ == "__main__":
    main()
