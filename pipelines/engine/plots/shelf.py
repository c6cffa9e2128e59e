"""Plots of one project for pages, which ask for a few at a time: lists without data, then single plots.

What a commit defines never changes and is remembered; the workspace and all data files are read
at each question.
"""
from __future__ import annotations

import os
import re
from collections import OrderedDict

from pipelines.engine.plots import datafiles
from pipelines.engine.plots.collect import DATA, IMAGE, Plot, Problem, Revision, joined_plot, read_revision
from pipelines.engine.plots.datafiles import PlotError
from pipelines.engine.plots.points import Props, sources_of
from pipelines.engine.revisions import WORKSPACE
from tracking.engine.errors import RevisionNotFound
from tracking.engine.files import WorkspaceFiles
from tracking.engine.hints import Mapping, Sequence
from tracking.engine.record import field, record
from tracking.engine.repo import Repo

KEPT = 64  # definitions of commits
DEFINED = "dvc.yaml"  # folder in the tree of plots that are no file
_STEP = re.compile(r"(?:(.*)/)?(\d{1,15})(\.\w+)")


@record(frozen=True)
class Step:
    """One image of a series of images `<folder>/<number>.<extension>`."""

    number: int
    id: str
    revs: list[str]


@record(frozen=True)
class Listed:
    """A plot that could be drawn; whether its files can be read is not known yet.

    id: of the plot; for images with steps the folder and extension. revs: that define it. steps: by number.
    """

    id: str
    kind: str
    title: str
    folder: str
    name: str
    revs: list[str]
    steps: list[Step] = field(default_factory=list)


class Shelf:
    """Not for several threads at once; close `repo.scm` after use, it is opened again when needed."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self._known: OrderedDict[tuple[str, str], Revision] = OrderedDict()

    def resolve(self, name: str) -> str:
        """Id of the commit, or "workspace". Raises RevisionNotFound, GitError."""
        if name == WORKSPACE:
            return WORKSPACE
        if self.repo.scm is None:
            raise RevisionNotFound(f"'{name}' cannot be shown: the project is not in a Git repository")
        return self.repo.scm.resolve(name)

    def revisions(self, wanted: Mapping[str, str]) -> list[Revision]:
        """wanted: name -> what `resolve` gave. Workspace first, as everywhere."""
        return [self._revision(name, wanted[name]) for name in sorted(wanted, key=lambda name: name != WORKSPACE)]

    def _revision(self, name: str, sha: str) -> Revision:
        if sha == WORKSPACE:
            return read_revision(self.repo, name, WorkspaceFiles(self.repo.root_dir), (), {})
        known = self._known.get((name, sha))
        if known is None:
            assert self.repo.scm is not None
            known = read_revision(self.repo, name, self.repo.scm.files_at(sha, self.repo.root_dir), (), {})
            if known.problems:  # an object may arrive in the cache
                return known
            self._known[name, sha] = known
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end((name, sha))
        return known

    def plot(self, plot_id: str, revisions: Sequence[Revision]) -> Plot | None:
        """One plot with its data; None when no revision defines it."""
        having = [revision for revision in revisions if plot_id in revision.plots]
        for revision in having:
            if revision.name == WORKSPACE:
                self.refuse_outside(revision, *revision.plots[plot_id], self.repo.cwd)
        try:
            return joined_plot(plot_id, having, {}) if having else None
        finally:
            for revision in having:
                revision.forget()


    def refuse_outside(self, revision: Revision, inner_id: str, props: Props, folder: str) -> None:
        """A page shows nothing of the machine because a file of the project leads there; the cache may be elsewhere. folder: where names of files begin."""
        allowed = [os.path.realpath(place) for place in (self.repo.root_dir, self.repo.cache_dir, folder)]
        for source in sources_of(inner_id, props):
            real = os.path.realpath(os.path.join(folder, source))
            if not any(real.startswith(place + os.sep) for place in allowed):
                revision.refuse(source, PlotError(f"'{source}' leads out of the project, so it is not shown here.", "UnsafePath"))


def listed(revisions: Sequence[Revision]) -> list[Listed]:
    """Data first, in the order of definition, then images; numbered ones of a folder as one."""
    data: dict[str, Listed] = {}
    images: dict[str, Listed] = {}
    for revision in revisions:
        for plot_id, (inner_id, props) in revision.plots.items():
            if datafiles.is_image(inner_id):
                images.setdefault(inner_id, _entry(inner_id, inner_id, IMAGE, {})).revs.append(revision.name)
            else:
                data.setdefault(plot_id, _entry(plot_id, inner_id, DATA, props)).revs.append(revision.name)
    return [*data.values(), *_with_steps(images)]


def problems_of(revisions: Sequence[Revision]) -> list[Problem]:
    return [problem for revision in revisions for problem in revision.problems]


def _entry(plot_id: str, inner_id: str, kind: str, props: Mapping[str, object]) -> Listed:
    is_file = not isinstance(props.get("y"), dict)
    folder, _, name = inner_id.rpartition("/") if is_file else (DEFINED, "", plot_id)
    return Listed(plot_id, kind, str(props.get("title") or name), folder, name, [], [])


def _with_steps(images: Mapping[str, Listed]) -> list[Listed]:
    """Images sorted by name, those with a number as its file name joined."""
    series: dict[str, list[tuple[int, Listed]]] = {}
    found: dict[str, Listed] = {}
    for image in images.values():
        match = _STEP.fullmatch(image.id)
        if match:
            series.setdefault(f"{match[1] or '.'}/*{match[3]}", []).append((int(match[2]), image))
        else:
            found[image.id] = image
    for name, members in series.items():
        if len(members) == 1:
            found[members[0][1].id] = members[0][1]
            continue
        members.sort(key=lambda member: (member[0], member[1].id))
        steps = [Step(number, image.id, image.revs) for number, image in members]
        revs = [rev for rev in dict.fromkeys(rev for step in steps for rev in step.revs)]
        folder = name.rpartition("/")[0]
        above, _, last = folder.rpartition("/")
        found[name] = Listed(name, IMAGE, last, above, last, revs, steps)
    return [found[name] for name in sorted(found)]
