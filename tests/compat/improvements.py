"""Where dataver answers differently from dvc on purpose. The only place such differences may live.

Each entry is a function of (operation, dvc's outcome, dataver's outcome, differences on disk,
the folder dvc worked in) that returns True when it explains them all, and only then: it looks
at what differs, not just at the command. Its docstring is the reason, for users too. After an
explained difference the second project is made equal to the first, and the run goes on.
"""
from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import yaml

from tests.compat.operations import Operation, Outcome
from tests.compat.records import (
    content,
    failed_targets,
    is_dvcignored,
    is_listed_in_remote,
    is_saved,
    is_tracked,
    is_uncached,
    links_to_nothing,
    manifest_missing,
    never_ignored,
    recorded_oids,
    recorded_outs,
    saved_by_commit,
    saved_manifest,
    shown_manifest,
    shown_oid,
    shown_yaml,
)
from tracking.engine.ignore import Ignore

Differences = dict[str, tuple[str, str]]
Improvement = Callable[[Operation, Outcome, Outcome, Differences, str], bool]


def explain(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str, *, turns: bool = False) -> str | None:
    """The first line of the reason for a difference, or None when there is none. box: the first one's folder."""
    words = [operation[0], *operation[3:]] if operation[0] == "tool_by" else [operation[0], *operation[2:]] if operation[0] == "tool_in" else operation
    if not words[0].startswith("tool") or len(words) < 2:
        return None
    found = {key: pair for key, pair in found.items() if f"project/{key.removeprefix('git:index ')}" not in found}  # staged as it is
    for improvement in IMPROVEMENTS + (ONLY_IN_TURNS if turns else ()):
        if improvement(words, left, right, found, box):
            return (improvement.__doc__ or "").strip().splitlines()[0]
    return None


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


