"""The page of settings: what is set where, and what can be tried. Reads only; changes are command lines, but for secrets."""
from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from launcher import indexing
from launcher.engine.projectsummary import cache_size
from pipelines.engine.experiments import supervision
from pipelines.engine.paramsform import ParamsContent
from pipelines.pages import params_views
from remotes.engine.kinds import Kind, kinds
from tracking.engine import configview, hookstates, opened
from tracking.engine.config import Config
from tracking.engine.config_schema import url_scheme
from tracking.engine.configview import Entry, Level
from tracking.engine.credentials import has_login, is_secret, masked
from tracking.engine.errors import ConfigError, DataverError
from tracking.engine.links import probe
from tracking.engine.protocols import Settings
from tracking.engine.repo import DVC_DIR, Repo
from tracking.models import Repository
from tracking.pages import Problem, RepositoryGone


@dataclass(frozen=True)
class Secret:
    """An option whose value is never shown. levels: files that set it, strongest first."""

    option: str
    levels: list[str]


@dataclass(frozen=True)
class RemoteView:
    """One remote. url: without secrets. typed_url: as one would type it in the root; empty when it holds a password.

    level: of its url. options: option -> {level, text} of those set, secrets left out. known: what this kind may have.
    """

    name: str
    scheme: str
    url: str
    typed_url: str
    is_default: bool
    level: str
    options: list[Entry]
    secrets: list[Secret]
    known: list[Entry]
    has_login: bool = False


@dataclass(frozen=True)
class CacheView:
    """types: in the order they are tried. dir: absolute."""

    dir: str
    types: list[str]
    is_shared: bool


@dataclass(frozen=True)
class WorkersView:
    """jobs: what was asked for last. running: workers now. gpus: devices of the named queues."""

    jobs: int
    is_on: bool
    running: int
    gpus: list[str]


@dataclass(frozen=True)
class SettingsPage:
    """problem: why the configuration is not valid; then parts that need it are empty. trusted_at: empty without trust."""

    levels: list[Level]
    entries: list[Entry]
    known: list[Entry]
    kinds: list[Kind] = field(default_factory=list)
    remotes: list[RemoteView] = field(default_factory=list)
    params: list[ParamsContent] = field(default_factory=list)
    cache: CacheView | None = None
    workers: WorkersView | None = None
    hooks: hookstates.HookStates | None = None
    branch: str = ""
    trusted_at: str = ""
    problem: Problem | None = None


def settings_page(row: Repository, settings: Settings) -> SettingsPage:
    """Raises RepositoryGone. A configuration that is not valid is shown, so that it can be mended here."""
    dvc_dir = os.path.join(row.root, DVC_DIR)
    if not os.path.isdir(dvc_dir):
        raise RepositoryGone(row.root, "the folder is gone")
    problem: Problem | None = None
    config = Config.load(dvc_dir, settings, validate=False)
    entries = configview.entries_of(config, row.root)
    facts: dict[str, Any] = {}
    try:
        repo = Repo(row.root, settings)
    except ConfigError as exc:
        problem = Problem.of(exc, "configuration")
    else:
        try:
            facts = _of_repo(row, repo)
        finally:
            repo.close()
    trusted = opened.trusted_since(indexing.data_folder(), row.root)
    return SettingsPage(configview.levels_of(config), entries, configview.known_settings(), kinds(), remote_views(config, entries), trusted_at=trusted, problem=problem, **facts)


def _of_repo(row: Repository, repo: Repo) -> dict[str, Any]:
    hooks, branch = None, ""
    try:
        git = repo.scm
        hooks = hookstates.hook_states(git, repo.root_dir) if git else None
        branch = "HEAD" if git and git.head_commit() else ""
    except DataverError as exc:
        hooks = hookstates.HookStates(problem=exc.message)
    wanted, running = supervision.read_wanted(repo.tmp_dir), supervision.find(repo.tmp_dir)
    cache = CacheView(repo.cache_dir, list(repo.link_types), repo.config.get("cache", "shared") == "group")
    return {
        "params": params_views(row, repo),
        "cache": cache,
        "workers": WorkersView(wanted.jobs, wanted.is_on and running is not None and not running.is_draining, len(running.workers) if running else 0, wanted.gpus),
        "hooks": hooks,
        "branch": branch,
    }


def remote_views(config: Config, entries: list[Entry]) -> list[RemoteView]:
    """Remotes in the order of the configuration. One of which a file holds only options counts, too: it is to be mended."""
    by_remote: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.name.startswith("remote."):
            by_remote.setdefault(entry.name.split(".", 1)[1].rsplit(".", 1)[0], []).append(entry)
    default = config.default_remote()
    views = []
    for name, section in config.remotes().items():
        own = by_remote.get(name, [])
        url = str(section.get("url", "")) if isinstance(section, dict) else ""
        scheme = url_scheme(url)
        known = configview.options_of_scheme(scheme)
        entry = next((item for item in own if item.name.endswith(".url")), None)
        first = entry.values[0] if entry else None
        set_now = {item.name.rsplit(".", 1)[1]: [value.level for value in item.values] for item in own}
        secrets = [Secret(item.name, set_now.get(item.name, [])) for item in known if item.is_secret]
        secrets += [Secret(option, levels) for option, levels in set_now.items() if is_secret(("remote", name, option)) and option not in {item.name for item in known}]
        options = [item for item in own if not item.is_secret and not item.name.endswith(".url")]
        login = has_login(url)
        views.append(RemoteView(name, scheme, masked(url), "" if login or not first else first.text, name == default, first.level if first else "repo", options, secrets, [item for item in known if not item.is_secret], login))
    return views


@dataclass(frozen=True)
class CacheFacts:
    """works: link types that can be made from the cache to the project. bytes: None without a cache; counted: all of it was looked at."""

    works: list[str] | None
    bytes: int | None
    counted: bool
    problem: str = ""


def cache_facts(repo: Repo) -> CacheFacts:
    """Tries link types with a file of one byte in the cache and the project's folder for temporary files, and counts the cache for a moment."""
    size, counted = cache_size(repo.cache_dir)
    if size is None:
        return CacheFacts(None, None, True, "there is no cache yet: it is made by the first `dataver add`")
    try:
        os.makedirs(repo.tmp_dir, exist_ok=True)
        works = probe(repo.cache_dir, repo.tmp_dir)
    except OSError as exc:
        return CacheFacts(None, size, counted, f"the cache cannot be written: {exc.strerror or exc}")
    return CacheFacts(works, size, counted)
