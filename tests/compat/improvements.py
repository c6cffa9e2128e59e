"""Where dataver answers differently from dvc on purpose. The only place such differences may live.

Each entry is a function of (operation, dvc's outcome, dataver's outcome, differences on disk)
that returns True when it explains them all. Its docstring is the reason, for users too. After an
explained difference the second project is made equal to the first, and the run goes on.
"""
from __future__ import annotations

import re
from collections.abc import Callable

from tests.compat.operations import Operation, Outcome

Differences = dict[str, tuple[str, str]]
Improvement = Callable[[Operation, Outcome, Outcome, Differences], bool]


def explain(operation: Operation, left: Outcome, right: Outcome, found: Differences, *, turns: bool = False) -> str | None:
    """The first line of the reason for a difference, or None when there is none."""
    words = [operation[0], *operation[3:]] if operation[0] == "tool_by" else [operation[0], *operation[2:]] if operation[0] == "tool_in" else operation
    if not words[0].startswith("tool") or len(words) < 2:
        return None
    for improvement in IMPROVEMENTS + (ONLY_IN_TURNS if turns else ()):
        if improvement(words, left, right, found):
            return (improvement.__doc__ or "").strip().splitlines()[0]
    return None


def _order_of_lock_entries(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Independent stages run in no stable order in dvc, so new entries of dvc.lock may be swapped."""
    if left.code != right.code or not found:
        return False
    locks = [key for key in found if key.endswith("dvc.lock") and not key.startswith("git:")]
    blobs = [key for key in found if key.startswith("git:index ") and key.endswith("dvc.lock")]
    return bool(locks) and len(locks) + len(blobs) == len(found) and all(
        sorted(_entries(found[key][0])) == sorted(_entries(found[key][1])) for key in locks
    )


def _entries(shown: str) -> list[str]:
    """Stage blocks of a dvc.lock as the snapshot shows it (repr of its bytes)."""
    return shown.replace("\\n  ", "\n  ").replace("\n    ", "\\n    ").replace("\n  -", "\\n  -").rstrip("'\\n").split("\n")


def _glob_in_order(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """`add --glob` takes files sorted by name, dvc in the order of the folder: .gitignore, and what a failure leaves, differ."""
    return operation[1:3] == ["add", "--glob"] and left.code == right.code and (left.code != 0 or all(key.endswith(".gitignore") for key in found))


def _remove_of_a_broken_link(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """`remove` works when the data is a link to an object that is gone; dvc ends with an unexpected error."""
    return operation[1] == "remove" and right.code == 0 and "can't unprotect non-existing data" in left.err


def _templates_can_be_edited(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """A stage that uses `${...}` but comes from no group can be frozen, unfrozen and removed; its templates stay."""
    return operation[1] in ("freeze", "unfreeze", "remove") and right.code == 0 and "parametrized stage" in left.err


def _add_beside_a_broken_pipeline(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Overlaps and cycles among other stages do not keep data from being added; `repro` refuses them."""
    told = ("overlap and are thus", "Same item(s) are defined", "is specified in:")
    return operation[1] in ("add", "move") and left.code == 1 and right.code == 0 and any(text in left.err for text in told)


def _done_before_a_failure(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Both fail with the same code, having done other parts first: dvc goes through stages in no stable order."""
    same_end = left.err.strip().splitlines()[-1:] == right.err.strip().splitlines()[-1:]
    return left.code == right.code != 0 and (operation[1] in ("commit", "add") or (operation[1] == "repro" and same_end))


def _ignored_after_a_failure(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Stages that finished keep their .gitignore entries when a later one fails; dvc takes them back."""
    return operation[1] == "repro" and left.code == right.code != 0 and all(key.endswith(".gitignore") for key in found)


def _data_without_a_copy_stays(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Checkout does not delete data when its replacement is missing, nor outs with `cache: false`."""
    same = left.code == right.code or ("Checkout failed" in left.err and right.code == 0)
    return operation[1] in ("checkout", "pull") and same and all(first == "absent" for first, _ in found.values())


def _new_description(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """`stage add -f --desc` writes the description; dvc drops it."""
    return operation[1:3] == ["stage", "add"] and "--desc" in operation and left.code == right.code == 0 and all(key.endswith("dvc.yaml") for key in found)


def _unprotect_of_nothing(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """`unprotect` of a path that is not there is a plain error, not an unexpected one."""
    return operation[1] == "unprotect" and not found and left.code != 0 != right.code


def _no_scratch_manifests(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Looking at folders of 2.x leaves nothing behind; dvc stores a manifest of what lies there in the cache."""
    return left.code == right.code and bool(found) and all(
        re.search(r"cache/[0-9a-f]{2}/[0-9a-f]{30}\.dir$", key) and second == "absent" for key, (_, second) in found.items()
    )


def _no_anchors(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Params that are tracked twice (`model` and `model.layers`) are written out; dvc writes a YAML anchor and alias."""
    return left.code == right.code and any("&id0" in first for first, _ in found.values()) and all(
        key.endswith("dvc.lock") or "/runs/" in key for key in found
    )


def _only_frozen_changes(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """`freeze` and `unfreeze` change one key; dvc also sorts and joins the stage's params."""
    return operation[1] in ("freeze", "unfreeze") and left.code == right.code == 0 and all(key.endswith("dvc.yaml") for key in found)


def _other_sections_stay(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Removing the last stage keeps a dvc.yaml that still has params, metrics, plots, artifacts or vars."""
    return operation[1] == "remove" and left.code == right.code == 0 and all(
        key.endswith("dvc.yaml") and first == "absent" for key, (first, _) in found.items()
    )


def _links_made_by_the_other(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """Each tool remembers privately which data it brought, so checkout does not delete unused data of the other."""
    return operation[1] == "checkout" and all("absent" in pair for pair in found.values())


IMPROVEMENTS: tuple[Improvement, ...] = (
    _order_of_lock_entries,
    _glob_in_order,
    _remove_of_a_broken_link,
    _templates_can_be_edited,
    _add_beside_a_broken_pipeline,
    _done_before_a_failure,
    _ignored_after_a_failure,
    _data_without_a_copy_stays,
    _new_description,
    _unprotect_of_nothing,
    _no_scratch_manifests,
    _no_anchors,
    _only_frozen_changes,
    _other_sections_stay,
)
ONLY_IN_TURNS: tuple[Improvement, ...] = (_links_made_by_the_other,)
