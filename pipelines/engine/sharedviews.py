"""Views of the experiments table that a project shares: `views` of `.dvc/dataver.yaml`, which is committed.

A view is the query string of the page's address, without what is selected.
"""
from __future__ import annotations

import os

from tracking.engine import atomic
from tracking.engine.errors import DataverError
from tracking.engine.hints import Any
from tracking.engine.repo import DVC_DIR, Repo
from tracking.engine.yamlfile import edit, load

FILE = "dataver.yaml"
KEY = "views"
MAX_QUERY = 20_000
MAX_NAME = 80


class BadView(DataverError):
    """A view that cannot be shared, or is not there."""


def path_of(repo: Repo) -> str:
    return os.path.join(repo.root_dir, DVC_DIR, FILE)


def _text(repo: Repo) -> str:
    try:
        with open(path_of(repo), encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def read_views(repo: Repo) -> dict[str, str]:
    """Name -> query string. Raises DataverError for a file that cannot be read."""
    found = load(_text(repo), f"{DVC_DIR}/{FILE}")
    views = found.get(KEY) if isinstance(found, dict) else None
    return {str(name): query for name, query in views.items() if isinstance(query, str)} if isinstance(views, dict) else {}


def write_view(repo: Repo, name: str, query: str | None) -> None:
    """None takes the view away. Comments and other keys of the file stay. Raises BadView."""
    if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
        raise BadView(f"a view's name has 1 to {MAX_NAME} printable characters")
    if query is not None and (len(query) > MAX_QUERY or not query.isprintable()):
        raise BadView("this is no view: one line, as in the address of the page behind `?`")
    if query is None and name not in read_views(repo):
        raise BadView(f"there is no shared view '{name}'", hint="`dataver exp view` lists them.")

    def change(values: Any) -> None:
        views = values.get(KEY)
        if not isinstance(views, dict):
            views = values[KEY] = {}
        if query is None:
            del views[name]
        else:
            views[name] = query

    atomic.write_text(path_of(repo), edit(_text(repo), change, f"{DVC_DIR}/{FILE}"))
