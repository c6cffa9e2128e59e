"""What a command leaves that changes records, and ends before it is done."""
from __future__ import annotations

from tests.compat.operations import Differences
from tests.compat.records import is_tracked, saved_by_commit, shown_manifest, shown_oid, shown_yaml


def written_by_add(key: str, pair: tuple[str, str]) -> bool:
    """What saving data changes: dvc's files, .gitignore, objects, and whether data is linked (never its content)."""
    if key.endswith((".dvc", "dvc.lock", ".gitignore")) or "/cache/" in key or key.startswith("cache/"):
        return True
    return "absent" not in pair and shown_oid(pair[0]) == shown_oid(pair[1]) != ""


def left_by_commit(found: Differences, box: str) -> bool:
    """Whether all that differs are records, and objects and links of tracked data that lies in the workspace."""
    oids = saved_by_commit(box)
    for key, pair in found.items():
        if key.endswith((".dvc", "dvc.lock", ".gitignore")) or "/cache/runs/" in f"/{key}":
            continue
        if "/cache/" in f"/{key}":
            shown = next((shown for shown in pair if shown != "absent"), "")
            held = set(shown_manifest(shown).values()) if key.endswith(".dir") else {shown_oid(shown)}
            if "absent" not in pair or not held <= oids:
                return False
        elif not written_by_add(key, pair) or not is_tracked(box, key):
            return False
    return True


def left_by_stages(found: Differences) -> bool:
    """Whether all that differs is what a stage leaves that ran in one project only, by what dvc.lock says of it, or a .dvc file recorded anew."""
    outs: set[str] = set()
    for key, pair in found.items():
        if key.endswith("dvc.lock") and not key.startswith("git:"):
            first, second = ((shown_yaml(shown) or {}).get("stages", {}) for shown in pair)
            changed = [stages[name] for name in first.keys() | second.keys() for stages in (first, second) if first.get(name) != second.get(name) and name in stages]
            outs |= {out["path"] for stage in changed for out in stage.get("outs", ())}
    return all(written_by_add(key, pair) or any(_is_of(key, out) for out in outs) for key, pair in found.items())


def _is_of(key: str, out: str) -> bool:
    """Whether a path of the box is an out, relative to some dvc.yaml, lies in it, or is a folder it lies in."""
    return f"/{out}/" in f"{key}/" or any(key.endswith(f"/{out[:end]}") for end, letter in enumerate(out) if letter == "/")
