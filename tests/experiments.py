"""Experiments for tests, made with Git's plumbing: a commit on its baseline and a ref."""
from __future__ import annotations

import subprocess
from collections.abc import Mapping

from tests.conftest import Project

PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [lr]
    metrics:
    - metrics.json: {cache: false}
"""
START = {"dvc.yaml": PIPELINE, "train.py": "code\n", "params.yaml": "lr: 0.1\nmodel: {depth: 3}\n", "metrics.json": '{"acc": 0.5}'}


def make_experiment(project: Project, name: str, files: Mapping[str, str | None], *, at: int = 1_767_323_045, baseline: str = "HEAD") -> str:
    """Commit of an experiment: the baseline's files with some of them changed (None: removed). at: seconds since 1970."""
    environ = {**project.environ, "GIT_INDEX_FILE": str(project.path / ".git" / "test-index"), "GIT_COMMITTER_DATE": f"{at} +0000", "GIT_AUTHOR_DATE": f"{at} +0000"}

    def git(*argv: str, stdin: str | None = None) -> str:
        return subprocess.run(["git", *argv], cwd=project.path, env=environ, input=stdin, check=True, capture_output=True, text=True).stdout.strip()

    base = git("rev-parse", baseline)
    git("read-tree", base)
    for path, content in files.items():
        if content is None:
            git("rm", "-q", "--cached", path)
            continue
        blob = git("hash-object", "-w", "--stdin", stdin=content)
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    commit = git("commit-tree", git("write-tree"), "-p", base, "-m", f"dvc: commit experiment {name}")
    git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", commit)
    return commit


def experiment_names(project: Project) -> list[str]:
    """Names of all experiments, sorted."""
    refs = project.git("for-each-ref", "--format=%(refname)", "refs/exps").split()
    return sorted(ref.rpartition("/")[2] for ref in refs if len(ref.split("/")) == 5)
