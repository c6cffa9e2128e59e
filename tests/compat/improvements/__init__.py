"""Where dataver answers differently from dvc on purpose. The only place such differences may live.

Each entry is a function of (operation, dvc's outcome, dataver's outcome, differences on disk,
the folder dvc worked in) that returns True when it explains them all, and only then: it looks
at what differs, not just at the command. Its docstring is the reason, for users too. After an
explained difference the second project is made equal to the first, and the run goes on.

By topic: adding, bringing, exchanging, running. docs/differences.md is the list for users; `python -m tests.compat.improvements` prints it.
"""
from __future__ import annotations

import os
from dataclasses import replace

from tests.compat.improvements import adding, bringing, exchanging, running
from tests.compat.operations import Differences, Improvement, Operation, Outcome
from tests.compat.records import failed_targets, is_tracked, manifest_missing

TOPICS: dict[str, tuple[Improvement, ...]] = {
    "Adding, moving, removing": adding.IMPROVEMENTS,
    "Checkout and pull": bringing.IMPROVEMENTS,
    "Remotes, the cache and lost manifests": exchanging.IMPROVEMENTS,
    "Pipelines, params and metrics": running.IMPROVEMENTS,
}


def explain(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str, *, turns: bool = False) -> str | None:
    """The first line of the reason for a difference, or None when there is none. box: the first one's folder."""
    words = [operation[0], *operation[3:]] if operation[0] == "tool_by" else [operation[0], *operation[2:]] if operation[0] == "tool_in" else operation
    if not words[0].startswith("tool") or len(words) < 2:
        return None
    found = {key: pair for key, pair in found.items() if f"project/{key.removeprefix('git:index ')}" not in found}  # staged as it is
    for improvement in IMPROVEMENTS + (ONLY_IN_TURNS if turns else ()):
        if improvement(words, left, right, found, box):
            return _first_line(improvement)
    return None


def _several_reasons_to_keep_data(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout keeps data for several of these reasons at once."""
    if operation[1] not in ("checkout", "pull") or not found or (left.code != right.code and not ("Checkout failed" in left.err and right.code == 0)):
        return False
    tops = [key for key in found if os.path.dirname(key) not in found]
    parts = [{key: pair for key, pair in found.items() if key == top or key.startswith(f"{top}/")} for top in tops]
    failed = failed_targets(left.err) if left.code != right.code else set()
    alike = replace(left, code=right.code)
    return all(any(reason(operation, alike, right, part, box) for reason in KEEPING_DATA) for part in parts) and all(
        any(key == name or key.startswith(f"{name}/") for key in found) for name in failed
    )


def _links_made_by_the_other(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Each tool remembers privately which data it brought, so checkout does not delete unused data of the other (or of a copy)."""
    return operation[1] in ("checkout", "pull") and bool(found) and all("absent" in pair and not is_tracked(box, key) for key, pair in found.items())


def _manifests_seen_by_the_other(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """dvc checks out a folder whose manifest is lost if it remembers it privately, so not where the other tool had seen it."""
    told = [outcome.err.partition("Use `--force` to force.\n") for outcome in (left, right)]
    paths = [line.removeprefix("<box>/") for _, _, listing in told for line in listing.splitlines() if line.startswith("<box>/")]
    lost = [*paths, *failed_targets(left.err) ^ failed_targets(right.err)]
    return operation[1] in ("checkout", "pull") and left.tool == right.tool == "dvc" and bool(lost) and all(manifest_missing(box, path) for path in lost)


def as_markdown() -> str:
    """docs/differences.md: what each improvement's docstring begins with, by topic."""
    parts = ["# What differs from dvc\n\nFormats are the same. Where behaviour differs on purpose, it is listed here; random tests against dvc allow for these differences and for no others.\n"]
    for topic, improvements in TOPICS.items():
        parts.append(f"\n## {topic}\n\n" + "".join(f"- {_first_line(improvement)}\n" for improvement in improvements))
    return "".join(parts)


def _first_line(improvement: Improvement) -> str:
    return (improvement.__doc__ or "").strip().splitlines()[0]


KEEPING_DATA: tuple[Improvement, ...] = (bringing._data_without_a_copy_stays, bringing._unused_is_only_what_was_cached, bringing._parts_are_not_unused, bringing._unused_data_without_a_copy_stays, exchanging._lost_manifests_are_not_remembered)
IMPROVEMENTS: tuple[Improvement, ...] = (*(improvement for topic in TOPICS.values() for improvement in topic), _several_reasons_to_keep_data)
ONLY_IN_TURNS: tuple[Improvement, ...] = (_links_made_by_the_other, _manifests_seen_by_the_other)
