"""Fills Revision rows from Git: one row per commit that a branch, a tag or HEAD reaches.

Commits never change, so a row is written once. A refresh that finds nothing new costs one
child process (`git for-each-ref`) and two queries.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from django.db import transaction
from django.db.models import Q

from pipelines.engine.facts import FactsReader, arrived, files_of
from tracking.engine.commits import Commit, Refs, read_commit, read_refs, shallow_commits, unknown_commits
from tracking.engine.repo import Repo
from tracking.models import Repository, Revision

BATCH = 200  # rows; a write transaction stays under 50 ms


def refresh_revisions(repository: Repository, repo: Repo) -> Refs:
    """Add the rows of commits that are new. Returns the names of commits as of now; none without Git.

    Raises GitError when Git cannot be asked.
    """
    scm = repo.scm
    if scm is None:
        return Refs()
    refs = read_refs(scm)
    known_tips = set(repository.revisions.filter(sha__in=refs.tips).values_list("sha", flat=True))
    starts = [tip for tip in refs.tips if tip not in known_tips]
    incomplete = list(repository.revisions.filter(Q(is_boundary=True) | ~Q(missing="")).values_list("sha", "parent_shas", "is_boundary", "missing"))
    shallow = shallow_commits(scm)
    starts += [parent for sha, parents, is_boundary, _ in incomplete if is_boundary and sha not in shallow for parent in parents.split()]
    reader = FactsReader(repo)
    if starts:
        known = set(repository.revisions.values_list("sha", flat=True))
        new = unknown_commits(scm, starts, known)
        for part in _parts(_rows(repository, repo, reader, shallow, new)):
            Revision.objects.bulk_create(part, ignore_conflicts=True)  # another process may be at the same work
    _complete(repository, repo, reader, {sha: missing.split() for sha, _, _, missing in incomplete if missing})
    return refs


def _complete(repository: Repository, repo: Repo, reader: FactsReader, missing: dict[str, list[str]]) -> None:
    """Read commits again whose metrics were in no cache and have arrived since."""
    found = arrived(repo, {oid for oids in missing.values() for oid in oids})
    assert repo.scm is not None
    commits = [read_commit(repo.scm, sha) for sha, oids in missing.items() if not found.isdisjoint(oids)]
    rows = list(_rows(repository, repo, reader, shallow_commits(repo.scm), [commit for commit in commits if commit]))
    if rows:
        with transaction.atomic():
            repository.revisions.filter(sha__in=[row.sha for row in rows]).delete()
            Revision.objects.bulk_create(rows, batch_size=BATCH)


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
