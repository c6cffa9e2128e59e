"""What is to be drawn in one revision: plots of stages, of dvc.yaml's top level, and named files.

A definition is a dict of options (`x`, `y`, `template`, `title`, labels, `header`). Names of
files are posix and relative to the cwd, as clients expect them.
"""
from __future__ import annotations

import os
import posixpath
import re

from tracking.engine.contents import Contents, ManifestMissing
from tracking.engine.errors import CorruptObject
from tracking.engine.hints import Any, Callable, Sequence
from tracking.engine.index import Index, Pipeline

PROPS = ("template", "x", "y", "x_label", "y_label", "title", "header")

Props = dict[str, Any]
Definitions = dict[str, dict[str, Props]]  # dvc.yaml, "" for stages and targets -> id -> options


class Collector:
    """Collects the definitions of one index.

    given: options of the command line, which win. onerror(name, error): told of a folder that
    cannot be listed.
    """

    def __init__(self, index: Index, contents: Contents, targets: Sequence[str], given: Props, onerror: Callable[[str, Exception], None]) -> None:
        self._index = index
        self._repo = index.repo
        self._contents = contents
        self._targets = targets
        self._given = given
        self._onerror = onerror
        self._matchers = [_matcher(target) for target in targets]

    def collect(self) -> Definitions:
        """Raises ManifestMissing for a plot inside a tracked folder whose list of files is nowhere."""
        found: Definitions = {}
        for pipeline in self._index.pipelines:
            if pipeline.plots:
                name = self._repo.display(pipeline.file)
                _merge(found.setdefault(name, {}), self._top_level(pipeline, name))
        for stage, out in self._index.outs:
            if out.kind != "plot" or not out.abspath:
                continue
            name = self._repo.display(out.abspath)
            if not self._matches(name, self._repo.display(stage.file)):
                continue
            for plot in out.plot if isinstance(out.plot, list) else [out.plot or {}]:
                options = {key: value for key, value in plot.items() if key in PROPS}
                _merge(found.setdefault("", {}), self._unpacked(name, options))
        for target in self._targets:
            if not found or self._exists(target):
                _merge(found.setdefault("", {}), self._unpacked(posixpath.normpath(target), {}))
        return found

    # --- top level of dvc.yaml
    def _top_level(self, pipeline: Pipeline, name: str) -> dict[str, Props]:
        folder = posixpath.dirname(name)
        listed: dict[str, Props] = {}
        for element in pipeline.plots:
            if isinstance(element, dict):
                for plot_id, options in element.items():
                    listed[str(plot_id)] = options or {}
            else:
                listed[str(element)] = {}
        parents = [_joined(folder, plot_id) for plot_id in listed]
        found: dict[str, Props] = {}
        for plot_id, options in listed.items():
            if not self._matches(plot_id, name):
                continue
            if isinstance(options.get("y"), dict):
                _merge(found, {plot_id: {**_relocated(options, folder), **self._given}})
                continue
            path = _joined(folder, plot_id)
            unpacked = self._unpacked(path, options)
            # a file belongs to the most specific of the folders that are listed
            _merge(found, {file: props for file, props in unpacked.items() if _closest(file, parents) == path})
        return found

    def _matches(self, plot_id: str, file: str) -> bool:
        full = f"{file}::{plot_id}"
        return not self._matchers or any(matches(plot_id) or matches(full) for matches in self._matchers)

    # --- files and folders
    def _rel(self, name: str) -> str:
        return self._repo.rel(os.path.normpath(os.path.join(self._repo.cwd, name)))

    def _exists(self, name: str) -> bool:
        rel = self._rel(name)
        try:
            return self._contents.exists(rel)
        except (ManifestMissing, CorruptObject):
            if self._is_out(rel):
                return True
            raise

    def _unpacked(self, name: str, options: Props) -> dict[str, Props]:
        """name -> options, or each file of a folder -> options."""
        props = {**options, **self._given}
        rel = self._rel(name)
        files = self._contents.find(rel)
        if files == [rel]:
            try:
                self._contents.exists(rel)
            except (ManifestMissing, CorruptObject) as exc:
                if not self._is_out(rel):
                    raise  # clients expect that nothing of the revision is drawn
                self._onerror(name, exc)
                return {}
        return {self._repo.display(self._repo.abs(file)): dict(props) for file in files}

    def _is_out(self, rel: str) -> bool:
        return self._repo.abs(rel) in self._index.out_by_path


def _matcher(target: str) -> Callable[[str], Any]:
    """Targets are regular expressions that ids begin with; what is none is taken as it is."""
    try:
        return re.compile(target).match
    except re.error:
        return re.compile(re.escape(target)).match


def _joined(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path.replace("\\", "/")))


def _relocated(options: Props, folder: str) -> Props:
    """Options whose files are relative to the cwd, not to their dvc.yaml."""
    changed = dict(options)
    for axis in ("x", "y"):
        if isinstance(options.get(axis), dict):
            changed[axis] = {_joined(folder, str(path)): fields for path, fields in options[axis].items()}
    return changed


def _closest(path: str, parents: list[str]) -> str:
    best = ""
    for parent in parents:
        try:
            common = posixpath.commonpath([path, parent])
        except ValueError:  # one is absolute
            continue
        if len(common) > len(best):
            best = common
    return best


def _merge(into: dict[str, Any], found: dict[str, Any]) -> None:
    for key, value in found.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def by_id(definitions: Definitions) -> dict[str, tuple[str, Props]]:
    """What the plot is called -> (its own id, options); `dvc.yaml::id` where several files define one id."""
    files: dict[str, dict[str, Props]] = {}
    for file, plots in definitions.items():
        for plot_id, props in plots.items():
            files.setdefault(plot_id, {})[file] = props
    found: dict[str, tuple[str, Props]] = {}
    for plot_id, variants in files.items():
        for file, props in variants.items():
            full = plot_id if len(variants) == 1 or not file else f"{file}::{plot_id}"
            found[full] = (plot_id, props)
    return found
