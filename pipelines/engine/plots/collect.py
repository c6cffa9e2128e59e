"""The entry: everything that is to be drawn for some revisions, as plain values.

`collect` reads the workspace and commits (Git blobs or objects of the cache), never changes
them, and never fails because of what one file holds: what cannot be drawn becomes a `Problem`.
"""
from __future__ import annotations

import os

from pipelines.engine.metrics import describe
from pipelines.engine.plots import datafiles
from pipelines.engine.plots.datafiles import MAX_DATA_BYTES, PlotError
from pipelines.engine.plots.definitions import Collector, Definitions, by_id
from pipelines.engine.plots.points import Props, Row, Series, flatten, read_series, sources_of
from pipelines.engine.revisions import NO_GIT, WORKSPACE
from tracking.engine.contents import Contents
from tracking.engine.errors import DataverError, FileTooLarge, GitError
from tracking.engine.files import FileSource, WorkspaceFiles
from tracking.engine.hints import Iterable, Sequence
from tracking.engine.index import load_index
from tracking.engine.record import field, record
from tracking.engine.repo import Repo

DATA = "vega"
IMAGE = "image"


@record(frozen=True)
class Problem:
    """Why something is not drawn.

    name: the plot; "" when a folder (source) or the whole revision (source "", too) is concerned.
    """

    rev: str
    type: str
    msg: str
    name: str = ""
    source: str = ""

    def as_dict(self) -> dict[str, str]:
        """In the form and order of the JSON."""
        shown = {"name": self.name, "rev": self.rev, "source": self.source, "type": self.type, "msg": self.msg}
        return {key: value for key, value in shown.items() if value or key not in ("name", "source")}


@record(frozen=True)
class Image:
    """One image of one revision. path: relative to the cwd, posix. The bytes may be anything."""

    rev: str
    path: str
    data: bytes = field(repr=False)

    def problem(self) -> Problem | None:
        """Why it cannot be shown, None when it can."""
        fault = datafiles.image_fault(self.data, self.path)
        return Problem(self.rev, "CorruptImageError", fault, self.path, self.path) if fault else None


@record(frozen=True)
class Plot:
    """What is drawn as one picture, over all revisions.

    kind: DATA or IMAGE. revs: those that have something to draw, in the order asked for. rows and
    props (x, y, labels, title, template, anchors_y_definitions): see `points.flatten`.
    """

    id: str
    kind: str
    revs: list[str]
    props: Props = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list, repr=False)
    images: list[Image] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@record(frozen=True)
class PlotSet:
    """problems: of revisions as a whole, and of folders; those of a plot are with it."""

    revs: list[str]
    plots: list[Plot]
    problems: list[Problem]

    def all_problems(self) -> list[Problem]:
        return [problem for plot in self.plots for problem in plot.problems] + self.problems


def collect(repo: Repo, revs: Iterable[str] = (), targets: Sequence[str] = (), props: Props | None = None) -> PlotSet:
    """Plots of revisions; the workspace alone by default, and always first.

    revs: what git understands, or "workspace"; rows and results repeat these texts. targets: ids
    (as regular expressions they begin with) or files relative to `repo.cwd`; all by default.
    props: options that win over those of dvc.yaml. Raises RevisionNotFound, GitError.
    """
    names = list(dict.fromkeys(revs)) or [WORKSPACE]
    names.sort(key=lambda name: name != WORKSPACE)  # stable: the others keep their order
    read = [read_revision(repo, name, source, targets, props or {}) for name, source in zip(names, sources(repo, names))]
    return PlotSet(names, _joined(read), [problem for revision in read for problem in revision.problems])


def sources(repo: Repo, names: Sequence[str]) -> list[FileSource]:
    """Files of the workspace or of commits. Raises RevisionNotFound, GitError."""
    found: list[FileSource] = []
    for name in names:
        if name == WORKSPACE:
            found.append(WorkspaceFiles(repo.root_dir))
            continue
        if repo.scm is None:
            raise GitError(NO_GIT)
        found.append(repo.scm.files_at(repo.scm.resolve(name), repo.root_dir))
    return found


def compared_revisions(repo: Repo, revs: Sequence[str], with_baseline: bool = False) -> list[str]:
    """What `plots diff` compares: one revision with the workspace, none: HEAD with a workspace that differs.

    with_baseline: a single revision that is an experiment, with the commit it started from.
    """
    names = list(revs)
    if with_baseline and len(names) == 1 and repo.scm is not None:
        commit = repo.scm.resolve(names[0])
        refs = repo.scm.refs("refs/exps/")
        baseline = next((ref.split("/")[2:4] for ref, sha in refs.items() if sha == commit and len(ref.split("/")) == 5), None)
        names += ["".join(baseline)[:7]] if baseline else []
    if len(names) <= 1:
        if not names and repo.scm is not None and repo.scm.status().is_dirty:
            names.append("HEAD")
        names.append(WORKSPACE)
    return names


