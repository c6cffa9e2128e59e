"""Where `checkout` and `pull` differ from dvc on purpose."""
from __future__ import annotations

import os
import re

from tests.compat.operations import Differences, Improvement, Operation, Outcome
from tests.compat.records import content, failed_targets, is_dvcignored, is_saved, is_tracked, is_uncached, is_unchanged, links_to_nothing, manifest_missing, never_ignored, recorded_outs, shown_oid
from tracking.engine.ignore import Ignore


def _data_without_a_copy_stays(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout does not delete data when its replacement is missing, nor outs with `cache: false`."""
    if operation[1] not in ("checkout", "pull") or not found or any(first != "absent" for first, _ in found.values()):
        return False
    if left.code != right.code and not ("Checkout failed" in left.err and right.code == 0):
        return False
    failed = failed_targets(left.err)
    if left.code != right.code and not all(any(key == name or key.startswith(f"{name}/") for key in found) for name in failed):
        return False  # dataver says that it brought what dvc could not
    lost = "--allow-missing" in operation  # then dvc does not say for which outs
    return all(lost or is_uncached(box, key) or any(key == name or key.startswith(f"{name}/") for name in failed) for key in found)


def _unused_is_only_what_was_cached(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout never deletes outs with `cache: false` as unused; dvc does after it restored them from the run cache."""
    return operation[1] in ("checkout", "pull") and left.code == right.code and bool(found) and all(
        first == "absent" and never_ignored(box, key) for key, (first, _) in found.items()
    )


def _ignored_data_is_not_unused(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout does not delete files that .dvcignore names, with the .dvc files that track them; dvc leaves folders only."""
    return operation[1] in ("checkout", "pull") and left.code == right.code and bool(found) and all(
        first == "absent" and Ignore(os.path.join(box, "project")).is_ignored(key.removeprefix("project/"), False) for key, (first, _) in found.items()
    )


def _parts_are_not_unused(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout does not delete a file once added alone as part of a folder; dvc takes it for an out of its own that nobody uses."""
    stopped = "Can't remove the following unsaved files" in left.err  # else a part of a tracked folder comes back at once
    return operation[1] in ("checkout", "pull") and left.code == right.code and bool(found) and all(
        first == "absent" and second.startswith(("file ", "symlink ")) and key.count("/") > 1 and (stopped or not is_tracked(box, key)) and is_saved(box, second)
        for key, (first, second) in found.items()
    )


def _unused_data_without_a_copy_stays(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout does not delete unused data whose objects the cache has lost."""
    if operation[1] not in ("checkout", "pull") or left.code != right.code or any(first != "absent" for first, _ in found.values()):
        return False
    tops = {key for key in found if os.path.dirname(key) not in found}
    return bool(found) and not any(is_tracked(box, top) for top in tops) and all(
        any(pair[1].startswith("file ") and not is_saved(box, pair[1]) for key, pair in found.items() if key == top or key.startswith(f"{top}/")) for top in tops
    )


def _ignored_data_is_linked(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout links a file of a tracked folder that .dvcignore names like the others; dvc leaves the copy that lies there, and calls it done."""
    return operation[1] in ("checkout", "pull") and left.code == right.code and bool(found) and all(
        first.startswith("file 2") and (second.startswith("symlink ") or " = project/.dvc/cache/" in second) and shown_oid(first) == shown_oid(second) and is_dvcignored(box, key)
        for key, (first, second) in found.items()
    )


def _files_of_another_mode_are_linked(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`checkout --relink` links a file whose executable bit is not as recorded like the others; dvc leaves a copy of it."""
    files = {key: pair for key, pair in found.items() if not key.startswith("project/.dvc/cache/")}
    objects = [pair for key, pair in found.items() if key not in files]  # of which a link has the mode
    return operation[1] == "checkout" and "--relink" in operation and left.code == right.code and bool(files) and all(
        first.startswith("file 3") and (second.startswith("symlink ") and "/.dvc/cache/" in second or " = project/.dvc/cache/" in second) for first, second in files.values()
    ) and all(first.startswith("file ") and second.startswith("file ") and content(first) == content(second) for first, second in objects)


def _links_to_nothing(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout says which objects are missing; dvc with symlinks makes links to nothing and calls that done."""
    if operation[1] not in ("checkout", "pull"):
        return False
    tops = failed_targets(right.err) - failed_targets(left.err)
    if "--allow-missing" in operation:  # then nobody says for which outs
        tops = {out for out, _ in recorded_outs(box)}
    tops = {top for top in tops if links_to_nothing(box, top)}
    told = "--allow-missing" in operation or tops == failed_targets(right.err) - failed_targets(left.err)
    emptied = {key for key in failed_targets(left.err) & failed_targets(right.err) if found.get(key, ("", ""))[0] == "absent" and found[key][1].startswith("dir ")}  # folders of nothing but such links
    return bool(tops) and told and (left.code == right.code or left.code == 0) and all(key in emptied or any(key == top or key.startswith(f"{top}/") for top in tops) for key in found)


def _parts_are_not_made_anew(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout leaves a file once added alone as part of a folder as it is; dvc deletes it as unused, then makes it anew, so links it."""
    if operation[1] not in ("checkout", "pull") or left.code != right.code or not found:
        return False
    outs = tuple(f"{out}/" for out, _ in recorded_outs(box))
    return all(
        first.startswith("file 0 = project/.dvc/cache/") and second.startswith("file 0 b") and content(first) == content(second)
        and key.startswith(outs) and (" deleted" in left.out or re.search(rf"^D\s+{re.escape(key.removeprefix('project/'))}$", left.out, re.MULTILINE))
        for key, (first, second) in found.items()
    )


def _matching_data_needs_no_objects(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A folder whose manifest is lost, or an unchanged file whose object is, does not keep checkout from the rest; dvc takes it for unsaved."""
    _, refused, listing = left.err.partition("Use `--force` to force.\n")
    paths = [line.removeprefix("<box>/") for line in listing.splitlines() if line.startswith("<box>/")]
    went_on = right.code == 0 or "Checkout failed" in right.err
    return operation[1] in ("checkout", "pull") and bool(refused) and went_on and bool(paths) and all(manifest_missing(box, path) or is_unchanged(box, path) for path in paths)


def _dvc_gives_up(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout says what is missing or unsaved; dvc ends with `unexpected error` at a file that is gone."""
    told = ("Checkout failed", "Can't remove the following unsaved files")
    return operation[1] in ("checkout", "pull") and "unexpected error - [Errno 2]" in left.err and (right.code == 0 or any(text in right.err for text in told))


IMPROVEMENTS: tuple[Improvement, ...] = (
    _data_without_a_copy_stays,
    _unused_is_only_what_was_cached,
    _ignored_data_is_not_unused,
    _parts_are_not_unused,
    _unused_data_without_a_copy_stays,
    _ignored_data_is_linked,
    _files_of_another_mode_are_linked,
    _links_to_nothing,
    _parts_are_not_made_anew,
    _matching_data_needs_no_objects,
    _dvc_gives_up,
)
