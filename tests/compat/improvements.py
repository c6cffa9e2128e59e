"""Where dataver answers differently from dvc on purpose. The only place such differences may live.

Each entry is a function of (operation, dvc's outcome, dataver's outcome, differences on disk)
that returns True when it explains them all. Its docstring is the reason, for users too. After an
explained difference the second project is made equal to the first, and the run goes on.
"""
from __future__ import annotations

from collections.abc import Callable

from tests.compat.operations import Operation, Outcome

Differences = dict[str, tuple[str, str]]
Improvement = Callable[[Operation, Outcome, Outcome, Differences], bool]


def explain(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> str | None:
    """The first line of the reason for a difference, or None when there is none."""
    for improvement in IMPROVEMENTS:
        if improvement(operation, left, right, found):
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
    """`add --glob` takes files sorted by name, dvc in the order of the folder: after a failure other files are done."""
    return operation[1:3] == ["add", "--glob"] and left.code == right.code != 0


def _remove_of_a_broken_link(operation: Operation, left: Outcome, right: Outcome, found: Differences) -> bool:
    """`remove` works when the data is a link to an object that is gone; dvc ends with an unexpected error."""
    return operation[1] == "remove" and right.code == 0 and "can't unprotect non-existing data" in left.err


IMPROVEMENTS: tuple[Improvement, ...] = (_order_of_lock_entries, _glob_in_order, _remove_of_a_broken_link)
