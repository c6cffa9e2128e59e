"""`plots modify`: display options of a stage's plot, edited in dvc.yaml in their place."""
from __future__ import annotations

import os

from pipelines.engine.plots.definitions import Props
from pipelines.engine.plots.templates import load_template
from tracking.engine import atomic, yamlfile
from tracking.engine.errors import DataverError, OutputNotFound
from tracking.engine.hints import Any, Sequence
from tracking.engine.index import load_index
from tracking.engine.repo import Repo
from tracking.engine.stage import Stage


def modify(repo: Repo, target: str, props: Props, unset: Sequence[str] | None) -> Stage:
    """Set and remove options of the plot at a path (relative to the cwd); an out or metric becomes a plot.

    unset None: nothing was to be removed. Returns the stage. Raises OutputNotFound, TemplateError, DataverError.
    """
    if props.get("template"):
        load_template(props["template"], os.path.join(repo.dvc_dir, "plots"), repo.cwd)
    found = load_index(repo).out_by_path.get(os.path.normpath(os.path.join(repo.cwd, target)))
    if found is None:
        raise OutputNotFound(f"Unable to find DVC file with output '{target}'", hint="Only plots that a stage names can be modified; edit the others in dvc.yaml.")
    stage, out = found
    if not stage.name:
        raise DataverError(f"'{target}' is no output of a stage, so it has no display properties", hint="Add it to `plots` at the top level of dvc.yaml.")
    if stage.generated:
        raise DataverError(f"cannot dump a parametrized stage: '{stage.address(repo.cwd)}'", hint="Edit its group in dvc.yaml.")
    if isinstance(out.plot, list):
        raise DataverError(f"'{target}' has several plots", hint="Edit them in dvc.yaml.")
    if out.kind != "plot" and unset is not None:
        raise DataverError(f"'{target}' is not a known plot. Use `dvc plots modify` to turn it into one.")
    missing = sorted(set(unset or ()) - set(out.plot or {}))
    if missing:
        raise DataverError(f"display properties {missing} not found in plot '{target}'")
    with open(stage.file, encoding="utf-8") as file:
        old = file.read()
    text = yamlfile.edit(old, lambda content: _change(content, stage, out.path, props, unset or ()), repo.display(stage.file))
    if text != old:
        atomic.write_text(stage.file, text)
    return stage


def _change(content: Any, stage: Stage, path: str, props: Props, unset: Sequence[str]) -> None:
    definition = content["stages"][stage.name]
    for section in ("plots", "outs", "metrics"):
        for place, entry in enumerate(definition.get(section) or ()):
            name = next(iter(entry)) if isinstance(entry, dict) else entry
            if str(name) != path:
                continue
            options = entry[name] if isinstance(entry, dict) and entry[name] is not None else {}
            for key in unset:
                del options[key]
            options.update(props)
            changed = {name: options} if options else name
            if section == "plots":
                definition["plots"][place] = changed
                return
            del definition[section][place]
            if not definition[section]:
                del definition[section]
            definition.setdefault("plots", []).append(changed)
            return
    raise DataverError(f"'{path}' of stage '{stage.name}' is not written as such in dvc.yaml", hint="Edit the file by hand.")
