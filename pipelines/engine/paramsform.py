"""A params file as a form: one typed field for each value; what is typed becomes overrides of `-S`, and the change is shown before it is made."""
from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
import re

from pipelines.engine.experiments.overrides import DEFAULT_FILE, InvalidOverride, Quoted, as_text, by_file, parse, plain
from pipelines.engine.experiments.paramsedit import edited
from tracking.engine import atomic
from tracking.engine.errors import DataverError, InvalidFile
from tracking.engine.files import read_file
from tracking.engine.hints import Any, Iterable, Mapping, Sequence
from tracking.engine.params import flatten, lockable, lookup, read_params
from tracking.engine.record import field, record
from tracking.engine.repo import Repo

FORMATS = {".json": "json", ".toml": "toml", ".py": "py"}
MAX_BYTES = 1_000_000  # of a file that is shown as a form
MAX_FIELDS = 1000
CONTEXT_LINES = 3
_INT = re.compile(r"[+-]?[0-9](?:_?[0-9])*")


class ParamsChanged(DataverError):
    """The file is not the one that was looked at."""


@record(frozen=True)
class Param:
    """One value. key: dotted. kind: bool, int, float, str, null, list or dict (lists, and dicts without keys, are edited whole, as YAML).

    text: as it stands in the field. locked: why it cannot be set here; empty when it can. used_by: names of stages.
    head: text in the last commit, None when the key was not there.
    """

    key: str
    kind: str
    value: Any
    text: str
    locked: str = ""
    used_by: list[str] = field(default_factory=list)
    head: str | None = None


@record(frozen=True)
class ParamsContent:
    """path: posix, relative to the root. digest: md5 of the bytes, "" without a file. problem: why there are no params."""

    path: str
    format: str
    digest: str
    params: list[Param] = field(default_factory=list)
    problem: str = ""

    def find(self, key: str) -> Param | None:
        return next((param for param in self.params if param.key == key), None)


def format_of(path: str) -> str:
    return FORMATS.get(os.path.splitext(path.lower())[1], "yaml")


def digest_of(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


# --- reading
def read_content(repo: Repo, path: str, uses: Sequence[tuple[str, Sequence[str]]] = (), head: bytes | None = None) -> ParamsContent:
    """The file as it is now. uses: (stage's name, keys it reads; none: all) for each stage that reads the file. head: its bytes in HEAD."""
    try:
        data = read_file(inside(repo, path), MAX_BYTES)
    except (OSError, DataverError) as exc:
        return ParamsContent(path, format_of(path), "", problem=exc.strerror or str(exc) if isinstance(exc, OSError) else exc.message)
    try:
        values = read_params(data, path)
    except DataverError as exc:
        return ParamsContent(path, format_of(path), digest_of(data), problem=exc.hint or exc.message)
    if not isinstance(values, dict):
        return ParamsContent(path, format_of(path), digest_of(data), problem="it holds no names with values")
    before = _texts_at(head, path)
    flat = flatten(values)
    params = [_param(key, value, values, uses, before) for key, value in list(flat.items())[:MAX_FIELDS]]
    problem = f"only the first {MAX_FIELDS} of {len(flat)} values are shown" if len(flat) > MAX_FIELDS else ""
    return ParamsContent(path, format_of(path), digest_of(data), params, problem)


def inside(repo: Repo, path: str) -> str:
    """The absolute path of a params file. Raises DataverError for one outside of the project."""
    absolute = os.path.normpath(os.path.join(repo.root_dir, path))
    if "\0" in path or not repo.contains(absolute) or repo.contains_dvc_dir(absolute):
        raise DataverError(f"'{path}' is not inside of the project")
    return absolute


def _texts_at(data: bytes | None, path: str) -> dict[str, str]:
    if data is None:
        return {}
    try:
        values = read_params(data, path)
    except DataverError:
        return {}
    return {key: text_of(lockable(value)) for key, value in flatten(values).items()}


def _param(key: str, value: Any, values: Any, uses: Sequence[tuple[str, Sequence[str]]], head: Mapping[str, str]) -> Param:
    value = lockable(value)
    return Param(key, kind_of(value), value, text_of(value), _why_locked(key, values), [name for name, keys in uses if reads(keys, key)], head.get(key))


def _why_locked(key: str, values: Any) -> str:
    try:
        understood = parse(f"{key}=1").key == key and not key.startswith(("+", "~")) and lookup(values, key) is lookup(values, key)
        found = values
        for part in key.split("."):
            found = found[part] if part in found else found[next(name for name in found if str(name) == part)]
    except (DataverError, KeyError, TypeError, StopIteration):
        understood = False
    return "" if understood else "its name holds characters that cannot be named with -S; edit the file"


def reads(keys: Sequence[str], key: str) -> bool:
    """Whether a stage that reads `keys` (none: the whole file) reads a value."""
    return not keys or any(key == name or key.startswith(name + ".") or name.startswith(key + ".") for name in keys)


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "bool", int: "int", float: "float", list: "list", dict: "dict"}
    return kinds.get(type(value), "str")


