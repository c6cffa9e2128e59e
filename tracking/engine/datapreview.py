"""The beginning of a tracked file, in a form that can be looked at: a table, a text, an image, or facts only."""
from __future__ import annotations

import csv
import io
import json
import os
import stat as stat_module

from tracking.engine.errors import DataverError, OutputNotFound
from tracking.engine.hints import TYPE_CHECKING, Any
from tracking.engine.index import load_index
from tracking.engine.record import field, record

if TYPE_CHECKING:
    from tracking.engine.repo import Repo
    from tracking.engine.stage import Out

READ_BYTES = 1 << 18
IMAGE_BYTES = 1 << 25
TEXT_BYTES = 1 << 16
ROWS, COLUMNS, CELL = 200, 60, 200
SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")


class NothingToShow(DataverError):
    """A path that cannot be looked into; the message says why."""


@record
class Preview:
    """kind: table, text or binary. size: of the whole file in bytes. is_cut: there is more than is shown."""

    kind: str
    size: int
    is_cut: bool = False
    text: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def read_beginning(repo: Repo, path: str, rev: str, limit_bytes: int) -> tuple[bytes, int]:
    """At most `limit_bytes` of a tracked file in the workspace (rev "") or at a revision, and its size.

    Raises NothingToShow, GitError, RevisionNotFound.
    """
    place = _object_at(repo, path, rev) if rev else _in_workspace(repo, path)
    try:
        with open(place, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat_module.S_ISREG(status.st_mode):
                raise NothingToShow(f"'{path}' is no file")
            return stream.read(limit_bytes), status.st_size
    except IsADirectoryError as exc:
        raise NothingToShow(f"'{path}' is a folder") from exc
    except FileNotFoundError as exc:
        where = f"The cache does not hold it; `dataver fetch {path}` asks the remote." if rev else f"`dataver checkout {path}` brings it back."
        raise NothingToShow(f"'{path}' is not there", hint=where) from exc
    except OSError as exc:
        raise NothingToShow(f"'{path}' cannot be read: {exc.strerror or exc}") from exc


def _in_workspace(repo: Repo, path: str) -> str:
    """The file's place; only what is tracked and lies in the project or its cache, whatever symlinks say."""
    abspath = os.path.normpath(repo.abs(path))
    if not repo.contains(abspath):
        raise NothingToShow(f"'{path}' is outside of the project")
    try:
        load_index(repo, onerror=lambda rel, error: None).find_out(abspath)
    except OutputNotFound as exc:
        raise NothingToShow(f"'{path}' is not tracked") from exc
    real = os.path.realpath(abspath)
    inside = any(real.startswith(os.path.realpath(top) + os.sep) for top in (repo.root_dir, repo.cache_dir))
    if not inside:
        raise NothingToShow(f"'{path}' is a link that leads out of the project")
    return real


def _object_at(repo: Repo, path: str, rev: str) -> str:
    if repo.scm is None:
        raise NothingToShow("without Git there are no revisions")
    index = load_index(repo, repo.scm.files_at(repo.scm.resolve(rev), repo.root_dir), onerror=lambda rel, error: None)
    abspath = os.path.normpath(repo.abs(path))
    try:
        out: Out = index.find_out(abspath)[1]
    except OutputNotFound as exc:
        raise NothingToShow(f"'{path}' is not tracked at {rev[:7]}") from exc
    if out.digest is None or not out.cache:
        raise NothingToShow(f"'{path}' has no version in the cache at {rev[:7]}")
    store = repo.store_for(out.digest)
    if not out.digest.isdir:
        return store.path_of(out.digest.value)
    inside = os.path.relpath(abspath, out.abspath).replace(os.sep, "/")
    try:
        oid = next((md5 for name, md5 in store.read_tree(out.digest.value) if name == inside), None)
    except FileNotFoundError as exc:
        raise NothingToShow(f"the list of files of '{repo.rel(out.abspath)}' is not in the cache", hint=f"`dataver fetch {repo.rel(out.abspath)}` brings it.") from exc
    if oid is None:
        raise NothingToShow(f"'{path}' is a folder or was not there at {rev[:7]}")
    return store.path_of(oid)


def preview(data: bytes, size: int, path: str) -> Preview:
    """What the beginning of a file looks like; `data` may be cut anywhere."""
    is_cut = len(data) < size
    if b"\0" in data:
        return Preview("binary", size, is_cut)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        if not is_cut or exc.start < len(data) - 4:
            return Preview("binary", size, is_cut)
        text = data[: exc.start].decode("utf-8-sig")
    ending = os.path.splitext(path)[1].lower()
    if ending in SEPARATORS:
        return _table_of(_rows_of_csv(_whole_lines(text, is_cut), SEPARATORS[ending]), size, is_cut)
    if ending in JSON_LINES:
        rows = _rows_of_json(_whole_lines(text, is_cut))
        if rows:
            return _table_of(rows, size, is_cut)
    return Preview("text", size, is_cut or len(text) > TEXT_BYTES, text=text[:TEXT_BYTES])


def _whole_lines(text: str, is_cut: bool) -> str:
    return text[: text.rfind("\n") + 1] if is_cut and "\n" in text else text


def _rows_of_csv(text: str, separator: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            rows.append(row)
            if len(rows) > ROWS + 1:
                break
    except csv.Error:
        pass  # what was read until there is shown
    return rows


def _rows_of_json(text: str) -> list[list[str]]:
    """Objects, one a line, with a head of all their keys."""
    items: list[dict[str, Any]] = []
    for line in text.splitlines()[: ROWS + 2]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            items.append(value)
    names = list(dict.fromkeys(str(name) for item in items for name in item))
    return [names, *([value if isinstance(value, str) else json.dumps(value) if name in item else "" for name in names for value in (item.get(name),)] for item in items)] if items else []


def _table_of(rows: list[list[str]], size: int, is_cut: bool) -> Preview:
    head, *rest = rows or [[]]
    is_cut = is_cut or len(rest) > ROWS or len(head) > COLUMNS
    return Preview("table", size, is_cut, columns=_short(head), rows=[_short(row) for row in rest[:ROWS]])


def _short(row: list[str]) -> list[str]:
    return [cell if len(cell) <= CELL else f"{cell[:CELL]}…" for cell in row[:COLUMNS]]
