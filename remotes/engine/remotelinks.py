"""Links to tracked data in a remote, for a browser or a download without credentials: signed ones where the storage has them."""
from __future__ import annotations

import os
from urllib.parse import quote

from remotes.engine.exchange import read_manifest
from remotes.engine.filesystems import Location, open_location, translated
from remotes.engine.presence import existing
from remotes.engine.storage import Remote, Remotes
from tracking.engine.config import Config
from tracking.engine.config_schema import url_scheme
from tracking.engine.errors import ConfigError, DataverError, MissingObjects, RemoteError
from tracking.engine.hints import Any
from tracking.engine.history import Selection
from tracking.engine.index import Index
from tracking.engine.objects import LocalStore
from tracking.engine.record import record
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.tree import DIR_SUFFIX
from tracking.engine.used import Manifests, Request, collect_used, expand

SHOWN_MISSING = 10
LINKED = ("", "http", "https", "s3", "gs", "azure", "oss")  # schemes; "" is a folder, whose links are paths
DEFAULT_S = 3600
LONGEST_S = 7 * 86400  # what S3 and Google allow


@record(frozen=True)
class Link:
    """path: of the file as typed in the cwd. url: for folders a path. expires_s: seconds it works for, None for ever."""

    path: str
    oid: str
    url: str
    expires_s: int | None = None


def has_links(config: Config, name: str | None) -> bool:
    """Whether a remote, None: the default one, is of a kind that can have links. Asks nobody."""
    try:
        options = config.remote(name or config.default_remote() or "")
    except ConfigError:
        return False
    return url_scheme(str(options.get("url", ""))) in LINKED and not options.get("version_aware") and not options.get("worktree")


def links(repo: Repo, target: str, remotes: Remotes, *, rev: str | None, expires_s: int) -> list[Link]:
    """One link for a file, one per file for a folder, sorted by path. Raises MissingObjects, RemoteError, DataverError."""
    selection = Selection(revs=(rev,), workspace=False) if rev is not None else Selection()
    used = collect_used(repo, Request(targets=(target,), selection=selection), _everything)
    found: list[Link] = []
    missing: list[tuple[str, str]] = []
    for (config_data, name, legacy), group in used.groups.items():
        remote = remotes.get(name, config_data)
        store = remotes.store(remote, legacy)
        manifests = Manifests(repo, lambda oid, legacy, store=store: read_manifest(store, oid))  # type: ignore[misc]
        expanded = expand(group, lambda oid, legacy=legacy: manifests.rows(oid, legacy))  # type: ignore[misc]
        files = {oid: path for oid, path in expanded.names.items() if not oid.endswith(DIR_SUFFIX)}
        missing += [(oid, group.trees[oid].name) for oid in expanded.unread]
        there = existing(store, files)
        missing += [(oid, path) for oid, path in files.items() if oid not in there]
        rows = [(path, oid) for oid, path in files.items() if oid in there]
        if isinstance(store, LocalStore):
            found += [Link(path, oid, store.path_of(oid)) for path, oid in rows]
        elif rows:
            signer = _Signer(remote, repo, expires_s)
            found += [Link(path, oid, signer.url_of(oid, legacy, path), signer.expires_s) for path, oid in rows]
    if missing:
        lines = [f"    {path}  {oid}" for oid, path in missing[:SHOWN_MISSING]] + ([f"    ... and {len(missing) - SHOWN_MISSING} more"] if len(missing) > SHOWN_MISSING else [])
        raise MissingObjects("\n".join([f"the remote lacks {len(missing)} object{'s' if len(missing) > 1 else ''} of '{target}':", *lines]), tuple(oid for oid, _ in missing), hint="`dataver push` sends them.")
    if not found:
        raise DataverError(f"'{target}' has no data in a remote", hint="`dataver commit` or `dataver repro` saves what was never saved.")
    return sorted(found, key=lambda link: link.path)


def _everything(index: Index, stage: Stage, out: Out) -> bool:
    return True


class _Signer:
    """Links into one remote elsewhere."""

    def __init__(self, remote: Remote, repo: Repo, expires_s: int) -> None:
        self.remote = remote
        self.location: Location = open_location(remote.url, remote.options, repo.settings)
        self.expires_s: int | None = None if self._is_web else expires_s

    @property
    def _is_web(self) -> bool:
        return self.location.scheme in ("http", "https")

    def url_of(self, oid: str, legacy: bool, path: str) -> str:
        """Raises RemoteError for a kind of storage without links."""
        place = self.location.join(f"{'' if legacy else 'files/md5/'}{oid[:2]}/{oid[2:]}")
        if self._is_web:
            return place
        extra: dict[str, Any] = {}
        if self.location.scheme == "s3":  # a browser saves it under this name, not under its hash
            extra["ResponseContentDisposition"] = f"attachment; filename*=UTF-8''{quote(os.path.basename(path))}"
        try:
            with translated(self.location.url):
                return str(self.location.fs.sign(place, expiration=self.expires_s, **extra))
        except (NotImplementedError, RemoteError) as exc:
            cause = exc.__cause__ or exc
            if isinstance(cause, (NotImplementedError, AttributeError)):
                raise RemoteError(f"remote '{self.remote.name}' ({self.location.scheme}) has no links: its data needs a login", hint="S3, Google Cloud Storage, Azure and OSS sign links; http has plain ones. `dataver get` brings data from anywhere.") from exc
            raise
