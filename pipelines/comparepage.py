"""Revisions side by side, and the lines of code between two of them."""
from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from pipelines.engine.codediff import MAX_FILES, FileChange, changed_files, file_diff
from pipelines.engine.comparison import MAX_REVISIONS, Section, as_markdown, compare
from pipelines.engine.charttheme import SERIES
from pipelines.engine.experiments.refs import list_refs
from pipelines.engine.facts import FactsReader, files_of
from pipelines.engine.historytable import WORKSPACE, Row
from pipelines.engine.seriesbook import series_of_revisions
from pipelines.historyindex import load_rows, workspace_row
from pipelines.indexing import refresh_runs
from pipelines.runenvironment import environment_section
from pipelines.withoutresult import experiments_without_result, run_problem, without_result
from tracking import pages
from tracking.engine.commits import read_commit, read_refs
from tracking.engine.errors import DataverError, GitError, RevisionNotFound, UsageError
from tracking.engine.repo import Repo
from tracking.models import Repository

SELECTED = 12  # characters of an id in an address


@dataclass(frozen=True)
class RevisionHead:
    """Top of one column. label: how the address names it. names: branches and tags that point at it. experiment: its name, where it is one.

    series: number of its colour. without, as_baseline, to_left, to_right: queries of the page with this revision taken out, first, or moved.
    """

    label: str
    sha: str
    subject: str
    author: str
    time: int | None
    names: list[tuple[str, str]]
    problems: list[pages.Problem]
    without: str = ""
    as_baseline: str = ""
    to_left: str = ""
    to_right: str = ""
    experiment: str = ""
    series: int = 1


@dataclass(frozen=True)
class CodeFile:
    """One file that differs from the baseline in some revision; changes: one per revision, None where it does not."""

    path: str
    changes: list[FileChange | None]


@dataclass(frozen=True)
class ComparePage:
    key: str
    revisions: list[RevisionHead]
    sections: list[Section]
    code: list[CodeFile]
    code_is_cut: bool
    markdown: str
    selection: str
    problems: list[pages.Problem] = field(default_factory=list)


def show(request: HttpRequest, key: str) -> HttpResponse:
    """`?revs=a,b,...`: names of revisions, `workspace` among them; the first is the baseline."""
    repository, repo = pages.open_repository(request, key)
    labels = wanted(request.GET.get("revs", ""))
    try:
        context = comparison(key, repository, repo, labels)
    finally:
        if repo.scm is not None:
            repo.scm.close()
    names = [revision.label for revision in context.revisions]
    pairs = [[names[0], other] for other in names[1:]] or [names]  # a command line compares two
    command = " && ".join(shlex.join(["dataver", "metrics", "diff", *([] if pair == ["HEAD", WORKSPACE] else pair)]) for pair in pairs)
    if pages.wants_json(request):
        return pages.json_answer(as_json(context))
    return pages.page(request, "pipelines/compare.html", context, title="Compare", active="experiments", command=command, repository=repository)


