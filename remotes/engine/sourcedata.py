"""What lies at a path of another project, and how its bytes are had: `get`, `import`, and `fetch` of imports.

Tracked data comes from the project's own cache when that is on this machine, then from its
remotes, then from where the project itself imported it. Other files are read from its work
tree or from Git. Nothing of the other project is run, and nothing is written to it.
"""
from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager

from remotes.engine.apart import VersionedData
from remotes.engine.exchange import read_manifest
from remotes.engine.foreign import ForeignStore
from remotes.engine.storage import Remotes
from remotes.engine.transfer import Transfer
from tracking.engine.credentials import without_login
from tracking.engine.errors import ConfigError, DataverError, MissingObjects, RemoteError, UnsafePath, UsageError
from tracking.engine.hints import Any, Iterable, Iterator
from tracking.engine.index import load_index
from tracking.engine.listing import PathMissing, is_stage_file
from tracking.engine.objects import LocalStore, ObjectStore
from tracking.engine.protocols import Progress, Settings
from tracking.engine.record import record, replace
from tracking.engine.repo import Repo
from tracking.engine.sources import Project, Request, files_of, forbid_programs, open_project, overlay_settings, refuse_broken
from tracking.engine.stage import Digest, Out, Stage
from tracking.engine.tree import Rows, is_safe, load_tree
from tracking.engine.workspace import Workspace

CHAIN_AT_MOST = 8  # projects that import from each other
SHOWN_MISSING = 10


@record(frozen=True)
class SourceFile:
    """One file of what was asked for. rel: inside of it, "" when that is a file itself.

    path: from the project's root. digest: None for a file that is not tracked data. stage, out: who tracks it.
    """

    rel: str
    path: str
    digest: Digest | None = None
    stage: Stage | None = None
    out: Out | None = None
    isexec: bool = False


@record(frozen=True)
class Found:
    """Files below a path, sorted. isdir: the path is a folder."""

    files: list[SourceFile]
    isdir: bool


