"""Opens the storage of a remote by its name: which class serves which kind of URL is decided here alone."""
from __future__ import annotations

import os

from remotes.engine.retry import RetryingStore
from tracking.engine.config import LEVELS, Config
from tracking.engine.config_schema import REMOTES, url_scheme
from tracking.engine.credentials import without_login
from tracking.engine.errors import ConfigError, RemoteError
from tracking.engine.hints import Any, Callable, Mapping
from tracking.engine.objects import LocalStore, ObjectStore
from tracking.engine.protocols import Settings
from tracking.engine.record import field, record
from tracking.engine.repo import Repo


@record(frozen=True)
class Remote:
    """One storage location. url: a folder is absolute. options: typed, as the config has them. settings: of who opens it."""

    name: str
    url: str
    options: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    settings: Settings | None = field(default=None, compare=False, repr=False)

    @property
    def verify(self) -> bool:
        """Hash what was fetched before it is used."""
        return bool(self.options.get("verify"))

    @property
    def jobs(self) -> int | None:
        """Transfers at once, None: as many as make sense."""
        value = self.options.get("jobs")
        return int(value) if value else None

    @property
    def is_versioned(self) -> bool:
        """Data lies there under its own names, in versions (see `versioned`), and not as objects."""
        return bool(self.options.get("version_aware") or self.options.get("worktree")) and not self.is_folder

    @property
    def is_folder(self) -> bool:
        return url_scheme(self.url) == ""


class Remotes:
    """The remotes of a repository; each store is opened once.

    name: `-r NAME`. tool, command: what the text about a missing default proposes to type.
    is_trusted: use what is remembered of the remotes (presence.py).
    """

    def __init__(self, repo: Repo, name: str | None = None, *, tool: str = "dataver", command: str = "<command>", is_trusted: bool = True) -> None:
        self.repo = repo
        self.name = name.lower() if name else None
        self.tool = tool
        self.command = command
        self.is_trusted = is_trusted
        self._configs: dict[bytes, Config] = {}
        self._stores: dict[tuple[str, bool], ObjectStore] = {}

    def default_name(self) -> str | None:
        return self.name or self.repo.config.default_remote()

    def get(self, name: str | None = None, config_data: bytes | None = None) -> Remote:
        """A remote by name, else `-r`, else the default one.

        config_data: .dvc/config of the commit that is looked at. What it does not define is
        taken from the workspace, so a remote that is not committed yet serves old commits, too.
        Raises ConfigError.
        """
        if config_data is not None:
            found = self._of_commit(name, config_data)
            if found is not None:
                return found
        wanted = name or self.default_name()
        if wanted is None:
            raise ConfigError(self._no_default())
        return self._named(self.repo.config, wanted)

    def _of_commit(self, name: str | None, data: bytes) -> Remote | None:
        if data not in self._configs:
            try:
                self._configs[data] = Config.load(self.repo.dvc_dir, self.repo.settings, repo_data=data)
            except ConfigError:
                self._configs[data] = self.repo.config
        config = self._configs[data]
        wanted = name or self.name or config.default_remote()
        if wanted is None or wanted.lower() not in config.remotes():
            return None
        return self._named(config, wanted)

    def _named(self, config: Config, name: str) -> Remote:
        options = dict(config.remote(name))
        refuse_foreign_command(config, options)
        return Remote(name.lower(), str(options.pop("url")), options, self.repo.settings)

    def _no_default(self) -> str:
        start = f"no remote specified in {self.repo.root_dir}. "
        if self.repo.config.remotes():
            return f"{start}Setup default remote with\n    {self.tool} remote default <remote name>\nor use:\n    {self.tool} {self.command} -r <remote name>"
        return f"{start}Create a default remote with\n    {self.tool} remote add -d <remote name> <remote url>"

    def store(self, remote: Remote, legacy: bool = False) -> ObjectStore:
        """Its objects, in the present layout or that of 2.x. Raises RemoteError, ConfigError for one that keeps versions."""
        if remote.is_versioned:
            raise ConfigError(f"'{self.command}' is unsupported for cloud versioned remotes", hint=f"`dataver remote modify --unset {remote.name} {'worktree' if remote.options.get('worktree') else 'version_aware'}` makes it an ordinary one.")
        key = (remote.url, legacy)
        if key not in self._stores:
            other = self._stores.get((remote.url, not legacy))
            in_layout = getattr(other, "in_layout", None)  # of stores elsewhere: one connection serves both
            store = in_layout(legacy) if in_layout else open_store(remote, legacy, self.repo.tmp_dir)
            self._stores[key] = store if isinstance(store, LocalStore) else RetryingStore(store)
        return self._stores[key]


def is_cache(repo: Repo, store: ObjectStore) -> bool:
    """Whether a remote's folder is the cache itself, under whatever name: then nothing is kept elsewhere."""
    try:
        return isinstance(store, LocalStore) and os.path.samefile(store.path, repo.store.path)
    except OSError:
        return False


def refuse_foreign_command(config: Config, options: Mapping[str, Any]) -> None:
    """A command that a clone brings along would run on every machine that fetches from it. Raises ConfigError."""
    command = options.get("bearer_token_command")
    own = [level for level in LEVELS if level != "repo" and level in config.files] if command else []
    if command and not any(remote.get("bearer_token_command") == command for level in own for remote in config.level(level)["remote"].values()):
        raise ConfigError("`bearer_token_command` of the project is not run, as anybody may have written it", hint="`dataver remote modify --local NAME bearer_token_command COMMAND` allows it on this machine.")


def open_store(remote: Remote, legacy: bool, tmp_dir: str) -> ObjectStore:
    """tmp_dir: where a store may keep its journal. Raises RemoteError for a kind of URL that nobody serves."""
    scheme = url_scheme(remote.url)
    factory = FACTORIES.get(scheme)
    if factory is None:
        raise RemoteError(
            f"remote '{remote.name}' ('{without_login(remote.url)}') is of a kind that nothing serves",
            hint="`dataver remote add --help` lists the kinds of storage.",
        )
    return factory(remote, legacy, tmp_dir)


def _open_folder(remote: Remote, legacy: bool, tmp_dir: str) -> LocalStore:
    path = remote.url.removeprefix("file://")
    if remote.options.get("worktree") or remote.options.get("version_aware"):
        raise RemoteError(f"remote '{remote.name}' is a folder and cannot be version_aware or a worktree", hint=f"`dataver remote modify -u {remote.name} worktree` makes it an ordinary one.")
    if os.path.lexists(path) and not os.path.isdir(path):
        raise RemoteError(f"remote '{remote.name}' is not a folder: '{path}'")
    return LocalStore(path, legacy, shared=remote.options.get("shared") == "group", tmp_dir=tmp_dir)


def _open_elsewhere(remote: Remote, legacy: bool, tmp_dir: str) -> ObjectStore:
    from remotes.engine.cloudstore import open_cloud  # slow import, only for remotes that are not folders

    return open_cloud(remote, legacy)


FACTORIES: dict[str, Callable[[Remote, bool, str], ObjectStore]] = {**dict.fromkeys([*REMOTES, "memory"], _open_elsewhere), "": _open_folder}
