"""Three-way merge of dvc.lock.

The entry of a stage is the record of one run: this command read these deps and params and
made these outs. So entries are never mixed: the result holds, for each stage, the whole entry
of one side. Where that could be either and the outs differ, a person has to choose.
"""
from __future__ import annotations

from tracking.engine import lockfile
from tracking.engine.hints import Any
from tracking.engine.record import record
from tracking.engine.threeway import Pair, conflict, mark, merge_keys, reasons_of, same

Entry = dict[str, Any]

# a line of the top level or one that begins a stage or a dataset
_BLOCK = r"^(?:  )?[^\s#]"
_FACTS = ("size", "nfiles")  # of an out: they follow from its hash


@record(frozen=True)
class Merged:
    """text: what the file shall hold, with conflict markers when `conflicts` (sentences) is not empty. notes: what to tell."""

    text: str
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def merge_lock(base: str, ours: str, theirs: str, display: str) -> Merged:
    """Merge three texts of a dvc.lock ("" where there was none). Raises InvalidFile when one cannot be read.

    Stages that ours does not have are appended, as a first run would.
    """
    old, mine, other = (lockfile.parse_lock(text, display) for text in (base, ours, theirs))
    notes: list[str] = []
    pairs = merge_keys(old.stages, mine.stages, other.stages, lambda name: lambda *entries: _choose(name, entries, notes))
    datasets = merge_keys(_by_name(old.datasets), _by_name(mine.datasets), _by_name(other.datasets), lambda name: conflict(f"dataset '{name}': changed on both sides"))
    conflicts = reasons_of([*pairs.values(), *datasets.values()])
    left = _text(ours, {name: pair.ours for name, pair in pairs.items()}, {name: pair.ours for name, pair in datasets.items()}, mine, display)
    if not conflicts:
        return Merged(left, notes=tuple(notes))
    right = _text(ours, {name: pair.theirs for name, pair in pairs.items()}, {name: pair.theirs for name, pair in datasets.items()}, mine, display)
    return Merged(mark(left, right, _BLOCK), conflicts, tuple(notes))


def _choose(name: str, entries: tuple[Any, ...], notes: list[str]) -> Pair:
    """Both sides changed a stage, differently."""
    _, ours, theirs = entries
    if ours is None or theirs is None:
        gone, ran = ("ours", "theirs") if ours is None else ("theirs", "ours")
        return Pair(ours, theirs, (f"stage '{name}': removed by {gone}, run again by {ran}",))
    differing = _differing_outs(ours, theirs)
    if differing:
        return Pair(ours, theirs, (f"stage '{name}': both sides ran it and made different outs ({', '.join(differing)})",))
    if not _same_inputs(ours, theirs):
        notes.append(f"stage '{name}' ran on both sides with different inputs and made the same outs: the record of ours is kept")
    return Pair(ours, ours)


def _same_inputs(ours: Entry, theirs: Entry) -> bool:
    return all(same(ours.get(key), theirs.get(key)) for key in ("cmd", "deps", "params"))


def _differing_outs(ours: Entry, theirs: Entry) -> list[str]:
    """Paths of outs that are not the same data on both sides, sorted."""
    left, right = _outs(ours), _outs(theirs)
    return sorted(path for path in left.keys() | right.keys() if not same(left.get(path), right.get(path)))


def _outs(entry: Entry) -> dict[str, Entry]:
    return {item["path"]: {key: value for key, value in item.items() if key not in _FACTS} for item in entry.get("outs") or ()}


def _by_name(datasets: tuple[Entry, ...]) -> dict[str, Entry]:
    return {str(item.get("name")): item for item in datasets}


def _text(ours: str, stages: dict[str, Any], datasets: dict[str, Any], mine: lockfile.Lock, display: str) -> str:
    """Our text with these entries (None: without)."""
    changes = {name: entry for name, entry in stages.items() if not same(entry, mine.stages.get(name))}
    text = lockfile.update_lock(ours, changes, display) if changes else ours
    wanted = [item for item in datasets.values() if item is not None]
    if same(wanted, list(mine.datasets)):
        return text
    from tracking.engine import yamlfile

    def change(content: Any) -> None:
        if wanted:
            content.setdefault("schema", lockfile.SCHEMA)
            content["datasets"] = wanted
        else:
            content.pop("datasets", None)

    return yamlfile.edit(text, change, display)


