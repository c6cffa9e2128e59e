"""Fills Revision rows from Git: one row per commit that a branch, a tag or HEAD reaches.

Commits never change, so a row is written once. A refresh that finds nothing new costs one
child process (`git for-each-ref`) and two queries.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from pipelines.engine.facts import FactsReader, arrived, files_of
from pipelines.engine.historytable import WORKSPACE, Row
from tracking.engine.commits import Commit, Refs, read_commit, read_refs, shallow_commits, unknown_commits
from tracking.engine.files import WorkspaceFiles
from tracking.engine.record import record
from tracking.engine.repo import Repo
from tracking.models import Repository, Revision

MANY = 500  # names; beyond, all rows are asked for
BATCH = 200  # rows; a write transaction stays under 50 ms


@record(frozen=True)
class Progress:
    """Names of commits as of now; none without Git. waiting: commits that are still to be read. incomplete: rows
    whose objects are in no cache yet."""

    refs: Refs
    waiting: int = 0
    incomplete: int = 0


def refresh_revisions(repository: Repository, repo: Repo, limit_s: float | None = None, others: Sequence[str] = (), refs: Refs | None = None) -> Progress:
    """Add the rows of commits that are new. limit_s: stop after so long; the next call goes on.

    others: commits that no branch reaches, of experiments. refs: names of commits, where they are known.

    Raises GitError when Git cannot be asked.
    """
    scm = repo.scm
    if scm is None:
        return Progress(Refs())
    started = monotonic()
    waiting = 0
    refs = refs or read_refs(scm)
    tips = list(dict.fromkeys([*refs.tips, *others]))
    known_tips = set(repository.revisions.filter(sha__in=tips).values_list("sha", flat=True)) if len(tips) < MANY else set(repository.revisions.values_list("sha", flat=True))
    starts = [tip for tip in tips if tip not in known_tips]
    incomplete = list(repository.revisions.filter(Q(is_boundary=True) | ~Q(missing="")).values_list("sha", "parent_shas", "is_boundary", "missing"))
    shallow = shallow_commits(scm)
    starts += [parent for sha, parents, is_boundary, _ in incomplete if is_boundary and sha not in shallow for parent in parents.split()]
    reader = FactsReader(repo)
    if starts:
        known = set(repository.revisions.values_list("sha", flat=True))
        new = unknown_commits(scm, starts, known)
        waiting = len(new)
        for part in _parts(_rows(repository, repo, reader, shallow, new)):
            Revision.objects.bulk_create(part, ignore_conflicts=True)  # another process may be at the same work
            waiting -= len(part)
            if limit_s is not None and monotonic() - started > limit_s:
                break
    missing = {sha: oids.split() for sha, _, _, oids in incomplete if oids}
    completed = _complete(repository, repo, reader, missing)
    return Progress(refs, waiting, len(missing) - completed)


def load_rows(repository: Repository, shas: Iterable[str] | None = None) -> dict[str, Row]:
    """Rows of commits that hold the project, by id; all, or those of `shas`. One query."""
    rows = repository.revisions.filter(has_project=True)
    if shas is not None:
        rows = rows.filter(sha__in=list(shas))
    texts = [Cast(name, TextField()) for name in ("metrics", "params", "outs", "errors")]
    parse = _Parser()
    return {
        sha: Row(sha, tuple(parents.split()), author, time, subject, parse(metrics), parse(params), parse(outs), parse(errors))
        for sha, parents, author, time, subject, metrics, params, outs, errors in rows.values_list("sha", "parent_shas", "author", "time", "subject", *texts)
    }


def load_metrics(repository: Repository) -> dict[str, Row]:
    """Rows of all commits with nothing but their metrics, by id. One query."""
    rows = repository.revisions.values_list("sha", "parent_shas", "author", "time", "subject", Cast("metrics", TextField()))
    parse = _Parser()
    return {sha: Row(sha, tuple(parents.split()), author, time, subject, parse(metrics)) for sha, parents, author, time, subject, metrics in rows}


class _Parser:
    """JSON of texts; equal ones, which neighbouring commits have, become one value."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def __call__(self, text: str) -> Any:
        found = self._known.get(text, self)
        if found is self:
            found = self._known[text] = json.loads(text)
        return found


def workspace_row(repo: Repo) -> Row:
    """The workspace as it is now, read from its files."""
    facts = FactsReader(repo).read(WorkspaceFiles(repo.root_dir))
    return Row(WORKSPACE, (), "", 0, "", facts.metrics, facts.params, facts.outs, facts.errors, facts.models)


def _complete(repository: Repository, repo: Repo, reader: FactsReader, missing: dict[str, list[str]]) -> int:
    """Read commits again whose metrics were in no cache and have arrived since; how many they were."""
    found = arrived(repo, {oid for oids in missing.values() for oid in oids})
    assert repo.scm is not None
    commits = [read_commit(repo.scm, sha) for sha, oids in missing.items() if not found.isdisjoint(oids)]
    rows = list(_rows(repository, repo, reader, shallow_commits(repo.scm), [commit for commit in commits if commit]))
    if rows:
        with transaction.atomic():
            repository.revisions.filter(sha__in=[row.sha for row in rows]).delete()
            Revision.objects.bulk_create(rows, batch_size=BATCH)
    return len(rows)


def _rows(repository: Repository, repo: Repo, reader: FactsReader, shallow: frozenset[str], commits: Iterable[Commit]) -> Iterator[Revision]:
    for commit, files, facts in reader.read_all((commit, files_of(repo, commit)) for commit in commits):
        yield Revision(
            repository=repository,
            sha=commit.sha,
            parent_shas=" ".join(commit.parents),
            author=commit.author,
            time=commit.time,
            subject=commit.subject,
            has_project=bool(files.root),
            is_boundary=commit.sha in shallow,
            metrics=facts.metrics,
            params=facts.params,
            outs=facts.outs,
            deps=facts.deps,
            errors=facts.errors,
            missing=" ".join(facts.missing),
        )


def _parts(rows: Iterator[Revision]) -> Iterator[list[Revision]]:
    while part := list(islice(rows, BATCH)):
        yield part
