"""What is tracked: outs, deps and the stages that connect them.

Values only; they are never changed in place (use `record.replace`). Paths named
`path` are as the file says them (posix, relative to the stage's wdir, or a URL);
`abspath` is the local absolute form ("" for a URL).
"""
from __future__ import annotations

import os

from tracking.engine.hints import Any
from tracking.engine.record import field, record

MD5 = "md5"
MD5_DOS2UNIX = "md5-dos2unix"  # what 2.x wrote; in files it is `md5:` without `hash: md5`


@record(frozen=True)
class Digest:
    """A hash as a file states it. name: md5, md5-dos2unix, etag or checksum. value keeps a `.dir` suffix."""

    name: str
    value: str

    @property
    def isdir(self) -> bool:
        return self.value.endswith(".dir")

    @property
    def is_legacy(self) -> bool:
        return self.name == MD5_DOS2UNIX


@record(frozen=True)
class Meta:
    """Facts beside a hash. size in bytes (of a folder: sum of its files)."""

    size: int | None = None
    nfiles: int | None = None
    isexec: bool = False
    version_id: str | None = None
    etag: str | None = None
    checksum: str | None = None
    remote: str | None = None  # name of the version-aware remote that version_id and etag belong to


NO_META = Meta()


@record(frozen=True)
class Out:
    """One output of a stage or .dvc file.

    kind: "out", "metric" or "plot". cache False: stays in Git. plot: options of a stage-level
    plot (dict, or list of dicts). files: entries of a cloud-versioned folder as written
    (dicts with relpath, md5, size, cloud/version_id ...), else None. cloud: {remote: {...}} as written.
    extra keeps nothing: unknown keys are refused on reading.
    """

    path: str
    abspath: str
    kind: str = "out"
    digest: Digest | None = None
    meta: Meta = NO_META
    cache: bool = True
    persist: bool = False
    remote: str | None = None
    push: bool = True
    desc: str | None = None
    type: str | None = None
    labels: tuple[str, ...] = ()
    annot_meta: Any = None
    plot: Any = None
    fs_config: Any = None
    files: tuple[dict[str, Any], ...] | None = None
    cloud: Any = None

    @property
    def is_url(self) -> bool:
        return not self.abspath


@record(frozen=True)
class ParamsDep:
    """Keys of one params file. keys () tracks the whole file. locked: key -> value of dvc.lock, None when absent there."""

    path: str
    abspath: str
    keys: tuple[str, ...] = ()
    locked: dict[str, Any] | None = None


@record(frozen=True)
class Dep:
    """One dependency on a file, folder or URL; `repo` (import) and `db` as written.

    dataset: what dvc.lock records for a `ds://NAME` dependency.

    digest is what .dvc or dvc.lock recorded.
    """

    path: str
    abspath: str
    digest: Digest | None = None
    meta: Meta = NO_META
    repo: dict[str, Any] | None = None
    db: dict[str, Any] | None = None
    fs_config: Any = None
    files: tuple[dict[str, Any], ...] | None = None
    dataset: dict[str, Any] | None = None

    @property
    def is_url(self) -> bool:
        return not self.abspath

    @property
    def is_versioned(self) -> bool:
        """Names versions of files in a storage that keeps several."""
        return bool(self.files or self.meta.version_id or (self.fs_config or {}).get("version_aware"))


@record(frozen=True)
class Stage:
    """One stage of dvc.yaml (name set) or one .dvc file (name "").

    file: absolute path of the dvc.yaml or .dvc file. wdir: absolute folder its paths are
    relative to. cmd: None for data; str or tuple of str. locked_cmd: command of dvc.lock,
    None when the stage has no lock entry. generated: came out of foreach or matrix.
    checksum: top-level `md5` of a .dvc file.
    """

    file: str
    wdir: str
    name: str = ""
    cmd: str | tuple[str, ...] | None = None
    deps: tuple[Dep, ...] = ()
    params: tuple[ParamsDep, ...] = ()
    outs: tuple[Out, ...] = ()
    frozen: bool = False
    always_changed: bool = False
    desc: str | None = None
    meta: Any = None
    checksum: str | None = None
    wdir_written: str | None = None  # `wdir` as the file says it
    locked_cmd: Any = None
    has_lock: bool = False
    generated: bool = False
    # a .dvc file's content as read: its key order and comments survive a rewrite
    source: Any = field(default=None, compare=False, repr=False)

    @property
    def is_data_source(self) -> bool:
        """A .dvc file that neither runs anything nor is an import: it has no checksum."""
        return not self.name and self.cmd is None and not self.is_import

    @property
    def is_import(self) -> bool:
        return not self.name and self.cmd is None and len(self.deps) == 1 and len(self.outs) == 1

    @property
    def is_repo_import(self) -> bool:
        return self.is_import and self.deps[0].repo is not None

    @property
    def has_news(self) -> bool:
        """An import whose source `status` asks for something newer though it is frozen."""
        return self.is_import and (self.deps[0].repo is not None or self.deps[0].is_versioned)

    @property
    def is_partial_import(self) -> bool:
        """An import whose data was never brought (`--no-download`)."""
        return self.is_import and self.outs[0].digest is None

    @property
    def is_callback(self) -> bool:
        """Has a command but neither deps (params included) nor outs: runs every time."""
        return self.cmd is not None and not self.deps and not self.params and not self.outs and not self.is_import

    def file_from(self, folder: str) -> str:
        """Path of the defining file relative to `folder`, posix."""
        return os.path.relpath(self.file, folder).replace(os.sep, "/")

    def address(self, folder: str) -> str:
        """How messages name this stage, seen from `folder` (the cwd): `train`, `sub/dvc.yaml:train`, `x.dvc`."""
        rel = self.file_from(folder)
        if not self.name:
            return rel
        return self.name if rel == "dvc.yaml" else f"{rel}:{self.name}"
