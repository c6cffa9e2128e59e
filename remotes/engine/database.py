"""`import-db`: the rows of a query or table as a file under version control.

A connection is a section `db "NAME"` of the configuration: `url` as SQLAlchemy spells it, `username`
and `password`. SQLite needs no package; every other database SQLAlchemy and the driver it names.
"""
from __future__ import annotations

import base64
import csv
import importlib
import json
import os
from contextlib import contextmanager

from remotes.engine.get import replacing
from remotes.engine.importing import new_stage, output_path, write_import
from tracking.engine.commit import hash_into_cache
from tracking.engine.credentials import without_login
from tracking.engine.errors import ConfigError, DataverError, MissingPackage, RemoteError
from tracking.engine.hints import Any, Iterable, Iterator, Sequence
from tracking.engine.index import Index
from tracking.engine.protocols import Io
from tracking.engine.record import record, replace
from tracking.engine.repo import Repo
from tracking.engine.stage import Dep, Stage
from tracking.engine.workspace import Workspace

FORMATS = ("csv", "json")
ROWS_AT_ONCE = 10_000


@record(frozen=True)
class DbImport:
    """How `import-db` was called: one of sql and table."""

    connection: str
    sql: str | None = None
    table: str | None = None
    output_format: str = "csv"
    out: str | None = None
    force: bool = False

    def spec(self) -> dict[str, str]:
        """`db` of the dependency, as it is written."""
        spec = {"connection": self.connection, "file_format": self.output_format, "query": self.sql, "table": self.table}
        return {key: value for key, value in spec.items() if value}


def import_from_db(repo: Repo, index: Index, wanted: DbImport, io: Io) -> Stage:
    """Track the rows of a query or table. Raises ConfigError, MissingPackage, RemoteError, DataverError."""
    place = output_path("", wanted.out or f"{wanted.table or 'results'}.{wanted.output_format}", io.cwd, wanted.force)
    stage = replace(new_stage(index, place, io.cwd), deps=(Dep("", "", db=wanted.spec()),))
    with repo.paths_lock(io, write=[place]):
        return write_import(repo, bring_rows(Workspace(repo, io.progress), stage, io))


def bring_rows(ws: Workspace, stage: Stage, io: Io) -> Stage:
    """The stage with the rows as they are now, in cache and workspace."""
    dep, out = stage.deps[0], stage.outs[0]
    assert dep.db is not None
    with replacing(out.abspath, ws.repo.store) as target:
        export(ws.repo, dep.db, target, io)
    ws.forget(out.abspath)
    digest, meta = hash_into_cache(ws, out.abspath)
    return replace(stage, outs=(replace(out, digest=digest, meta=meta, files=None, cloud=None),))


def export(repo: Repo, spec: dict[str, Any], target: str, io: Io) -> None:
    """Write the rows to a new file. spec: `db` of a dependency."""
    name = str(spec.get("connection") or "")
    settings = repo.config.merged.get("db", {}).get(name)
    if not isinstance(settings, dict) or not settings.get("url"):
        raise ConfigError(f"connection '{name}' not found in config", hint=f"`dataver config --local db.{name}.url URL` defines it, such as sqlite:///data.db or postgresql://host/name.")
    query = spec.get("query") or (f"SELECT * FROM {_quoted(str(spec['table']))}" if spec.get("table") else "")
    if not query:
        raise DataverError("neither a query nor a table is named")
    io.progress.start("Saving rows", None, "row")
    try:
        with _opened(repo, settings, str(query)) as (names, rows):
            write = _write_json if spec.get("file_format") == "json" else _write_csv
            write(target, names, _counted(rows, io))
    finally:
        io.progress.finish()


def _quoted(table: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))


def _counted(rows: Iterable[Sequence[Any]], io: Io) -> Iterator[Sequence[Any]]:
    for row in rows:
        io.progress.advance(1)
        yield row


@contextmanager
def _opened(repo: Repo, settings: dict[str, Any], query: str) -> Iterator[tuple[list[str], Iterable[Sequence[Any]]]]:
    """Names of columns, and rows as they come."""
    url = str(settings["url"])
    if url.startswith("sqlite://"):
        with _sqlite(repo, url, query) as found:
            yield found
        return
    try:
        sqlalchemy: Any = importlib.import_module("sqlalchemy")  # an extra
    except ImportError as error:
        raise MissingPackage(f"'{without_login(url)}' needs a package that is not installed: {error}", hint="pip install 'dataver[db]', and the driver of the database (psycopg2, pymysql ...)") from error
    given = {key: str(settings[key]) for key in ("username", "password") if settings.get(key)}
    try:
        engine = sqlalchemy.create_engine(sqlalchemy.make_url(url).set(**given))
    except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError, ImportError) as error:
        raise MissingPackage(f"no driver for '{without_login(url)}': {str(error).splitlines()[0]}", hint="Install the driver of the database (psycopg2, pymysql ...), or correct the url.") from error
    try:
        with engine.connect().execution_options(stream_results=True) as connection:
            result = connection.exec_driver_sql(query)
            yield [str(name) for name in result.keys()], (row for part in result.partitions(ROWS_AT_ONCE) for row in part)
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise RemoteError(f"the database answered: {str(getattr(error, 'orig', None) or error).splitlines()[0]}", permanent=True) from error
    finally:
        engine.dispose()


@contextmanager
def _sqlite(repo: Repo, url: str, query: str) -> Iterator[tuple[list[str], Iterable[Sequence[Any]]]]:
    """Read only; a relative path starts at the root of the project."""
    import sqlite3
    from urllib.parse import quote

    path = os.path.join(repo.root_dir, url.removeprefix("sqlite://").removeprefix("/").partition("?")[0])
    if not os.path.isfile(path):
        raise DataverError(f"there is no database '{path}'", hint="sqlite:///data.db is relative to the project, sqlite:////data.db is absolute.")
    try:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
        try:
            cursor = connection.execute(query)
            yield [str(column[0]) for column in cursor.description or ()], cursor
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise RemoteError(f"the database answered: {error}", permanent=True) from error


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


def _write_csv(target: str, names: list[str], rows: Iterable[Sequence[Any]]) -> None:
    with open(target, "x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([_plain(value) for value in row])


def _write_json(target: str, names: list[str], rows: Iterable[Sequence[Any]]) -> None:
    with open(target, "x", encoding="utf-8") as file:
        file.write("[")
        for number, row in enumerate(rows):
            file.write(("," if number else "") + json.dumps(dict(zip(names, map(_plain, row))), separators=(",", ":"), ensure_ascii=False))
        file.write("]")