class SourceData:
    """Tracked data and files of one opened project. url: how messages name it. """

    def __init__(self, project: Project, url: str, remote: str | None, settings: Settings, progress: Progress, jobs: int | None, depth: int = 0) -> None:
        self.project = project
        self.url = without_login(url)
        self.settings = settings
        self.progress = progress
        self.jobs = jobs
        self.depth = depth
        self.remotes = Remotes(project.repo, remote) if project.repo is not None else None
        self._outs: dict[str, tuple[Stage, Out]] | None = None
        self._broken: dict[str, DataverError] = {}  # files that cannot be read, and might track something
        self._reasons: list[str] = []

    # --- what there is
    @property
    def outs(self) -> dict[str, tuple[Stage, Out]]:
        """Tracked data by path from the root."""
        if self._outs is None:
            repo = self.project.repo
            index = load_index(repo, self.project.files, onerror=self._broken.__setitem__) if repo is not None else None
            self._outs = {index.repo.rel(out.abspath): (stage, out) for stage, out in index.outs if out.cache and out.abspath and index.repo.contains(out.abspath)} if index else {}
        return self._outs

    def find(self, top: str, into: LocalStore | None = None) -> Found:
        """Everything at a path. into: a cache that is looked into for manifests, and gets those that are brought.

        Raises PathMissing, DataverError.
        """
        around = next((path for path in self.outs if top == path or top.startswith(f"{path}/")), None)
        if around is not None:
            return self._in_out(around, top[len(around) + 1 :], into)
        plain = files_of(self.project)
        start = len(top) + 1 if top else 0
        files = []
        below = [path for path in self.outs if not top or path.startswith(f"{top}/")]
        for path in below:
            inner = self._in_out(path, "", into)
            files += [replace(file, rel=f"{path[start:]}/{file.rel}" if file.rel else path[start:]) for file in inner.files]
        look = plain.look(top)
        if look is None or look[0]:
            refuse_broken(self._broken, top)
        if look is None and not below:
            raise PathMissing(f"'{top or '.'}' is neither a file of '{self.url}' nor tracked there", hint=f"`dataver list {self.url} -R` shows what there is.")
        if look is not None and not look[0]:
            return Found([SourceFile("", top, isexec=look[1])], False)
        tracked = set(self.outs)
        for path, (isdir, isexec, _) in plain.below(top, None).items():
            if not isdir and not is_stage_file(path) and not _is_below(path, tracked):
                if not is_safe(path):
                    raise DataverError(f"'{self.url}' holds a file named {path!r}, which cannot be written here")
                files.append(SourceFile(path[start:], path, isexec=isexec))
        return Found(sorted(files, key=lambda file: file.rel), True)

    def _in_out(self, path: str, inside: str, into: LocalStore | None) -> Found:
        """Files of tracked data, or of the part `inside` of it."""
        stage, out = self.outs[path]
        if out.digest is None and stage.is_repo_import:
            return self._imported(stage, path, inside, into)
        if out.digest is None:
            raise DataverError(f"'{path}' of '{self.url}' has no recorded content", hint="Its owner can record it with `dataver commit` or `dataver update`.")
        if not out.digest.isdir:
            if inside:
                raise PathMissing(f"'{path}' of '{self.url}' is a file: there is no '{inside}' in it")
            return Found([SourceFile("", path, out.digest, stage, out, out.meta.isexec)], False)
        rows = self._rows(stage, out, into)
        head = f"{inside}/" if inside else ""
        files = [
            SourceFile(name[len(head) :] if name != inside else "", f"{path}/{name}", Digest(out.digest.name, value), stage, out)
            for name, value in rows
            if name == inside or name.startswith(head)
        ]
        if inside and not files:
            raise PathMissing(f"there is no '{inside}' in '{path}' of '{self.url}'", hint=f"`dataver list {self.url} {path} -R` shows what there is.")
        return Found(files, not (len(files) == 1 and files[0].rel == ""))

    def _rows(self, stage: Stage, out: Out, into: LocalStore | None) -> Rows:
        """A folder's files. Raises MissingObjects when nobody has its manifest."""
        digest = out.digest
        assert digest is not None
        if out.files is not None:
            return _listed(out, self.url)
        if into is not None and into.legacy != digest.is_legacy:
            into = None
        stores: list[ObjectStore] = [into] if into is not None else []
        for store in (*stores, *self._stores(out, digest.is_legacy)):
            try:
                data = read_manifest(store, digest.value)
            except (RemoteError, OSError) as error:
                self._reasons.append(str(error))
                continue
            if data is not None:
                if into is not None and store is not into:
                    into.add_bytes(digest.value, data)
                return load_tree(data, digest.value)
        if stage.is_repo_import:
            rows = [(file.rel, file.digest.value) for file in self._imported(stage, "", "", into).files if file.digest is not None]
            return rows
        raise self._missing([out.path])

    def _imported(self, stage: Stage, path: str, inside: str, into: LocalStore | None) -> Found:
        """Files of an import as the project it comes from has them."""
        with self._origin(stage) as origin:
            top = "/".join(part for part in (origin.project.top, inside) if part)
            found = origin.find(top, into)
            oids = origin.gather(found.files, into) if into is not None else {}
        files = [SourceFile(file.rel, f"{path}/{file.rel}".rstrip("/"), Digest("md5", oids[file.rel]) if file.rel in oids else file.digest, stage, stage.outs[0]) for file in found.files]
        return Found(files, found.isdir)

    @contextmanager
    def _origin(self, stage: Stage) -> Iterator[SourceData]:
        """The project that an import of this project comes from."""
        if self.depth >= CHAIN_AT_MOST:
            raise DataverError(f"'{self.url}' imports from projects that import from each other", hint="Somebody has to add the data with `dataver add`.")
        dep = stage.deps[0]
        assert dep.repo is not None
        repo = self.project.repo
        assert repo is not None
        folders = (repo.root_dir, stage.wdir) if not self.project.commit or os.path.isdir(os.path.join(repo.root_dir, ".dvc")) else ()
        with open_import(dep.repo, dep.path, folders or (repo.root_dir,), self.settings, self.progress, self.jobs, depth=self.depth + 1) as origin:
            yield origin

    # --- where the bytes are
    def _stores(self, out: Out, legacy: bool) -> Iterator[ObjectStore]:
        """The project's cache, then the remote of an out, each opened when it is asked."""
        repo = self.project.repo
        if repo is None or self.remotes is None:
            return
        cache = repo.legacy_store if legacy else repo.store
        if os.path.isdir(cache.root):
            yield self._foreign(cache)
        try:
            remote = self.remotes.get(out.remote)
            if remote.is_versioned:
                return
            store = self.remotes.store(remote, legacy)
            yield self._foreign(store) if isinstance(store, LocalStore) else store
        except ConfigError as error:
            self._reasons.append(f"no remote of '{self.url}' can be used: {error.message.splitlines()[0]}")
        except DataverError as error:
            self._reasons.append(error.message)

    def _foreign(self, store: LocalStore) -> ForeignStore:
        found = ForeignStore(store.path, store.legacy)
        found.on_corrupt = lambda oid, path: self._reasons.append(f"'{path}' is corrupted")
        return found

    def url_of(self, top: str) -> str:
        """Where the remote keeps a tracked path. Raises DataverError."""
        path = next((path for path in self.outs if top == path or top.startswith(f"{path}/")), None)
        if path is None:
            refuse_broken(self._broken, top)
            raise DataverError(f"Unable to find DVC file with output '{top}'", hint="Only tracked data lies on a remote.")
        stage, out = self.outs[path]
        assert self.remotes is not None
        if out.digest is None:
            raise DataverError(f"'{path}' of '{self.url}' has no recorded content")
        digest = out.digest
        if top != path:
            rows = dict(self._rows(stage, out, None))
            inside = top[len(path) + 1 :]
            if inside not in rows:
                raise DataverError(f"'{top}' is no file of '{path}'", hint=f"`dataver list {self.url} {path} -R` shows what there is.")
            digest = Digest(digest.name, rows[inside])
        remote = self.remotes.get(out.remote)
        middle = "" if digest.is_legacy else "files/md5/"
        return f"{remote.url.rstrip('/')}/{middle}{digest.value[:2]}/{digest.value[2:]}"

    # --- bringing it
    def gather(self, files: Iterable[SourceFile], into: LocalStore) -> dict[str, str]:
        """Put the files' objects into a store; returns their names by `rel`. Raises MissingObjects, DataverError."""
        files = list(files)
        oids = {file.rel: file.digest.value for file in files if file.digest is not None and file.digest.is_legacy == into.legacy}
        self._bring([file for file in files if file.rel in oids], into)
        others = [file for file in files if file.rel not in oids]
        if others:
            with into.scratch() as scratch:
                oids.update(self._store_others(others, into, scratch))
        return oids

    def _bring(self, files: list[SourceFile], into: LocalStore) -> None:
        """Objects whose names are known, from whoever has them."""
        names = {file.digest.value: file.path for file in files if file.digest is not None}
        groups: dict[tuple[str | None, str | None], tuple[Stage, Out, set[str]]] = {}
        for file in files:
            assert file.stage is not None and file.out is not None and file.digest is not None
            key = (file.out.remote, file.stage.file if file.stage.is_repo_import else None)
            groups.setdefault(key, (file.stage, file.out, set()))[2].add(file.digest.value)
        missing: list[str] = []
        for stage, out, oids in groups.values():
            todo = oids - into.exists(oids)
            for store in self._stores(out, into.legacy) if todo else ():
                todo -= self._copy(store, into, todo)
                if not todo:
                    break
            if todo and stage.is_repo_import:
                with self._origin(stage) as origin:
                    wanted = [file for file in origin.find(origin.project.top, into).files if file.digest is None or file.digest.value in todo]
                    todo -= set(origin.gather(wanted, into).values())
            elif todo and not into.legacy:
                todo -= self._by_name(stage, out, into)
            missing += sorted(names[oid] for oid in todo)
        if missing:
            raise self._missing(missing)

    def _copy(self, store: ObjectStore, into: LocalStore, oids: set[str]) -> set[str]:
        """Those objects that a store has and gave; what went wrong is remembered."""
        from remotes.engine.presence import existing

        try:
            there = existing(store, oids)
            result = Transfer(store, into, self.progress, label=f"Fetching from {self.url}", verify=not isinstance(store, LocalStore), suspect=True, jobs=self.jobs).run(sorted(there), {}, set())
        except (RemoteError, OSError) as error:
            self._reasons.append(str(error))
            return set()
        self._reasons += result.failed.values()
        return set(result.sent)

    def _by_name(self, stage: Stage, out: Out, into: LocalStore) -> set[str]:
        """Objects of data that is kept under its own name: in versions on a remote, or at the URL it was imported from."""
        repo = self.project.repo
        assert repo is not None and self.remotes is not None
        try:
            if stage.is_import and stage.deps[0].db is None:
                return self._from_its_url(repo, stage, into)
            remote = self.remotes.get(out.remote)
            if not remote.is_versioned:
                return set()
            from remotes.engine.versioned import fetch_versions  # slow imports, only for such remotes

            result = fetch_versions(repo, [VersionedData(stage, out, remote)], self.progress, self.jobs, into)
            self._reasons += [*(f"'{path}': {reason}" for path, reason in result.failed.items()), *(f"no version of '{path}' is recorded" for path in result.unversioned)]
            return into.exists({str(entry["md5"]) for entry in out.files or () if entry.get("md5")} | ({out.digest.value} if out.digest is not None else set()))
        except (DataverError, OSError) as error:
            self._reasons.append(str(error))
            return set()

    def _from_its_url(self, repo: Repo, stage: Stage, into: LocalStore) -> set[str]:
        from remotes.engine.urlimport import download, source_of  # they need this module
        from remotes.engine.urlsource import LocalPath

        source = source_of(Workspace(repo, self.progress), stage.deps[0])
        if isinstance(source, LocalPath):
            return set()  # a path of somebody else's machine means nothing here
        with into.scratch() as scratch:
            top = os.path.join(scratch, "data")
            download(source, stage.deps[0], top, self.progress, self.jobs)
            paths = [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names] if os.path.isdir(top) else [top]
            return set(into.ingest([(path, status.st_size, status.st_mtime_ns) for path, status in ((path, os.stat(path)) for path in paths)], self.progress))

    def _store_others(self, files: list[SourceFile], into: LocalStore, scratch: str) -> dict[str, str]:
        """Files whose names in a store are not known yet: from a work tree, Git, or data of the other layout."""
        old = [file for file in files if file.digest is not None]
        other = LocalStore(os.path.join(scratch, "other"), legacy=not into.legacy)
        if old:
            self._bring(old, other)
        paths: dict[str, str] = {}
        for number, file in enumerate(files):
            if file.digest is not None:
                paths[file.rel] = other.path_of(file.digest.value)
            elif self.project.commit:
                path = paths[file.rel] = os.path.join(scratch, str(number))
                with open(path, "wb") as target:
                    target.write(self.project.files.read(file.path))
            else:
                paths[file.rel] = os.path.join(self.project.root_dir, file.path)
        sources = [(path, status.st_size, status.st_mtime_ns) for path, status in ((path, os.stat(path)) for path in paths.values())]
        return dict(zip(paths, into.ingest(sources, self.progress)))

    def _missing(self, names: list[str]) -> MissingObjects:
        shown = ", ".join(f"'{name}'" for name in names[:SHOWN_MISSING]) + (f" and {len(names) - SHOWN_MISSING} more" if len(names) > SHOWN_MISSING else "")
        reasons = list(dict.fromkeys(self._reasons))
        why = f": {'; '.join(reasons[:3])}" if reasons else ": neither its cache nor its remote has it"
        return MissingObjects(f"the data of {shown} in '{self.url}' cannot be had{why}", hint="Ask its owner to run `dataver push`.")


