"""`status -c`: what the cache has and the remote lacks, and the other way round."""
from __future__ import annotations

from remotes.engine.exchange import Exchange, manifests, pair
from remotes.engine.presence import existing
from remotes.engine.storage import Remotes
from tracking.engine.errors import ConfigError, DataverError, InvalidFile
from tracking.engine.hints import TYPE_CHECKING
from tracking.engine.history import Selection
from tracking.engine.index import Index
from tracking.engine.protocols import Io
from tracking.engine.repo import Repo
from tracking.engine.stage import Out, Stage
from tracking.engine.used import Group, Manifests, Request, collect_used, expand

if TYPE_CHECKING:
    import argparse

NEW, DELETED, MISSING = "new", "deleted", "missing"


def cloud_status(repo: Repo, args: argparse.Namespace, io: Io) -> tuple[dict[str, str], str | None]:
    """(name -> new, deleted or missing, sorted; name of the remote, None when the project tracks nothing).

    args: as `status` parses them. Raises RemoteError, DataverError.
    """
    try:
        return _cloud_status(repo, args, io)
    except ConfigError as error:
        raise DataverError(f"config file error: {error}", error.hint) from error


def _cloud_status(repo: Repo, args: argparse.Namespace, io: Io) -> tuple[dict[str, str], str | None]:
    remotes = Remotes(repo, args.remote, tool=io.tool, command="status", is_trusted=args.is_trusted)
    request = Request(
        targets=tuple(args.targets),
        recursive=args.recursive,
        with_deps=args.with_deps,
        selection=Selection(branches=args.all_branches, tags=args.all_tags, commits=args.all_commits),
    )
    with repo.lock(io):
        used = collect_used(repo, request, _counts, warn=io.warn, on_failure=_refuse)
        for config_data, name, _ in used.groups:
            if name is not None:  # an unknown one is an error, though its outs do not count
                _known(remotes, name, config_data)
        used.groups = {key: group for key, group in used.groups.items() if key[1] is None}
        exchanges, no_default = pair(repo, used, remotes, io)
        if no_default is not None:
            raise no_default
        known = manifests(repo, exchanges, keep=True)
        result: dict[str, str] = {}
        for exchange in exchanges:
            _compare(repo, exchange, known, io, result)
        repo.close()
    name = (exchanges[0].remote.name if exchanges else remotes.default_name()) if used.stages else None
    return dict(sorted(result.items())), name


def _known(remotes: Remotes, name: str, config_data: bytes | None) -> None:
    try:
        remotes.get(name, config_data)
    except ConfigError as error:
        raise collect_failed("workspace", error) from error


def _counts(index: Index, stage: Stage, out: Out) -> bool:
    return out.push and not stage.is_repo_import


def _refuse(label: str, error: DataverError) -> None:
    if isinstance(error, InvalidFile):
        raise error
    raise collect_failed(label, error) from error


def collect_failed(label: str, error: DataverError) -> DataverError:
    """The error of a revision whose files cannot be read."""
    cause = f"config file error: {error}" if isinstance(error, ConfigError) else str(error)
    return DataverError(f"Failed to collect '{label}': {cause}", error.hint)


def _compare(repo: Repo, exchange: Exchange, known: Manifests, io: Io, result: dict[str, str]) -> None:
    store, cache, legacy = exchange.store, exchange.cache, exchange.legacy
    complete = exchange.presence.complete(exchange.group.trees)
    both = exchange.here.complete(complete)
    trees = {oid: tree for oid, tree in exchange.group.trees.items() if oid not in both}
    group = Group(exchange.group.files, trees)
    found = expand(group, lambda oid: known.rows(oid, legacy))
    names = found.names
    if found.unread:
        what = "\n".join(f"name: None, {'md5-dos2unix' if legacy else 'md5'}: {oid}" for oid in sorted(found.unread))
        io.warn(f"Some of the cache files do not exist neither locally nor on remote. Missing cache files:\n{what}")
    sure = {item for oid in complete if oid in found.wanted for item in (oid, *found.wanted[oid])}
    there, here = sure | existing(store, names.keys() - sure), cache.exists(names)
    states = ((DELETED, there - here), (NEW, here - there), (MISSING, set(names) - here - there))
    for state, oids in states:
        result.update((names[oid], state) for oid in oids)
