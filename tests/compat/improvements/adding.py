"""Where `add`, `commit`, `move`, `remove` and `unprotect` differ from dvc on purpose."""
from __future__ import annotations

import fnmatch
import os
import re

from tests.compat.improvements.leftovers import written_by_add
from tests.compat.operations import Differences, Improvement, Operation, Outcome
from tests.compat.records import content, is_dvcignored, is_tracked, links_to_nothing, saved_manifest, shown_manifest, shown_yaml


def _glob_in_order(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add --glob` takes files sorted by name, dvc in the order of the folder: .gitignore, manifests in between, and what a failure leaves, differ."""
    by_failure = left.code != 0 and all(written_by_add(key, pair) for key, pair in found.items())
    return operation[1:3] == ["add", "--glob"] and left.code == right.code and (by_failure or all(key.endswith(".gitignore") or ("/cache/" in f"/{key}" and key.endswith(".dir") and "absent" in pair) for key, pair in found.items()))


def _copies_leave_out_what_is_ignored(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add -o` records what `add` of the copy would; dvc also records what .dvcignore names, and calls the data changed from then on."""
    if operation[1] != "add" or "-o" not in operation or not left.code == right.code == 0:
        return False
    files = [key for key in found if key.endswith(".dvc")]
    if len(files) != 1 or "absent" in found[files[0]]:
        return False
    first, second = (_recorded_manifest(found, files[0], number, box) for number in (0, 1))
    extra = dict(first.items() - second.items())
    manifests = [key for key in found if key.endswith(".dir")]
    objects = [key for key in found if key not in files + manifests]
    return second.items() < first.items() and all(is_dvcignored(box, f"{files[0].removesuffix('.dvc')}/{name}") for name in extra) and all(
        "/cache/" in key and found[key][1] == "absent" and "".join(key.split("/")[-2:]) in extra.values() for key in objects
    )


def _recorded_manifest(found: Differences, key: str, number: int, box: str) -> dict[str, str]:
    """What the folder of a .dvc file that differs holds, in the first or second project: path -> oid."""
    oid = str((shown_yaml(found[key][number]) or {}).get("outs", [{}])[0].get("md5"))
    return next((shown_manifest(pair[number]) for name, pair in found.items() if name.endswith(f"{oid[:2]}/{oid[2:]}")), None) or saved_manifest(box, oid)


def _add_beside_a_broken_pipeline(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Overlaps and cycles among other stages do not keep data from being added; `repro` refuses them."""
    told = ("overlap and are thus", "Same item(s) are defined", "is specified in:")
    return operation[1] in ("add", "move") and left.code == 1 and right.code == 0 and any(text in left.err for text in told)


def _a_part_of_a_legacy_folder(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add` of a changed part of a 2.x folder is refused (dvc mixes two kinds of hashes in its manifest), of an unchanged one it is not."""
    if operation[1] != "add":
        return False
    if right.code != 0:
        return "was added by DVC 2.x" in right.err
    records = {key: [(shown_yaml(shown) or {}).get("outs", [{}])[0] for shown in pair] for key, pair in found.items() if key.endswith(".dvc")}
    if left.code == 0 and records and all("hash" not in second and first == {**second, "hash": "md5"} for first, second in records.values()):
        return all(key in records or ("/cache/files/md5/" in key and second == "absent") for key, (_, second) in found.items())
    return re.search(r"could not read '[0-9a-f]{32}\.dir'", left.err) is not None and all(key.endswith(".dvc") and "hash:" not in second for key, (_, second) in found.items())


def _a_part_of_a_folder_as_recorded(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add` of a part makes a manifest that cache and remote lost again while the folder is as recorded; dvc fails."""
    told = re.search(r"could not read '[0-9a-f]{32}\.dir'", left.err) is not None
    return operation[1] == "add" and told and right.code == 0 and all(written_by_add(key, pair) for key, pair in found.items())


def _a_failed_add_stores_nothing(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add` of a folder with a link to nothing leaves no manifest in the cache; dvc stores one, then fails."""
    names = [word for word in operation[2:] if not str(word).startswith("-")]
    return operation[1] == "add" and left.code == right.code == 1 and any(links_to_nothing(box, f"project/{name}") for name in names) and bool(found) and all(
        "/cache/" in f"/{key}" and key.endswith(".dir") and second == "absent" for key, (_, second) in found.items()
    )


def _ignores_once(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add` of a folder and a part of it puts the folder into .gitignore once; dvc does for each of the two."""
    return operation[1] == "add" and left.code == right.code == 0 and bool(found) and all(
        key.endswith(".gitignore") and first != second and "absent" not in (first, second) and list(dict.fromkeys(_lines(first))) == _lines(second) for key, (first, second) in found.items()
    )


def _lines(shown: str) -> list[str]:
    return content(shown)[2:-1].removesuffix("\\n").split("\\n")


def _space_at_the_end_is_escaped(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A name that ends with a space is escaped in .gitignore, where git would drop the space."""
    return left.code == right.code and bool(found) and all(key.endswith(".gitignore") and "\\\\ \\n" in second for key, (_, second) in found.items())


def _parts_stay_executable(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add` of a script inside a tracked folder leaves it executable, as `add` of the folder does; dvc takes the bit away."""
    named, glob = {os.path.normpath(f"project/{word}") for word in operation[2:]}, "--glob" in operation
    return operation[1] == "add" and left.code == right.code == 0 and bool(found) and all(
        (key in named or glob and any(fnmatch.fnmatch(key, name) for name in named)) and is_tracked(box, key) and first.replace("file 200", "file 300", 1) == second for key, (first, second) in found.items()
    )


def _copies_stay_executable(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add -o` copies a script with its executable bit; dvc leaves the bit behind."""
    return operation[1] == "add" and "-o" in operation and left.code == right.code == 0 and bool(found) and all(first.replace("file 200", "file 300", 1) == second for first, second in found.values())


def _objects_are_copies(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A lost object is stored as a copy; dvc makes it a hard link of the workspace file, which other files once linked to the old object share."""
    return operation[1] in ("add", "commit", "repro") and left.code == right.code and bool(found) and all(
        first.startswith("file 0 = project/.dvc/cache/") and second.startswith("file 0 b") and content(first) == content(second) for first, second in found.values()
    )


def _commit_stores_what_it_names(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`commit` of a path in a folder stores all that the folder's new hash names; dvc stores that path only."""
    return operation[1] == "commit" and left.code == right.code == 0 and bool(found) and all(
        ".dvc/cache/files/md5/" in key and first == "absent" for key, (first, _) in found.items()
    )


def _commit_of_a_deleted_part(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`commit` of a file deleted from a tracked folder records that; dvc ends with an unexpected error."""
    return operation[1] == "commit" and left.code == 255 and "unexpected error" in left.err and right.code in (0, 1)


def _move_is_undone_when_it_fails(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`move` that fails, for a link to nothing in the folder or a name that Git tracks, leaves the data where it is; dvc ends with the data apart from its .dvc file."""
    broken = "unexpected error - [Errno 2]" in left.err and "is a link to nothing" in right.err
    refused = all("is already tracked by SCM" in outcome.err for outcome in (left, right))
    moved = [pair for key, pair in found.items() if not key.endswith(".gitignore")]
    sides = [sorted(shown for shown in side if shown != "absent") for side in zip(*moved)]
    return operation[1] == "move" and right.code == 1 and (broken or refused) and bool(moved) and all("absent" in pair for pair in moved) and sides[0] == sides[1]


def _move_of_a_link_whose_object_is_lost(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`move` of a link into the cache whose object is lost moves it with its .dvc file; dvc ends with an unexpected error."""
    moved = [pair for key, pair in found.items() if not key.endswith((".gitignore", ".dvc"))]
    return operation[1] == "move" and right.code == 0 and "unexpected error - [Errno 2]" in left.err and bool(moved) and all(
        "absent" in pair and max(pair).startswith("symlink ") and "/.dvc/cache/" in max(pair) for pair in moved
    )


def _move_never_overwrites(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`move` onto a file that is not tracked is refused; dvc overwrites it."""
    return operation[1] == "move" and left.code == 0 and right.code == 1 and "already exists" in right.err


def _remove_of_a_broken_link(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`remove` works when the data is a link to an object that is gone; dvc ends with an unexpected error."""
    if operation[1] != "remove" or right.code != 0:
        return False
    told = re.search(r"unexpected error - \[Errno 2\] No such file or directory: '<box>/(.*)'", left.err)
    return "can't unprotect non-existing data" in left.err or (told is not None and links_to_nothing(box, told[1]))


def _outs_elsewhere_need_force(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """An out outside of the repository is never deleted without `--force`."""
    return operation[1] in ("remove", "repro") and "lies outside of the repository and is not deleted" in right.err


def _unprotect_of_nothing(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`unprotect` of a path that is not there is a plain error, not an unexpected one."""
    return operation[1] == "unprotect" and not found and left.code != 0 != right.code


def _unprotect_keeps_the_executable_bit(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`unprotect` and `remove` of a link to a script leave it executable."""
    return operation[1] in ("unprotect", "remove") and left.code == right.code == 0 and bool(found) and all(
        first.replace("file 200", "file 300", 1) == second for first, second in found.values()
    )


IMPROVEMENTS: tuple[Improvement, ...] = (
    _glob_in_order,
    _copies_leave_out_what_is_ignored,
    _add_beside_a_broken_pipeline,
    _a_part_of_a_legacy_folder,
    _a_part_of_a_folder_as_recorded,
    _a_failed_add_stores_nothing,
    _ignores_once,
    _space_at_the_end_is_escaped,
    _parts_stay_executable,
    _copies_stay_executable,
    _objects_are_copies,
    _commit_stores_what_it_names,
    _commit_of_a_deleted_part,
    _move_is_undone_when_it_fails,
    _move_of_a_link_whose_object_is_lost,
    _move_never_overwrites,
    _remove_of_a_broken_link,
    _outs_elsewhere_need_force,
    _unprotect_of_nothing,
    _unprotect_keeps_the_executable_bit,
)
