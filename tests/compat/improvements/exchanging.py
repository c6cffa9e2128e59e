"""Where what talks to remotes or looks through the cache differs from dvc on purpose."""
from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from typing import Any

from tests.compat.operations import Differences, Improvement, Operation, Outcome
from tests.compat.records import content, is_listed_in_remote, manifest_missing, recorded_oids, recorded_outs, shown_oid, workspace_oid


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
    oid = workspace_oid(box, path)
    return oid is not None and os.path.exists(os.path.join(box, "remote", "files", "md5", oid[:2], oid[2:]))


def _one_name_per_object(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Of several paths with the same content `status -c` names one; which one is not stable in dvc."""
    if operation[1:3] != ["status", "-c"] or found or left.code != 0 or right.code != 0:
        return False
    known = recorded_oids(box)
    first, second = ({known.get(path) or workspace_oid(box, path) or path: state for path, state in json.loads(outcome.out).items()} for outcome in (left, right))
    return first == second


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


def _commits_that_ignore_their_own_outs_have_data(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`push` and `fetch` of several commits take the data of one whose .dvcignore hides an out; dvc leaves such a commit out, and fails when no other is left."""
    is_hidden = re.search(r"Path '/\S+' is ignored by \.dvcignore", left.err) is not None or "failed to collect" in left.err and "is ignored by .dvcignore" in left.err
    return operation[1] in ("push", "fetch") and bool({"-a", "-A", "-T"}.intersection(operation)) and is_hidden and right.code == 0 and all(
        first == "absent" and re.search(r"/[0-9a-f]{2}/[0-9a-f]{30}(\.dir)?$", key) is not None for key, (first, _) in found.items()
    )


def _data_elsewhere_is_no_crash(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """`status` and `gc` work beside a cached out outside of the repository; dvc ends with an unexpected error."""
    outside = any(not out.startswith("project/") for out, _ in recorded_outs(box))
    freed = all(
        second == "absent" and ("/cache/" in f"/{key}" or key.endswith(".dvc/.gitignore")) or first.startswith("file 0 = ") and second.startswith("file 0 ") and "/cache/" not in second.partition(" b'")[0] and content(first) == content(second)
        for key, (first, second) in found.items()
    )
    return operation[1] in ("status", "gc") and outside and left.code == 255 and "ERROR: unexpected error\n" in left.err and right.code == 0 and freed


def _no_scratch_manifests(operation: Operation, left: Outcome, right: Outcome, found: Differences, box: str) -> bool:
    """Looking at folders of 2.x leaves nothing behind; dvc stores a manifest of what lies there in the cache."""
    return left.code == right.code and bool(found) and all(
        re.search(r"cache/[0-9a-f]{2}/[0-9a-f]{30}\.dir$", key) and second == "absent" for key, (_, second) in found.items()
    )


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


IMPROVEMENTS: tuple[Improvement, ...] = (
    _lost_manifests_are_looked_through,
    _asks_the_remote,
    _one_name_per_object,
    _fetch_asks_only_remotes,
    _lost_manifests_come_back,
    _lost_manifests_are_not_remembered,
    _commits_that_ignore_their_own_outs_have_data,
    _data_elsewhere_is_no_crash,
    _no_scratch_manifests,
    _no_empty_config,
    _secrets_are_not_listed,
)