def _glob_in_order(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add --glob` takes files sorted by name, dvc in the order of the folder: .gitignore, manifests in between, and what a failure leaves, differ."""
    by_failure = left.code != 0 and all(_written_by_add(key, pair) for key, pair in found.items())
    return operation[1:3] == ["add", "--glob"] and left.code == right.code and (by_failure or all(key.endswith(".gitignore") or ("/cache/" in f"/{key}" and key.endswith(".dir") and "absent" in pair) for key, pair in found.items()))


def _written_by_add(key: str, pair: tuple[str, str]) -> bool:
    """What saving data changes: dvc's files, .gitignore, objects, and whether data is linked (never its content)."""
    if key.endswith((".dvc", "dvc.lock", ".gitignore")) or "/cache/" in key or key.startswith("cache/"):
        return True
    return "absent" not in pair and shown_oid(pair[0]) == shown_oid(pair[1]) != ""


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


def _remove_of_a_broken_link(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`remove` works when the data is a link to an object that is gone; dvc ends with an unexpected error."""
    if operation[1] != "remove" or right.code != 0:
        return False
    told = re.search(r"unexpected error - \[Errno 2\] No such file or directory: '<box>/(.*)'", left.err)
    return "can't unprotect non-existing data" in left.err or (told is not None and links_to_nothing(box, told[1]))


def _templates_can_be_edited(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A stage that uses `${...}` but comes from no group can be frozen, unfrozen and removed; its templates stay."""
    return operation[1] in ("freeze", "unfreeze", "remove") and right.code == 0 and "parametrized stage" in left.err


def _add_beside_a_broken_pipeline(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Overlaps and cycles among other stages do not keep data from being added; `repro` refuses them."""
    told = ("overlap and are thus", "Same item(s) are defined", "is specified in:")
    return operation[1] in ("add", "move") and left.code == 1 and right.code == 0 and any(text in left.err for text in told)


def _done_before_a_failure(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Both fail with the same code, having done other parts first: dvc goes through stages in no stable order."""
    if not left.code == right.code != 0 or not found:
        return False
    targets = [word for word in operation[2:] if not str(word).startswith("-")]
    if operation[1] == "repro":
        return left.err.strip().splitlines()[-1:] == right.err.strip().splitlines()[-1:] and _left_by_stages(found)
    return operation[1] == "commit" and not targets and _left_by_commit(found, box)


def _left_by_commit(found: Differences, box: str) -> bool:
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
        elif not _written_by_add(key, pair) or not is_tracked(box, key):
            return False
    return True


def _left_by_stages(found: Differences) -> bool:
    """Whether all that differs is what a stage leaves that ran in one project only, by what dvc.lock says of it, or a .dvc file recorded anew."""
    outs: set[str] = set()
    for key, pair in found.items():
        if key.endswith("dvc.lock") and not key.startswith("git:"):
            first, second = ((shown_yaml(shown) or {}).get("stages", {}) for shown in pair)
            changed = [stages[name] for name in first.keys() | second.keys() for stages in (first, second) if first.get(name) != second.get(name) and name in stages]
            outs |= {out["path"] for stage in changed for out in stage.get("outs", ())}
    return all(_written_by_add(key, pair) or any(_is_of(key, out) for out in outs) for key, pair in found.items())


def _is_of(key: str, out: str) -> bool:
    """Whether a path of the box is an out, relative to some dvc.yaml, lies in it, or is a folder it lies in."""
    return f"/{out}/" in f"{key}/" or any(key.endswith(f"/{out[:end]}") for end, letter in enumerate(out) if letter == "/")


def _pull_keeps_what_is_right(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro --pull` goes on with an out that is as recorded, though no cache holds it; dvc wants to delete it, and stops."""
    stopped = re.search(r"unable to remove '<box>/(.*)' without a confirmation", left.err)
    return operation[1] == "repro" and "--pull" in operation and stopped is not None and stopped[0] not in right.err and _is_unchanged(box, stopped[1]) and _left_by_stages(found)


def _ignored_after_a_failure(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Stages that finished keep their .gitignore entries when a later one fails; dvc takes them back."""
    return operation[1] == "repro" and left.code == right.code != 0 and all(key.endswith(".gitignore") for key in found)


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


def _data_elsewhere_is_no_crash(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`status` and `gc` work beside a cached out outside of the repository; dvc ends with an unexpected error."""
    outside = any(not out.startswith("project/") for out, _ in recorded_outs(box))
    freed = all(
        second == "absent" and ("/cache/" in f"/{key}" or key.endswith(".dvc/.gitignore")) or first.startswith("file 0 = ") and second.startswith("file 0 ") and "/cache/" not in second.partition(" b'")[0] and content(first) == content(second)
        for key, (first, second) in found.items()
    )
    return operation[1] in ("status", "gc") and outside and left.code == 255 and "ERROR: unexpected error\n" in left.err and right.code == 0 and freed


def _graph_needs_no_lock(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`dag` draws what dvc.yaml says beside a dvc.lock that cannot be read; dvc fails."""
    return operation[1] == "dag" and not found and left.code == 255 and right.code == 0 and re.search(r"dvc\.lock' (is invalid|validation failed)", left.err) is not None


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
    return operation[1] in ("checkout", "pull") and bool(refused) and went_on and bool(paths) and all(manifest_missing(box, path) or _is_unchanged(box, path) for path in paths)


def _is_unchanged(box: str, path: str) -> bool:
    """Whether the workspace file at a path relative to the box is what its record says."""
    name = path.removeprefix("project/")
    return recorded_oids(box).get(name, "") == _oid(box, name)


def _lost_manifests_are_looked_through(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A folder whose manifest is lost is listed from the workspace while unchanged, else left out with a warning; dvc says `unknown` or fails."""
    if found or operation[1] not in ("data", "diff", "ls", "du") or right.code != 0:
        return False
    if left.code != 0:
        return operation[1] in ("ls", "du") and "failed to load directory" in left.err and "are not listed" in right.err
    try:
        first, second = json.loads(left.out), json.loads(right.out)
    except ValueError:
        return False
    named = [path for path in _paths(first) if path.endswith("/") and manifest_missing(box, f"project/{path[:-1]}")]
    folders = {path for path in named if not any(path != other and path.startswith(other) for other in named)}
    folders.update(f"{name}/" for name in re.findall("the files in '(.*?)' are not (?:listed|compared)", right.err))
    return bool(folders) and _outside(first, tuple(folders)) == _outside(second, tuple(folders))


def _paths(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _paths(item)


def _outside(value: Any, folders: tuple[str, ...]) -> Any:
    """The value without entries below the folders, lists sorted, empty ones dropped."""
    if isinstance(value, dict):
        kept = {key: _outside(item, folders) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ([], {})}
    if isinstance(value, list):
        below = [item for item in value if any(path.startswith(folders) and path not in folders for path in _paths(item))]
        return sorted((_outside(item, folders) for item in value if item not in below), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _asks_the_remote(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Objects gone from a remote are seen; dvc trusts what it remembers of a folder pushed earlier."""
    if operation[1] == "push":
        sent = {key: pair for key, pair in found.items() if key.startswith("remote/files/md5/")}
        rest = {key: pair for key, pair in found.items() if key not in sent}
        return bool(sent) and left.code == right.code and (not rest or _lost_manifests_come_back(operation, left, right, rest, box)) and all(
            first == "absent" and shown_oid(second) == "".join(key.split("/")[-2:]) and is_listed_in_remote(box, shown_oid(second)) for key, (first, second) in sent.items()
        )
    gone = re.findall(r"failed to transfer '([0-9a-f]{32})' - \[Errno 2\]", left.err)
    if operation[1] in ("fetch", "pull") and gone:
        return right.code in (0, 1) and all(re.search(rf"md5(-dos2unix)?: {oid}", right.err) for oid in gone)
    if operation[1:3] != ["status", "-c"] or found or left.code != 0 or right.code != 0:
        return False
    first, second = json.loads(left.out), json.loads(right.out)
    extra = {path: state for path, state in second.items() if first.get(path) != state}
    return bool(extra) and first.keys() <= second.keys() and all(
        state in ("new", "missing") and not _in_remote(box, path) for path, state in extra.items()
    )


def _in_remote(box: str, path: str) -> bool:
    """Whether the remote holds the workspace file at a path."""
    oid = _oid(box, path)
    return oid is not None and os.path.exists(os.path.join(box, "remote", "files", "md5", oid[:2], oid[2:]))


def _oid(box: str, path: str) -> str | None:
    try:
        with open(os.path.join(box, "project", path), "rb") as stream:
            return hashlib.md5(stream.read()).hexdigest()
    except OSError:
        return None


def _one_name_per_object(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Of several paths with the same content `status -c` names one; which one is not stable in dvc."""
    if operation[1:3] != ["status", "-c"] or found or left.code != 0 or right.code != 0:
        return False
    known = recorded_oids(box)
    first, second = ({known.get(path) or _oid(box, path) or path: state for path, state in json.loads(outcome.out).items()} for outcome in (left, right))
    return first == second


def _uncached_outs_are_copies(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`cache: false` outs restored from the run cache are copies; dvc leaves links into the cache."""
    return operation[1] == "repro" and left.code == right.code and bool(found) and all(
        is_uncached(box, key) and second.startswith("file 2") and (first.startswith("symlink ") or content(first) == content(second))
        for key, (first, second) in found.items()
    )


def _objects_are_copies(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A lost object is stored as a copy; dvc makes it a hard link of the workspace file, which other files once linked to the old object share."""
    return operation[1] in ("add", "commit", "repro") and left.code == right.code and bool(found) and all(
        first.startswith("file 0 = project/.dvc/cache/") and second.startswith("file 0 b") and content(first) == content(second) for first, second in found.values()
    )


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
    return operation[1] == "add" and told and right.code == 0 and all(_written_by_add(key, pair) for key, pair in found.items())


def _fetch_asks_only_remotes(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`fetch` brings what remotes hold; dvc also calls fetched what it copies from the workspace, and warns that it is missing."""
    oids = ["".join(key.split("/")[-2:]) for key in found]
    return operation[1] in ("fetch", "pull") and left.code == right.code and bool(found) and all(
        f"md5: {oid}" in left.err and "/files/md5/" in key and second == "absent" for oid, (key, (_, second)) in zip(oids, found.items())
    )


def _lost_manifests_come_back(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`gc` and `push` bring a lost manifest from the remote, so as to know what it lists; dvc's gc drops those objects."""
    return operation[1] in ("gc", "push") and left.code == right.code and bool(found) and all(
        first == "absent" and key.endswith(".dir") and os.path.exists(os.path.join(box, "remote", *(("files", "md5") if "/files/md5/" in key else ()), *key.split("/")[-2:])) for key, (first, _) in found.items()
    )


def _lost_manifests_are_not_remembered(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`push`, `fetch` and `pull` leave files alone that only a lost manifest names; dvc takes them if an earlier command happened to remember the manifest."""
    target = "remote/files/md5/" if operation[1] == "push" else "cache/files/md5/"
    lost = re.findall(r"md5: ([0-9a-f]{32}\.dir)", left.err)
    wanted = set(recorded_oids(box).values()) if operation[1] == "pull" else set()  # what else an older manifest lists is not wanted

    def used(oid: str) -> bool:
        return oid in wanted if operation[1] == "pull" else is_listed_in_remote(box, oid)

    return operation[1] in ("push", "fetch", "pull") and left.code == right.code and bool(lost) and bool(found) and all(oid in right.err for oid in lost) and all(
        target in key and second == "absent" and not used("".join(key.split("/")[-2:])) for key, (_, second) in found.items()
    )


def _dvc_gives_up(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Checkout says what is missing or unsaved; dvc ends with `unexpected error` at a file that is gone."""
    told = ("Checkout failed", "Can't remove the following unsaved files")
    return operation[1] in ("checkout", "pull") and "unexpected error - [Errno 2]" in left.err and (right.code == 0 or any(text in right.err for text in told))


def _links_to_nothing_are_no_crash(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`du` counts a link to nothing as nothing and `repro` makes such an out anew, `status` fails in plain words; dvc ends with an unexpected error, or cannot delete it."""
    gone = re.search(r"\[Errno 2\] No such file or directory: '<box>/(.*?)'", left.err)
    if gone is None or left.code != 255 or not links_to_nothing(box, gone[1]):
        return False
    if operation[1] == "repro":
        return right.code == 0 and _left_by_stages(found)
    return operation[1] in ("du", "status") and not found and "unexpected error" in left.err and (right.code == 0 or f"No such file or directory: '<box>/{gone[1]}'" in right.err)


def _a_failed_add_stores_nothing(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add` of a folder with a link to nothing leaves no manifest in the cache; dvc stores one, then fails."""
    names = [word for word in operation[2:] if not str(word).startswith("-")]
    return operation[1] == "add" and left.code == right.code == 1 and any(links_to_nothing(box, f"project/{name}") for name in names) and bool(found) and all(
        "/cache/" in f"/{key}" and key.endswith(".dir") and second == "absent" for key, (_, second) in found.items()
    )


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


def _ignores_what_it_can(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`stage add` ignores every out whose folder exists; dvc stops at the first whose folder does not."""
    return operation[1:3] == ["stage", "add"] and left.code == right.code == 0 and "Could not create .gitignore entry" in left.out + left.err and all(
        key.endswith(".gitignore") and (first == "absent" or set(first[12:-1].split("\\n")) < set(second[12:-1].split("\\n"))) for key, (first, second) in found.items()
    )


def _ignores_once(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add` of a folder and a part of it puts the folder into .gitignore once; dvc does for each of the two."""
    return operation[1] == "add" and left.code == right.code == 0 and bool(found) and all(
        key.endswith(".gitignore") and first != second and "absent" not in (first, second) and list(dict.fromkeys(_lines(first))) == _lines(second) for key, (first, second) in found.items()
    )


def _lines(shown: str) -> list[str]:
    return content(shown)[2:-1].removesuffix("\\n").split("\\n")


def _no_empty_config(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`remote remove` makes no empty config file at another level."""
    return operation[1:3] == ["remote", "remove"] and left.code == right.code and bool(found) and all(
        key.endswith("config.local") and pair == ("file 200 b'\\n'", "absent") for key, pair in found.items()
    )


def _secrets_are_not_listed(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`config --list` and `remote list` show `***` for passwords, keys and tokens; dvc prints them."""
    if operation[1:2] != ["config"] and operation[1:3] != ["remote", "list"]:
        return False
    pairs = list(zip(left.out.splitlines(), right.out.splitlines()))
    masked = [re.escape(second).replace(r"\*\*\*", ".*") for _, second in pairs]
    return left.code == right.code and not found and left.err == right.err and left.out.count("\n") == right.out.count("\n") and all(re.fullmatch(pattern, first) for pattern, (first, _) in zip(masked, pairs)) and "***" in right.out


def _new_description(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`stage add -f --desc` writes the description; dvc drops it."""
    return operation[1:3] == ["stage", "add"] and "--desc" in operation and left.code == right.code == 0 and all(key.endswith("dvc.yaml") for key in found)


def _unprotect_of_nothing(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`unprotect` of a path that is not there is a plain error, not an unexpected one."""
    return operation[1] == "unprotect" and not found and left.code != 0 != right.code


def _no_scratch_manifests(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Looking at folders of 2.x leaves nothing behind; dvc stores a manifest of what lies there in the cache."""
    return left.code == right.code and bool(found) and all(
        re.search(r"cache/[0-9a-f]{2}/[0-9a-f]{30}\.dir$", key) and second == "absent" for key, (_, second) in found.items()
    )


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


def _outs_stay_when_a_run_cannot_start(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Outs are not deleted when a dep or param is missing, so that the command is not even started."""
    told = ("does not exist", "No such file or directory", "are missing from")
    failed = left.code == right.code == (0 if "--ignore-errors" in operation else 255)
    return operation[1] == "repro" and failed and any(text in right.err for text in told) and all(
        (first == "absent" or key.endswith(".gitignore") or first.startswith("file 2") and content(first) == content(second)) and ".dvc/cache" not in key
        for key, (first, second) in found.items()  # those that persist are made writable by dvc
    )


def _outs_that_git_tracks_are_not_overwritten(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro` refuses outs that Git tracks before it deletes them and runs the command; dvc refuses them afterwards."""
    told = all("is already tracked by SCM" in outcome.err for outcome in (left, right))
    outs = {out for out, _ in recorded_outs(box)}
    return operation[1] == "repro" and told and left.code == right.code == 255 and bool(found) and all(
        not key.startswith("git:") and any(f"{key}/".startswith(f"{out}/") or out.startswith(f"{key}/") for out in outs) for key in found
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
    """`move` of a folder with a link to nothing leaves it where it is; dvc ends with an unexpected error and the data apart from its .dvc file."""
    moved = [pair for key, pair in found.items() if not key.endswith(".gitignore")]
    sides = [sorted(shown for shown in side if shown != "absent") for side in zip(*moved)]
    return operation[1] == "move" and right.code == 1 and "unexpected error - [Errno 2]" in left.err and "is a link to nothing" in right.err and (
        bool(moved) and all("absent" in pair for pair in moved) and sides[0] == sides[1]
    )


def _move_never_overwrites(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`move` onto a file that is not tracked is refused; dvc overwrites it."""
    return operation[1] == "move" and left.code == 0 and right.code == 1 and "already exists" in right.err


def _parts_stay_executable(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add` of a script inside a tracked folder leaves it executable, as `add` of the folder does; dvc takes the bit away."""
    named, glob = {os.path.normpath(f"project/{word}") for word in operation[2:]}, "--glob" in operation
    return operation[1] == "add" and left.code == right.code == 0 and bool(found) and all(
        (key in named or glob and any(fnmatch.fnmatch(key, name) for name in named)) and is_tracked(box, key) and first.replace("file 200", "file 300", 1) == second for key, (first, second) in found.items()
    )


def _copies_stay_executable(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`add -o` copies a script with its executable bit; dvc leaves the bit behind."""
    return operation[1] == "add" and "-o" in operation and left.code == right.code == 0 and bool(found) and all(first.replace("file 200", "file 300", 1) == second for first, second in found.values())


def _saved_data_is_linked(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro` of data whose object was lost links the file to the new one, as `cache.type` says; dvc leaves it apart."""
    return operation[1] == "repro" and left.code == right.code == 0 and bool(found) and all(
        first.startswith("file 0 b") and second.startswith("file 0 = project/.dvc/cache/") and content(first) == content(second) for first, second in found.values()
    )


def _unprotect_keeps_the_executable_bit(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`unprotect` and `remove` of a link to a script leave it executable."""
    return operation[1] in ("unprotect", "remove") and left.code == right.code == 0 and bool(found) and all(
        first.replace("file 200", "file 300", 1) == second for first, second in found.values()
    )


def _outs_elsewhere_need_force(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """An out outside of the repository is never deleted without `--force`."""
    return operation[1] in ("remove", "repro") and "lies outside of the repository and is not deleted" in right.err


def _a_glob_must_match(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`repro --glob` with a pattern that matches nothing is an error; dvc runs everything."""
    return operation[1] == "repro" and "--glob" in operation and right.code == 255 and "not found inside" in right.err


def _space_at_the_end_is_escaped(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """A name that ends with a space is escaped in .gitignore, where git would drop the space."""
    return left.code == right.code and bool(found) and all(key.endswith(".gitignore") and "\\\\ \\n" in second for key, (_, second) in found.items())


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


KEEPING_DATA: tuple[Improvement, ...] = (_data_without_a_copy_stays, _unused_is_only_what_was_cached, _parts_are_not_unused, _unused_data_without_a_copy_stays, _lost_manifests_are_not_remembered)
IMPROVEMENTS: tuple[Improvement, ...] = (
    _order_of_lock_entries,
    _glob_in_order,
    _copies_leave_out_what_is_ignored,
    _remove_of_a_broken_link,
    _templates_can_be_edited,
    _add_beside_a_broken_pipeline,
    _done_before_a_failure,
    _pull_keeps_what_is_right,
    _ignored_after_a_failure,
    _data_without_a_copy_stays,
    _unused_is_only_what_was_cached,
    _ignored_data_is_not_unused,
    _parts_are_not_unused,
    _unused_data_without_a_copy_stays,
    _data_is_not_deleted_for_a_failed_pull,
    _ignored_data_is_linked,
    _links_to_nothing,
    _data_elsewhere_is_no_crash,
    _graph_needs_no_lock,
    _parts_are_not_made_anew,
    _matching_data_needs_no_objects,
    _lost_manifests_are_looked_through,
    _asks_the_remote,
    _one_name_per_object,
    _uncached_outs_are_copies,
    _objects_are_copies,
    _a_part_of_a_legacy_folder,
    _a_part_of_a_folder_as_recorded,
    _fetch_asks_only_remotes,
    _lost_manifests_come_back,
    _lost_manifests_are_not_remembered,
    _dvc_gives_up,
    _links_to_nothing_are_no_crash,
    _a_failed_add_stores_nothing,
    _ignored_outs_of_other_files,
    _ignores_what_it_can,
    _ignores_once,
    _no_empty_config,
    _secrets_are_not_listed,
    _new_description,
    _unprotect_of_nothing,
    _no_scratch_manifests,
    _no_anchors,
    _lists_tracked_twice,
    _only_frozen_changes,
    _other_sections_stay,
    _outs_stay_when_a_run_cannot_start,
    _outs_that_git_tracks_are_not_overwritten,
    _commit_stores_what_it_names,
    _commit_of_a_deleted_part,
    _move_is_undone_when_it_fails,
    _move_never_overwrites,
    _parts_stay_executable,
    _copies_stay_executable,
    _saved_data_is_linked,
    _unprotect_keeps_the_executable_bit,
    _outs_elsewhere_need_force,
    _a_glob_must_match,
    _space_at_the_end_is_escaped,
    _several_reasons_to_keep_data,
)
ONLY_IN_TURNS: tuple[Improvement, ...] = (_links_made_by_the_other, _manifests_seen_by_the_other)