def wanted(text: str) -> list[str]:
    """Names in an address, each once. Without any: HEAD and the workspace."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    return list(dict.fromkeys(found)) or ["HEAD", WORKSPACE]


def comparison(key: str, repository: Repository, repo: Repo, labels: list[str]) -> ComparePage:
    problems = []
    if len(labels) > MAX_REVISIONS:
        problems.append(pages.Problem("", f"{len(labels)} revisions were asked for; the first {MAX_REVISIONS} are shown", "Select fewer rows.", "UsageError"))
        labels = labels[:MAX_REVISIONS]
    resolved: dict[str, str] = {}
    known = list_refs(repo.scm) if repo.scm is not None else []
    by_name: dict[str, list[str]] = {}
    for ref, commit in known:
        by_name.setdefault(ref.name, []).append(commit)
    for label in labels:
        try:
            resolved[label] = resolve(repo, label, by_name)
        except (RevisionNotFound, GitError) as exc:
            word, reason = without_result(repo, label)
            problems.append(run_problem(key, label, reason) if word else pages.Problem.of(exc, label))
    experiments = {commit: ref.name for ref, commit in known}
    found_rows = {label: row for label, row in read_rows(repository, repo, resolved).items() if row is not None}
    others = {row.sha for row in found_rows.values()} - {WORKSPACE, *experiments}
    unfinished = experiments_without_result(repo, others, lambda shas: rows_of(repository, repo, shas))
    experiments.update((sha, made.name) for sha, made in unfinished.items())
    rows = {label: unfinished[row.sha].row if row.sha in unfinished else row for label, row in found_rows.items()}
    problems += [pages.Problem(label, "this commit does not hold the project", "", "NotFound") for label in resolved if label not in rows]
    shown = list(rows)
    names = read_refs(repo.scm).names() if repo.scm is not None else {}
    series = series_of_revisions(repo, {row.sha: experiments.get(row.sha, "") for row in rows.values()})
    heads = [_head(label, row, names, shown, experiments.get(row.sha, ""), series[row.sha]) for label, row in rows.items()]
    found = list(rows.values())
    sections = compare(found) if found else []
    files, is_cut = code_files(repo, [row.sha for row in found], sections) if len(found) > 1 else ([], False)
    if found:
        refresh_runs(repository, repo)
        sections.append(environment_section(repository, found))
    return ComparePage(key, heads, sections, files, is_cut, as_markdown(found, shown) if len(found) > 1 else "", selection_of(found), problems)


def selection_of(rows: list[Row]) -> str:
    """Query of the commits table in which these rows are selected."""
    return urlencode({"rows": ",".join(row.sha[:SELECTED] for row in rows)})


def resolve(repo: Repo, label: str, experiments: Mapping[str, list[str]] | None = None) -> str:
    """Id of the commit that a name means, or "workspace". experiments: their commits by name, where they are known. Raises RevisionNotFound."""
    if label == WORKSPACE:
        return WORKSPACE
    if repo.scm is None:
        raise RevisionNotFound(f"'{label}' is no revision: the project is not in Git")
    named = (experiments or {}).get(label, [])
    if len(named) == 1 and repo.scm.objects.ask(f"{label}^{{commit}}") is None:  # without a child process; a branch of that name goes first
        return named[0]
    return repo.scm.resolve(label)


def read_rows(repository: Repository, repo: Repo, resolved: dict[str, str]) -> dict[str, Row | None]:
    """Rows by label; of commits that are not in the index (no branch reaches them), read now."""
    known = load_rows(repository, set(resolved.values()) - {WORKSPACE})
    found: dict[str, Row | None] = {}
    for label, sha in resolved.items():
        found[label] = workspace_row(repo) if sha == WORKSPACE else known.get(sha) or _read_row(repo, sha)
    return found


def rows_of(repository: Repository, repo: Repo, shas: Iterable[str]) -> dict[str, Row]:
    return {sha: row for sha, row in read_rows(repository, repo, {sha: sha for sha in shas}).items() if row is not None}


def _read_row(repo: Repo, sha: str) -> Row | None:
    commit = read_commit(repo.scm, sha) if repo.scm is not None else None
    files = files_of(repo, commit) if commit is not None else None
    if commit is None or files is None or not files.root:
        return None
    facts = FactsReader(repo).read(files)
    return Row(sha, commit.parents, commit.author, commit.time, commit.subject, facts.metrics, facts.params, facts.outs, facts.errors)


def _head(label: str, row: Row, names: dict[str, list[tuple[str, str]]], labels: list[str], experiment: str, series: int) -> RevisionHead:
    others = [other for other in labels if other != label]
    return RevisionHead(
        label,
        row.sha,
        row.subject,
        row.author,
        row.time or None,
        names.get(row.sha, []),
        [pages.Problem(error["file"], error["msg"], "", error["type"]) for error in row.errors],
        without=urlencode({"revs": ",".join(others)}),
        as_baseline=urlencode({"revs": ",".join([label, *others])}),
        to_left=_moved(labels, label, -1),
        to_right=_moved(labels, label, 1),
        experiment=experiment,
        series=(series - 1) % SERIES + 1,
    )


def _moved(labels: list[str], label: str, step: int) -> str:
    """Query with a revision one place on; "" where there is none."""
    at = labels.index(label)
    if not 0 <= at + step < len(labels):
        return ""
    order = list(labels)
    order[at], order[at + step] = order[at + step], order[at]
    return urlencode({"revs": ",".join(order)})


# --- code
def code_files(repo: Repo, shas: list[str], sections: list[Section]) -> tuple[list[CodeFile], bool]:
    """Files that differ from the first revision, without those that the other sections are made of."""
    scm = repo.scm
    if scm is None or (shas[0] == WORKSPACE and len(shas) < 2):
        return [], False
    if shas[0] == WORKSPACE:  # git compares from a commit: the same files, lines the other way round
        found = [{} if sha == WORKSPACE else {path: FileChange(c.deleted, c.added) for path, c in changed_files(scm, sha, None).items()} for sha in shas]
    else:
        found = [{} if sha == shas[0] else changed_files(scm, shas[0], None if sha == WORKSPACE else sha) for sha in shas]
    told = {scm.rel(repo.abs(path)) for section in sections for path in section.files}
    paths = sorted({path for changes in found for path in changes if path not in told and not path.endswith(("dvc.lock", ".dvc"))})
    is_cut = len(paths) > MAX_FILES or any(len(changes) == MAX_FILES for changes in found)
    return [CodeFile(path, [changes.get(path) for changes in found]) for path in paths[:MAX_FILES]], is_cut


def code(request: HttpRequest, key: str) -> HttpResponse:
    """`?a=&b=&path=`: lines of one file between two revisions."""
    _, repo = pages.open_repository(request, key)
    scm = repo.scm
    try:
        if scm is None:
            raise GitError("the project is not in Git")
        old, new = (resolve(repo, request.GET.get(name, "")) for name in ("a", "b"))
        path = request.GET.get("path", "")
        if not path or (old == WORKSPACE and new == WORKSPACE):
            raise UsageError("two revisions and a file are needed")
        is_turned = old == WORKSPACE
        lines, is_cut = file_diff(scm, new if is_turned else old, None if WORKSPACE in (old, new) else new, path)
    except DataverError as exc:
        return pages.error_json(404 if isinstance(exc, RevisionNotFound) else 422, type(exc).__name__, exc.message)
    finally:
        if scm is not None:
            scm.close()
    turned = {"+": "-", "-": "+"} if is_turned else {}
    return pages.json_answer({"path": path, "lines": [[turned.get(line.kind, line.kind), line.text] for line in lines], "is_cut": is_cut})


def as_json(context: ComparePage) -> dict[str, Any]:
    return {
        "revisions": [
            {"label": head.label, "sha": head.sha, "subject": head.subject, "author": head.author, "time": head.time, "names": head.names, "experiment": head.experiment, "series": head.series, "problems": head.problems}
            for head in context.revisions
        ],
        "sections": [
            {"kind": section.kind, "entries": [{"file": e.file, "name": e.name, "better": e.better, "differs": e.differs, "cells": [dict(vars(c)) for c in e.cells]} for e in section.entries]}
            for section in context.sections
        ],
        "code": [{"path": file.path, "changes": [dict(vars(change)) if change else None for change in file.changes]} for file in context.code],
        "code_is_cut": context.code_is_cut,
        "markdown": context.markdown,
        "problems": context.problems,
    }
