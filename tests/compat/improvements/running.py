"""Where pipelines, params and metrics differ from dvc on purpose."""
from __future__ import annotations

import json
import re
from typing import Any

import yaml

from tests.compat.improvements.leftovers import left_by_commit, left_by_stages
from tests.compat.operations import Differences, Improvement, Operation, Outcome
from tests.compat.records import content, is_uncached, is_unchanged, links_to_nothing, recorded_outs, shown_oid, shown_yaml


def _order_of_lock_entries(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
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


def _done_before_a_failure(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Both fail with the same code, having done other parts first: dvc goes through stages in no stable order."""
    if not left.code == right.code != 0 or not found:
        return False
    targets = [word for word in operation[2:] if not str(word).startswith("-")]
    if operation[1] == "repro":
        return left.err.strip().splitlines()[-1:] == right.err.strip().splitlines()[-1:] and left_by_stages(found)
    return operation[1] == "commit" and not targets and left_by_commit(found, box)


def _ignored_after_a_failure(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Stages that finished keep their .gitignore entries when a later one fails; dvc takes them back."""
    return operation[1] == "repro" and left.code == right.code != 0 and all(key.endswith(".gitignore") for key in found)


def _pull_keeps_what_is_right(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro --pull` goes on with an out that is as recorded, though no cache holds it; dvc wants to delete it, and stops."""
    stopped = re.search(r"unable to remove '<box>/(.*)' without a confirmation", left.err)
    return operation[1] == "repro" and "--pull" in operation and stopped is not None and stopped[0] not in right.err and is_unchanged(box, stopped[1]) and left_by_stages(found)


def _data_is_not_deleted_for_a_failed_pull(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro --pull` of tracked data that cannot be brought records what lies there; dvc deletes it first, then misses it."""
    if operation[1] != "repro" or "--pull" not in operation or left.code != 255 or right.code != 0:
        return False
    lost = re.findall(r"missing data 'source': (\S.*)$", left.err, re.MULTILINE)
    stays = [key for key, (first, second) in found.items() if first == "absent" and second.startswith(("dir ", "file "))]
    records = [key for key in found if key not in stays]
    return bool(lost) and all(key.endswith(".dvc") for key in records) and all(
        "/.dvc/cache/" in key or any(key == f"project/{top}" or key.startswith(f"project/{top}/") for top in lost) for key in stays
    )


def _uncached_outs_are_copies(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`cache: false` outs restored from the run cache are copies; dvc leaves links into the cache."""
    return operation[1] == "repro" and left.code == right.code and bool(found) and all(
        is_uncached(box, key) and second.startswith("file 2") and (first.startswith("symlink ") or content(first) == content(second))
        for key, (first, second) in found.items()
    )


def _saved_data_is_linked(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro` of data whose object was lost links the file to the new one, as `cache.type` says; dvc leaves it apart."""
    return operation[1] == "repro" and left.code == right.code == 0 and bool(found) and all(
        first.startswith("file 0 b") and second.startswith("file 0 = project/.dvc/cache/") and content(first) == content(second) for first, second in found.values()
    )


def _outs_stay_when_a_run_cannot_start(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Outs are not deleted when a dep or param is missing, so that the command is not even started."""
    told = ("does not exist", "No such file or directory", "are missing from")
    failed = left.code == right.code == (0 if "--ignore-errors" in operation else 255)
    return operation[1] == "repro" and failed and any(text in right.err for text in told) and all(
        (first == "absent" or key.endswith(".gitignore") or first.startswith("file 2") and _same_bytes(first, second)) and ".dvc/cache" not in key
        for key, (first, second) in found.items()  # those that persist are made writable by dvc
    )


def _same_bytes(first: str, second: str) -> bool:
    return content(first) == content(second) or shown_oid(first) == shown_oid(second) != ""


def _outs_that_git_tracks_are_not_overwritten(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro` refuses outs that Git tracks before it deletes them and runs the command; dvc refuses them afterwards."""
    told = all("is already tracked by SCM" in outcome.err for outcome in (left, right))
    outs = {out for out, _ in recorded_outs(box)}
    return operation[1] == "repro" and told and left.code == right.code == 255 and bool(found) and all(
        not key.startswith("git:") and any(f"{key}/".startswith(f"{out}/") or out.startswith(f"{key}/") for out in outs) for key in found
    )


def _links_to_nothing_are_no_crash(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`du` counts a link to nothing as nothing and `repro` makes such an out anew, `status` fails in plain words; dvc ends with an unexpected error, or cannot delete it."""
    gone = re.search(r"\[Errno 2\] No such file or directory: '<box>/(.*?)'", left.err)
    if gone is None or left.code != 255 or not links_to_nothing(box, gone[1]):
        return False
    if operation[1] == "repro":
        return right.code == 0 and left_by_stages(found)
    return operation[1] in ("du", "status") and not found and "unexpected error" in left.err and (right.code == 0 or f"No such file or directory: '<box>/{gone[1]}'" in right.err)


def _a_glob_must_match(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro --glob` with a pattern that matches nothing is an error; dvc runs everything."""
    return operation[1] == "repro" and "--glob" in operation and right.code == 255 and "not found inside" in right.err


def _templates_can_be_edited(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A stage that uses `${...}` but comes from no group can be frozen, unfrozen and removed; its templates stay."""
    return operation[1] in ("freeze", "unfreeze", "remove") and right.code == 0 and "parametrized stage" in left.err


def _only_frozen_changes(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`freeze` and `unfreeze` change one key; dvc also sorts and joins the stage's params."""
    return operation[1] in ("freeze", "unfreeze") and left.code == right.code == 0 and all(
        key.endswith("dvc.yaml") and _without_params(first) == _without_params(second) is not None for key, (first, second) in found.items()
    )


def _without_params(shown: str) -> Any:
    data = shown_yaml(shown)
    if not isinstance(data, dict):
        return None
    stages = {name: {key: item for key, item in stage.items() if key != "params"} for name, stage in data.get("stages", {}).items()}
    return {**data, "stages": stages}


def _other_sections_stay(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Removing the last stage keeps a dvc.yaml that still has params, metrics, plots, artifacts or vars."""
    return operation[1] == "remove" and left.code == right.code == 0 and all(
        key.endswith("dvc.yaml") and first == "absent" and not (shown_yaml(second) or {"stages": 1}).get("stages") for key, (first, second) in found.items()
    )


def _new_description(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`stage add -f --desc` writes the description; dvc drops it."""
    return operation[1:3] == ["stage", "add"] and "--desc" in operation and left.code == right.code == 0 and all(key.endswith("dvc.yaml") for key in found)


def _ignores_what_it_can(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`stage add` ignores every out whose folder exists; dvc stops at the first whose folder does not."""
    return operation[1:3] == ["stage", "add"] and left.code == right.code == 0 and "Could not create .gitignore entry" in left.out + left.err and all(
        key.endswith(".gitignore") and (first == "absent" or set(first[12:-1].split("\\n")) < set(second[12:-1].split("\\n"))) for key, (first, second) in found.items()
    )


def _graph_needs_no_lock(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`dag` draws what dvc.yaml says beside a dvc.lock that cannot be read; dvc fails."""
    return operation[1] == "dag" and not found and left.code == 255 and right.code == 0 and re.search(r"dvc\.lock' (is invalid|validation failed)", left.err) is not None


def _no_anchors(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Params that are tracked twice (`model` and `model.layers`) are written out; dvc writes a YAML anchor and alias."""
    return left.code == right.code and any("&id0" in first for first, _ in found.values()) and all(
        (key.endswith("dvc.lock") or "/runs/" in key) and shown_yaml(first) == shown_yaml(second) is not None for key, (first, second) in found.items()
    )


def _lists_tracked_twice(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`params diff --deps` shows a list that is tracked twice (`model` and `model.layers`) as it is; dvc repeats its items."""
    if operation[1:3] != ["params", "diff"] or "--deps" not in operation or found or left.code != 0 or right.code != 0:
        return False
    first, second = ({(file, key): value for file, keys in json.loads(outcome.out).items() for key, value in keys.items()} for outcome in (left, right))
    extra = [first[name] for name in first.keys() - second.keys()]
    return second.keys() <= first.keys() and all(_repeats(value["old"], value["new"]) or _repeats(value["new"], value["old"]) for value in extra) and all(
        _repeats(first[name].get(side), value.get(side)) for name, value in second.items() for side in first[name].keys() | value.keys()
    )


def _repeats(shown: Any, other: Any) -> bool:
    """Whether a value as JSON shows it, lists as text, is another, or that list several times."""
    lists = [yaml.safe_load(value) if isinstance(value, str) and value.startswith("[") else None for value in (shown, other)]
    if not lists[0] or not lists[1]:
        return bool(shown == other)
    return bool(lists[0] == lists[1] * (len(lists[0]) // len(lists[1])))


def _ignored_outs_of_other_files(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A commit, or a file that is not named, with outs that .dvcignore excludes can be read; dvc fails, or leaves the commit out."""
    told = re.search(r"Path '(/|<box>/project/)[^/].*?' is ignored by \.dvcignore", left.err)
    if told is None or right.code != 0:
        return False
    if left.code != 0:
        freed = operation[1] == "gc" and all(second == "absent" for _, second in found.values())
        of_commit = told[1] == "/"
        return (freed or not found) and (of_commit or any(str(word).endswith(".dvc") for word in operation[2:]))
    if operation[1] in ("params", "metrics") and operation[2] == "diff":
        return not found and re.search(r"revision 'HEAD', Path '/.*?' is ignored by", left.err) is not None
    left_out = re.findall(r"revision '([0-9a-f]{40})', Path '.*?' is ignored by", left.err)
    if found or not left_out or operation[1:3] != ["metrics", "show"]:
        return False
    first, second = ({rev: value for rev, value in json.loads(outcome.out).items() if rev not in left_out} for outcome in (left, right))
    return bool(_without_messages(first) == _without_messages(second))


def _without_messages(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_messages(item) for key, item in value.items() if key != "msg"}
    return value


IMPROVEMENTS: tuple[Improvement, ...] = (
    _order_of_lock_entries,
    _done_before_a_failure,
    _ignored_after_a_failure,
    _pull_keeps_what_is_right,
    _data_is_not_deleted_for_a_failed_pull,
    _uncached_outs_are_copies,
    _saved_data_is_linked,
    _outs_stay_when_a_run_cannot_start,
    _outs_that_git_tracks_are_not_overwritten,
    _links_to_nothing_are_no_crash,
    _a_glob_must_match,
    _templates_can_be_edited,
    _only_frozen_changes,
    _other_sections_stay,
    _new_description,
    _ignores_what_it_can,
    _graph_needs_no_lock,
    _no_anchors,
    _lists_tracked_twice,
    _ignored_outs_of_other_files,
)