def text_of(value: Any) -> str:
    """As a field shows it: what is typed back unchanged is the same value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, float):
        return ".nan" if math.isnan(value) else ("-" if value < 0 else "") + ".inf" if math.isinf(value) else repr(value)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


# --- typed text to values and overrides
def value_of(kind: str, text: str) -> Any:
    """What was typed into a field of a kind. Raises DataverError with a sentence for beside the field."""
    stripped = text.strip()
    if kind == "str":
        return text
    if kind == "bool":
        if stripped.lower() not in ("true", "false"):
            raise DataverError("true or false is needed")
        return stripped.lower() == "true"
    if kind == "int":
        return int(stripped) if _INT.fullmatch(stripped) else _float(stripped, "20 or 0.5")  # a rate that happens to be 1 becomes 0.7
    if kind == "float":
        return _float(stripped, "0.01 or 1e-4")
    value = _yaml(stripped)
    if kind == "null" and isinstance(value, (list, dict)):
        raise DataverError("one value is needed; write lists and mappings into the file")
    if kind in ("list", "dict") and kind_of(value) != kind:
        raise DataverError(f"a {'list' if kind == 'list' else 'mapping'} is needed, such as {'[1, 2]' if kind == 'list' else '{a: 1}'}")
    return value


def _float(text: str, example: str) -> float:
    special = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}
    if text.lower() in special:
        return special[text.lower()]
    try:
        if "n" in text.lower():  # nan and inf in Python's spelling
            raise ValueError
        return float(text)
    except ValueError:
        raise DataverError(f"a number is needed, such as {example}") from None


def _yaml(text: str) -> Any:
    from tracking.engine import yamlfile

    try:
        return yamlfile.load(text, "this field")
    except InvalidFile as exc:
        raise DataverError("this is no YAML" + (f", line {exc.line}" if exc.line else "")) from exc


def override_of(key: str, value: Any) -> str:
    """`key=value` that sets exactly this value. Raises DataverError when `-S` cannot say it."""
    text = f"{key}={_spelled(value)}"
    try:
        found = plain(parse(text).value)
    except InvalidOverride:
        found = object()
    if repr(found) != repr(value):
        raise DataverError("this value cannot be said with -S; edit the file")
    return text


def _spelled(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(_spelled(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{as_text(str(key))}:{_spelled(item)}" for key, item in value.items()) + "}"
    if not isinstance(value, str):
        return as_text(value) if not isinstance(value, bool) else str(value).lower()
    try:
        if value and plain(parse(f"k={as_text(value)}").value) == value:
            return as_text(value)
    except InvalidOverride:
        pass
    return as_text(Quoted(value, '"' if "'" in value and '"' not in value else "'"))


def in_file(path: str, override: str) -> str:
    """An override with its file in front, where that is not params.yaml."""
    return override if path == DEFAULT_FILE else f"{path}:{override}"


@record(frozen=True)
class Edits:
    """What was typed, understood. overrides: with the file, for -S. undo: those that bring the present values back. errors: by key."""

    overrides: list[str]
    undo: list[str]
    keys: list[str]
    errors: dict[str, str]


def understand(content: ParamsContent, typed: Mapping[str, str]) -> Edits:
    """typed: key -> text of a field. Fields whose value is the present one are left out."""
    overrides, undo, keys = [], [], []
    errors: dict[str, str] = {}
    for key, text in typed.items():
        param = content.find(key)
        if param is None:
            errors[key] = "the file has no such name any more"
            continue
        if text == param.text:
            continue
        try:
            if param.locked:
                raise DataverError(param.locked)
            value = value_of(param.kind, text)
            if repr(value) == repr(param.value):
                continue
            overrides.append(in_file(content.path, override_of(key, value)))
            undo.append(in_file(content.path, override_of(key, param.value)))
            keys.append(key)
        except DataverError as exc:
            errors[key] = exc.message
    return Edits(overrides, undo, keys, errors)


# --- writing
@record(frozen=True)
class DiffLine:
    """sign: "-", "+", "" or "…" (lines left out). number: in the old file for "-", else in the new one. mark: [start, end) of what differs in text."""

    sign: str
    number: int
    text: str
    mark: tuple[int, int] | None = None


def diff_lines(old: bytes, new: bytes) -> list[DiffLine]:
    """What changes between two texts, with some lines around."""
    a, b = (data.decode("utf-8", "replace").splitlines() for data in (old, new))
    found: list[DiffLine] = []
    for group in difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(CONTEXT_LINES):
        if found:
            found.append(DiffLine("…", 0, ""))
        for tag, a0, a1, b0, b1 in group:
            if tag == "equal":
                found += [DiffLine("", number + 1, b[number]) for number in range(b0, b1)]
                continue
            marks = [_marks(x, y) for x, y in zip(a[a0:a1], b[b0:b1])] if a1 - a0 == b1 - b0 else []
            found += [DiffLine("-", number + 1, a[number], marks[number - a0][0] if marks else None) for number in range(a0, a1)]
            found += [DiffLine("+", number + 1, b[number], marks[number - b0][1] if marks else None) for number in range(b0, b1)]
    return found


def _marks(old: str, new: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The part of two lines that differs: whole words, so that 0.003 and 0.01 are marked as such."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    while start and not old[start - 1].isspace() and old[start - 1] not in "[({,:=":
        start -= 1
    while end and not old[len(old) - end].isspace() and old[len(old) - end] not in "])},:#":
        end -= 1
    return (start, len(old) - end), (start, len(new) - end)


def preview(repo: Repo, path: str, overrides: Iterable[str]) -> tuple[bytes, bytes]:
    """The file's bytes now, and as the overrides would make them. Raises InvalidOverride, ParamsError, OSError."""
    data = read_file(inside(repo, path))
    return data, edited(data, path, [text for texts in by_file(overrides).values() for text in texts])


def write_params(repo: Repo, texts: Iterable[str], cwd: str, digest: str | None = None) -> list[str]:
    """Make the changes that overrides say; returns the files that changed, as the overrides name them.

    digest: md5 of the only file the overrides name; ParamsChanged when it holds something else by now.
    """
    grouped = by_file(texts)
    changes = {}
    for name, overrides in grouped.items():
        path = inside(repo, os.path.join(cwd, name))
        try:
            data = read_file(path)
        except (FileNotFoundError, NotADirectoryError):
            data = None
        if digest is not None and digest_of(data or b"") != digest:
            raise ParamsChanged(f"'{name}' changed since it was read, so nothing was written", hint="Look at it again, then set the values anew.")
        start = data if data is not None else b"{}" if format_of(name) == "json" else b""
        after = edited(start, name, overrides)
        if after != data:
            changes[name] = (path, after)
    for path, after in changes.values():
        atomic.write_bytes(path, after)
    return list(changes)