# --- one revision
class Revision:
    """What one revision defines, and its files, each read once."""

    def __init__(self, name: str, definitions: Definitions, contents: Contents | None, repo: Repo, problems: list[Problem]) -> None:
        self.name = name
        self.plots = by_id(definitions)
        self.problems = problems
        self._definitions = definitions
        self._contents = contents
        self._repo = repo
        self._found: dict[str, Series | bytes | Exception] = {}

    def load(self, path: str, parsed: dict[tuple[str, bool, bytes], Series]) -> Series | bytes | Exception:
        """Rows of a data file, bytes of an image, or why there are none."""
        if path not in self._found:
            try:
                self._found[path] = self._load(path, parsed)
            except (DataverError, OSError, RecursionError) as exc:
                self._found[path] = exc
        return self._found[path]

    def refuse(self, path: str, why: Exception) -> None:
        """Let `load` of this file fail without looking at it, until `forget`."""
        self._found[path] = why

    def forget(self) -> None:
        """Drop what was read of data files; they are read again when asked for."""
        self._found.clear()

    def _load(self, path: str, parsed: dict[tuple[str, bool, bytes], Series]) -> Series | bytes:
        datafiles.check_kind(path)
        assert self._contents is not None
        rel = self._repo.rel(os.path.normpath(os.path.join(self._repo.cwd, path)))
        try:
            data = self._contents.read(rel, MAX_DATA_BYTES)
        except FileTooLarge as exc:
            raise datafiles.too_large(path, exc.size_bytes) from exc
        except OSError as exc:
            raise type(exc)(exc.errno, exc.strerror, path) from exc
        if datafiles.is_image(path):
            if not data:
                raise PlotError(f"'{path}' is empty.", "EmptyFileError")
            return data
        header = bool(self._definitions.get("", {}).get(path, {}).get("header", True))
        key = (path, header, data)
        if key not in parsed:
            parsed[key] = read_series(datafiles.parse(data, path, header), path)
        return parsed[key]


def read_revision(repo: Repo, name: str, files: FileSource, targets: Sequence[str], props: Props) -> Revision:
    """What one revision defines; no data file is read yet. What is wrong with it is among its problems."""
    problems: list[Problem] = []
    try:
        index = load_index(repo, files)
        contents = Contents(index)
        collector = Collector(index, contents, targets, props, lambda path, exc: problems.append(_problem(exc, name, source=path)))
        return Revision(name, collector.collect(), contents, repo, problems)
    except (DataverError, OSError, RecursionError) as exc:
        return Revision(name, {}, None, repo, [_problem(exc, name, rev_id=files.rev)])


def _problem(exc: Exception, rev: str, name: str = "", source: str = "", rev_id: str = "") -> Problem:
    if isinstance(exc, PlotError):
        return Problem(rev, exc.kind, exc.message, name, source)
    if isinstance(exc, RecursionError):
        return Problem(rev, "RecursionError", f"'{source}' is nested too deeply." if source else "the files are nested too deeply", name, source)
    described = describe(exc, rev_id)
    return Problem(rev, described["type"], described["msg"], name, source)


# --- over revisions
def _joined(revisions: list[Revision]) -> list[Plot]:
    parsed: dict[tuple[str, bool, bytes], Series] = {}
    ids = dict.fromkeys(plot_id for revision in revisions for plot_id in revision.plots)
    return [joined_plot(plot_id, [revision for revision in revisions if plot_id in revision.plots], parsed) for plot_id in ids]


def joined_plot(plot_id: str, revisions: list[Revision], parsed: dict[tuple[str, bool, bytes], Series]) -> Plot:
    """One plot of the revisions that define it. parsed: files that were read before, shared between plots."""
    props: Props = {}
    for revision in reversed(revisions):  # the first revision's options win
        props.update(revision.plots[plot_id][1])
    inner_id = revisions[0].plots[plot_id][0]
    if datafiles.is_image(inner_id):
        return _image_plot(inner_id, revisions, parsed)
    plot = Plot(plot_id, DATA, [], {}, [], [], [])
    for revision in revisions:
        inner_id, own = revision.plots[plot_id]
        found: dict[str, Series] = {}
        for source in sources_of(inner_id, own):
            loaded = revision.load(source, parsed)
            if isinstance(loaded, Series):
                found[source] = loaded
            elif isinstance(loaded, Exception):
                plot.problems.append(_problem(loaded, revision.name, plot_id, source))
            else:
                refused = PlotError(f"'{source}' is an image, not a file of rows.", "PlotMetricTypeError")
                plot.problems.append(_problem(refused, revision.name, plot_id, source))
        try:
            rows, completed = flatten(inner_id, found, props, revision.name)
        except PlotError as exc:
            plot.problems.append(_problem(exc, revision.name, plot_id))
            continue
        if rows:
            plot.revs.append(revision.name)
            plot.rows.extend(rows)
            if not plot.props:
                plot.props.update(completed)
    plot.props.setdefault("title", plot_id)
    return plot


def _image_plot(path: str, revisions: list[Revision], parsed: dict[tuple[str, bool, bytes], Series]) -> Plot:
    plot = Plot(path, IMAGE, [], {"title": path}, [], [], [])
    for revision in revisions:
        loaded = revision.load(path, parsed)
        if isinstance(loaded, bytes):
            plot.revs.append(revision.name)
            plot.images.append(Image(revision.name, path, loaded))
        elif isinstance(loaded, Exception):
            plot.problems.append(_problem(loaded, revision.name, path, path))
    return plot

