"""Outs whose data is not kept as objects of a remote: those of imports, and of remotes that keep versions of files."""
from __future__ import annotations

from remotes.engine.storage import Remote, Remotes
from tracking.engine.errors import ConfigError
from tracking.engine.hints import Callable, Collection
from tracking.engine.index import Index
from tracking.engine.record import field, record
from tracking.engine.stage import Out, Stage
from tracking.engine.used import Keep


@record(frozen=True)
class ImportedData:
    """An out of an import that a command wants. part: a path inside of it, None: all."""

    stage: Stage
    out: Out
    part: str | None = None


@record(frozen=True)
class VersionedData:
    """An out of a remote that keeps versions. part: as for ImportedData."""

    stage: Stage
    out: Out
    remote: Remote
    part: str | None = None


def comes_from_its_source(stage: Stage, out: Out) -> bool:
    """Whether data of an import is fetched from where it was imported: it was never pushed to a remote of ours."""
    return stage.is_repo_import or (stage.is_import and stage.deps[0].db is None and (out.digest is None or not out.push))


@record
class Apart:
    """Takes such outs aside while others are collected. keep: which outs of versioned remotes count. max_size: in bytes, of imports."""

    remotes: Remotes
    keep: Keep
    with_imports: bool = False
    max_size: int | None = None
    imports: list[ImportedData] = field(default_factory=list)
    versioned: list[VersionedData] = field(default_factory=list)
    known: dict[tuple[str | None, bytes | None], Remote | None] = field(default_factory=dict)

    def take(self, index: Index, stage: Stage, out: Out, part: str | None, config_data: bytes | None) -> bool:
        """What `collect_used` asks about each out: True when it was taken (or is none that counts)."""
        if self.with_imports and (comes_from_its_source(stage, out) or self._is_only_at_its_source(stage, out)):
            if not (self.max_size and out.meta.size and out.meta.size >= self.max_size):
                self.imports.append(ImportedData(stage, out, part))
            return True
        remote = self._versioned_remote(out, config_data)
        if remote is None:
            return False
        if out.digest is not None and out.abspath and self.keep(index, stage, out):
            self.versioned.append(VersionedData(stage, out, remote, part))
        return True

    def _is_only_at_its_source(self, stage: Stage, out: Out) -> bool:
        """An import that names versions can be brought by anybody, and there is no remote it could be on."""
        return stage.is_import and stage.deps[0].is_versioned and not out.remote and self.remotes.default_name() is None

    def _versioned_remote(self, out: Out, config_data: bytes | None) -> Remote | None:
        key = (out.remote, config_data)
        if key not in self.known:
            try:
                remote = self.remotes.get(*key)
            except ConfigError:  # said where the others are paired with their remotes
                self.known[key] = None
            else:
                self.known[key] = remote if remote.is_versioned else None
        return self.known[key]


def asker(remotes: Remotes) -> Callable[[str | None, Collection[str], bool], set[str]]:
    """Asks which objects are on a remote: (its name, None for the default one; hashes; of the 2.x layout) -> hashes.

    Of a remote that keeps versions, the files of the project say it. Raises ConfigError, RemoteError.
    """
    from remotes.engine.presence import existing
    from tracking.engine.index import load_index

    def has(name: str | None, oids: Collection[str], legacy: bool) -> set[str]:
        found = remotes.get(name)
        if not found.is_versioned:
            return existing(remotes.store(found, legacy), oids)
        from remotes.engine.versioned import recorded

        return recorded(remotes.repo, found, load_index(remotes.repo)) & set(oids)

    return has