def _listed(out: Out, url: str) -> Rows:
    """Files of a folder whose .dvc file lists them."""
    rows = sorted((str(entry["relpath"]), str(entry.get("md5") or "")) for entry in out.files or ())
    bad = next((name for name, _ in rows if not is_safe(name)), None)
    if bad is not None:
        raise UnsafePath(f"'{out.path}' of '{url}' lists the path {bad!r}, which leads outside of its folder", hint="Do not use data from this source.")
    return rows


def _is_below(path: str, tops: set[str]) -> bool:
    while path:
        if path in tops:
            return True
        path = path.rpartition("/")[0]
    return False


# --- opening
@contextmanager
def open_data(request: Request, progress: Progress, jobs: int | None = None, *, depth: int = 0) -> Iterator[SourceData]:
    """The data of a project that a request names. Raises what `open_project` raises, ConfigError."""
    with ExitStack() as stack:
        project = stack.enter_context(open_project(request))
        if project.repo is not None:
            overlay_settings(request, project.repo)
            forbid_programs(project.repo)
        yield SourceData(project, request.url, request.remote, request.settings, progress, jobs, depth)


@contextmanager
def open_import(
    spec: dict[str, Any], path: str, folders: Iterable[str], settings: Settings, progress: Progress, jobs: int | None, *, rev: str | None = None, depth: int = 0
) -> Iterator[SourceData]:
    """The project an import names, at the commit that is locked. `project.top` is the path of the import.

    spec: `repo` of the dependency. folders: where a relative URL may start from, the likeliest
    first. rev: instead of what `spec` locks. Raises what `open_data` raises.
    """
    url, cwd = resolve_url(str(spec["url"]), folders)
    config, remote = spec.get("config"), spec.get("remote")
    request = Request(
        url,
        path,
        rev or spec.get("rev_lock") or spec.get("rev") or "HEAD",  # never a work tree: nobody could get the same again
        cwd,
        settings,
        config=config if isinstance(config, str) else None,
        remote=remote if isinstance(remote, str) else None,
    )
    with ExitStack() as stack:
        project = stack.enter_context(open_project(request))
        if project.repo is not None:
            overlay_settings(request, project.repo)
            if isinstance(config, dict):
                project.repo.config.overlay(_as_text(config), cwd)
            if isinstance(remote, dict):
                name = project.repo.config.default_remote()
                if name is None:
                    raise UsageError(f"'{url}' has no default remote that the settings of this import could belong to")
                project.repo.config.overlay({"remote": {name: _as_text(remote)}}, cwd)
            forbid_programs(project.repo)
        yield SourceData(project, str(spec["url"]), request.remote, settings, progress, jobs, depth)


def _as_text(value: Any) -> Any:
    return {str(key): _as_text(item) for key, item in value.items()} if isinstance(value, dict) else value


def resolve_url(url: str, folders: Iterable[str]) -> tuple[str, str]:
    """(URL, the folder it starts from): of the folders, the first where a relative path leads to something."""
    folders = list(folders)
    if "://" in url or os.path.isabs(url):
        return url, folders[0]
    for folder in folders:
        if os.path.isdir(os.path.join(folder, os.path.expanduser(url))):
            return url, folder
    return url, folders[0]
