"""The shape of dvc.yaml: every section, stage key and option (dvc user guide, "dvc.yaml")."""
from __future__ import annotations

from tracking.engine.hints import Any
from tracking.engine.schema import (
    ANY_DICT,
    ANY_LIST,
    FLAG,
    TEXT,
    Check,
    anything,
    list_of,
    map_of,
    mapping_of,
    nothing,
    one_of,
    require,
)
from tracking.engine.yamlerror import Path, Problem

ANNOTATIONS: dict[str, Check] = {"desc": TEXT, "type": TEXT, "labels": list_of(TEXT), "meta": anything}
_OUT_OPTIONS: dict[str, Check] = {
    **ANNOTATIONS,
    "cache": FLAG,
    "persist": FLAG,
    "checkpoint": FLAG,  # accepted for old files, without effect
    "remote": TEXT,
    "push": FLAG,
}
PLOT_OPTIONS = ("template", "x", "y", "x_label", "y_label", "title", "header")
_STAGE_PLOT = mapping_of({**_OUT_OPTIONS, **dict.fromkeys(PLOT_OPTIONS, TEXT), "header": FLAG})
_OUTS = list_of(one_of(TEXT, map_of(mapping_of(_OUT_OPTIONS))))
_STAGE_PLOTS = list_of(one_of(TEXT, map_of(one_of(_STAGE_PLOT, list_of(_STAGE_PLOT)))))
_VARS = list_of(one_of(TEXT, ANY_DICT))
_TEXT_OR_LIST = one_of(TEXT, ANY_LIST)

_STAGE = mapping_of(
    {
        "cmd": _TEXT_OR_LIST,
        "wdir": TEXT,
        "deps": list_of(TEXT),
        "params": list_of(one_of(TEXT, ANY_DICT)),
        "vars": _VARS,
        "outs": _OUTS,
        "metrics": _OUTS,
        "plots": _STAGE_PLOTS,
        "frozen": FLAG,
        "always_changed": FLAG,
        "desc": TEXT,
        "meta": anything,
        "matrix": map_of(_TEXT_OR_LIST),
    },
    required=("cmd",),
)
_FOREACH = mapping_of({"foreach": one_of(TEXT, ANY_LIST, ANY_DICT), "do": _STAGE}, required=("foreach", "do"))

_TEXT_OR_TEXTS = one_of(TEXT, list_of(TEXT))
_PLOT = mapping_of(
    {
        "x": one_of(TEXT, map_of(TEXT)),
        "y": one_of(TEXT, list_of(TEXT), map_of(_TEXT_OR_TEXTS)),
        "x_label": TEXT,
        "y_label": TEXT,
        "title": TEXT,
        "template": TEXT,
    }
)
_ARTIFACT = mapping_of({"path": TEXT, **ANNOTATIONS}, required=("path",))


def _stage_or_foreach(value: Any, path: Path, problems: list[Problem]) -> None:
    grouped = isinstance(value, dict) and ("foreach" in value or "do" in value)
    (_FOREACH if grouped else _STAGE)(value, path, problems)


DVCYAML = mapping_of(
    {
        "stages": map_of(_stage_or_foreach),
        "vars": _VARS,
        "params": list_of(TEXT),
        "metrics": list_of(TEXT),
        "plots": list_of(one_of(TEXT, map_of(one_of(_PLOT, nothing), at_least_one=True))),
        "artifacts": map_of(_ARTIFACT),
        "datasets": anything,
    }
)


def validate_dvcyaml(content: Any, text: bytes | str, display: str) -> None:
    """Raise InvalidFile when the parsed content breaks the schema; `text` gives the lines."""
    require(content, DVCYAML, text, display)
