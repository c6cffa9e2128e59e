"""Fills Revision rows from Git: one row per commit that a branch, a tag or HEAD reaches.

Commits never change, so a row is written once. A refresh that finds nothing new costs one
child process (`git for-each-ref`) and two queries.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from pipelines.engine.facts import FactsReader, arrived, files_of
from pipelines.engine.historytable import WORKSPACE, Row
from pipelines.readingturn import turn_of
from tracking.engine.commits import Commit, Refs, grouped, read_commit, read_refs, shallow_commits, unknown_commits
from tracking.engine.files import WorkspaceFiles
from tracking.engine.record import record
from tracking.engine.repo import Repo
from tracking.models import Repository, Revision

MANY = 500  # names; beyond, all rows are asked for
BATCH = 200  # rows; a write transaction stays under 50 ms
AT_LEAST = 50  # rows of one call, however short its time: who asks again and again gets on
STARTS = 100  # names whose commits are looked for at once


@record(frozen=True)
class Progress:
    """Names of commits as of now; none without Git. waiting: commits that are still to be read. incomplete: rows
    whose objects are in no cache yet."""

    refs: Refs
    waiting: int = 0
    incomplete: int = 0


def refresh_revisions(repository: Repository, repo: Repo, limit_s: float | None = None, others: Mapping[str, str] | None = None, refs: Refs | None = None) -> Progress:
    """Add the rows of commits that are new. limit_s: stop after so long; the next call goes on.

    others: commits that no branch reaches, of experiments, with the commits they started from. refs: names of commits, where they are known.

    Raises GitError when Git cannot be asked.
    """
    scm = repo.scm
    if scm is None:
        return Progress(Refs())
    waiting = 0
    refs = refs or read_refs(scm)
    others = others or {}
    tips = list(dict.fromkeys([*refs.tips, *others]))
    known_tips = set(repository.revisions.filter(sha__in=tips).values_list("sha", flat=True)) if len(tips) < MANY else set(repository.revisions.values_list("sha", flat=True))
    starts = [tip for tip in tips if tip not in known_tips]
    incomplete = list(repository.revisions.filter(Q(is_boundary=True) | ~Q(missing="")).values_list("sha", "parent_shas", "is_boundary", "missing"))
    shallow = shallow_commits(scm)
    starts += [parent for sha, parents, is_boundary, _ in incomplete if is_boundary and sha not in shallow for parent in parents.split()]
    reader = FactsReader(repo)
    if starts:
        with turn_of(repo.root_dir).taken(limit_s) as is_over:
            if is_over is not None:
                waiting = _read_new(repository, repo, reader, Wanted(refs, starts, others), shallow, is_over)
            else:
                waiting = len(set(starts).difference(repository.revisions.values_list("sha", flat=True)))
    missing = {sha: oids.split() for sha, _, _, oids in incomplete if oids}
    completed = _complete(repository, repo, reader, missing)
    return Progress(refs, waiting, len(missing) - completed)


@record(frozen=True)
class Wanted:
    """starts: commits to begin at. others: see refresh_revisions."""

    refs: Refs
    starts: list[str]
    others: Mapping[str, str]


def _read_new(repository: Repository, repo: Repo, reader: FactsReader, wanted: Wanted, shallow: frozenset[str], is_over: Callable[[], bool]) -> int:
    """Add rows until all are there or the time is over; how many commits are left: at least so many, as their parents were not looked for."""
    scm = repo.scm
    assert scm is not None
    nodes = {sha: Node(tuple(parents.split()), time) for sha, parents, time in repository.revisions.values_list("sha", "parent_shas", "time")}
    starts = [start for start in in_sight_first(wanted, nodes) if start not in nodes]
    known = set(nodes)
    for at in range(0, len(starts), STARTS):
        new = unknown_commits(scm, starts[at : at + STARTS], known)
        known.update(commit.sha for commit in new)
        left = len(new)
        for part in _parts(_rows(repository, repo, reader, shallow, new), is_over):
            Revision.objects.bulk_create(part, ignore_conflicts=True)  # another process may be at the same work
            left -= len(part)
            if is_over():
                return left + len(starts[at + STARTS :])
    return 0


@record(frozen=True)
class Node:
    parents: tuple[str, ...]
    time: int


def in_sight_first(wanted: Wanted, nodes: Mapping[str, Node]) -> list[str]:
    """Branches, then experiments in the order in which a table shows them, so that what it shows first stays in place while others arrive."""
    if len(wanted.starts) <= AT_LEAST:
        return wanted.starts
    places: dict[str, int] = {}
    for group in grouped(wanted.refs, nodes):
        for sha in group.shas:
            places.setdefault(sha, len(places))
    return sorted(wanted.starts, key=lambda sha: places.get(wanted.others[sha], len(places)) if sha in wanted.others else -1)


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


def load_metrics(repository: Repository, tips: Iterable[str]) -> dict[str, Row]:
    """Rows of the commits that `tips` reach with nothing but their metrics, by id. One query."""
    rows = list(repository.revisions.values_list("sha", "parent_shas", "author", "time", "subject", Cast("metrics", TextField())))
    inside = reached(tips, {sha: parents.split() for sha, parents, *_ in rows})
    parse = _Parser()
    return {sha: Row(sha, tuple(parents.split()), author, time, subject, parse(metrics)) for sha, parents, author, time, subject, metrics in rows if sha in inside}


def reached(tips: Iterable[str], parents: Mapping[str, Sequence[str]]) -> set[str]:
    """Ids that `tips` reach, these included, by the parents of those that are known."""
    found: set[str] = set()
    waiting = list(tips)
    while waiting:
        sha = waiting.pop()
        if sha not in found:
            found.add(sha)
            waiting += parents.get(sha, ())
    return found


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


def _parts(rows: Iterator[Revision], is_over: Callable[[], bool]) -> Iterator[list[Revision]]:
    part: list[Revision] = []
    for row in rows:
        part.append(row)
        if len(part) == BATCH or (len(part) >= AT_LEAST and is_over()):
            yield part
            part = []
    if part:
        yield part
