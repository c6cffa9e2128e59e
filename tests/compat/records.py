"""What the files of a box's project record, read for the reasons in improvements."""
from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml


def _cache_folders(box: str) -> list[str]:
    """Where the project's objects are, of both layouts; the generator knows two places."""
    with open(os.path.join(box, "project", ".dvc", "config"), encoding="utf-8") as stream:
        elsewhere = re.search(r"^\s*dir = ", stream.read(), re.MULTILINE)
    cache = os.path.join(box, "cache" if elsewhere else "project/.dvc/cache")
    return [os.path.join(cache, "files", "md5"), cache]


def shown_yaml(shown: str) -> Any:
    """The YAML value of a file as the snapshot shows it; None for what is no YAML."""
    _, _, content = shown.partition(" b")
    try:
        return yaml.safe_load(ast.literal_eval("b" + content).decode())
    except (SyntaxError, ValueError, UnicodeDecodeError, yaml.YAMLError):
        return None


def content(shown: str) -> str:
    """A file's bytes as the snapshot shows them, without mode and links."""
    return "b" + shown.partition(" b")[2]


def recorded_outs(box: str) -> list[tuple[str, dict[str, Any]]]:
    """(path relative to the box, entry) of every out of .dvc files, dvc.yaml and the dvc.lock of its stages. Templates keep their `${...}`."""
    found: list[tuple[str, dict[str, Any]]] = []
    for folder, names, files in os.walk(os.path.join(box, "project")):
        names[:] = [name for name in names if name not in (".git", ".dvc")]
        for name in files:
            if name in ("dvc.yaml", "dvc.lock") or name.endswith(".dvc"):
                found += _outs_of(os.path.join(folder, name), os.path.relpath(folder, box))
    return found


def _committed_outs(box: str) -> list[tuple[str, dict[str, Any]]]:
    """Outs of the .dvc files and dvc.lock of the last commit."""
    project = os.path.join(box, "project")
    found = []
    for name in _git(project, "ls-tree", "-rz", "--name-only", "HEAD").split("\0"):
        if name.endswith((".dvc", "dvc.lock")):
            found += _parsed(_git(project, "show", f"HEAD:{name}"), name, os.path.join("project", os.path.dirname(name)))
    return found


def _git(folder: str, *words: str) -> str:
    """What Git prints; "" when it fails."""
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, check=False).stdout.decode()


def _outs_of(path: str, folder: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        return _parsed(text, path, folder, _stage_names(path) if path.endswith("dvc.lock") else None)
    except (OSError, ValueError):
        return []


def _stage_names(lock: str) -> set[str] | None:
    """Stages and groups of the dvc.yaml beside a dvc.lock, which may remember others; None when it cannot be read."""
    try:
        with open(os.path.join(os.path.dirname(lock), "dvc.yaml"), encoding="utf-8") as stream:
            return set(yaml.safe_load(stream)["stages"])
    except FileNotFoundError:
        return set()
    except (TypeError, KeyError, yaml.YAMLError):
        return None


def _parsed(text: str, path: str, folder: str, only: set[str] | None = None) -> list[tuple[str, dict[str, Any]]]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return []
    if not isinstance(data, dict):
        return []
    named = data.get("stages") or {}
    if only is not None and isinstance(named, dict):
        named = {name: stage for name, stage in named.items() if name.partition("@")[0] in only}
    stages = [data] if path.endswith(".dvc") else list(named.values()) if isinstance(named, dict) else []
    stages = [stage.get("do", stage) for stage in stages if isinstance(stage, dict)]
    found = []
    for stage in stages:
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind) or ():
                entry = {"path": entry} if isinstance(entry, str) else entry
                if isinstance(entry, dict) and "path" not in entry:
                    name, options = next(iter(entry.items()))
                    entry = {**(options or {}), "path": name}
                if isinstance(entry, dict) and isinstance(entry.get("path"), str):
                    found.append((os.path.normpath(os.path.join(folder, str(stage.get("wdir") or "."), entry["path"])), entry))
    return found


def shown_oid(shown: str) -> str:
    """MD5 of a file's bytes as the snapshot shows it, and of the object a symlink leads to; "" for anything else."""
    if shown.startswith("symlink "):
        return "".join(shown.split("/")[-2:])
    try:
        return hashlib.md5(ast.literal_eval(content(shown))).hexdigest() if shown.startswith("file ") else ""
    except (SyntaxError, ValueError):
        return ""


def shown_manifest(shown: str) -> dict[str, str]:
    """Path -> oid of a .dir object as the snapshot shows it; empty for what is none."""
    try:
        return _manifest(ast.literal_eval(content(shown)))
    except (SyntaxError, ValueError, KeyError, TypeError):
        return {}


def saved_manifest(box: str, oid: str) -> dict[str, str]:
    """Path -> oid of a .dir object in a cache or the remote of the box; empty when none has it."""
    for cache in (*_cache_folders(box), os.path.join(box, "remote", "files", "md5")):
        with contextlib.suppress(FileNotFoundError), open(os.path.join(cache, oid[:2], oid[2:]), "rb") as stream:
            return _manifest(stream.read())
    return {}


def recorded_oids(box: str) -> dict[str, str]:
    """Object of every file that is an out, or that a manifest in a cache or the remote lists for one; by path relative to the project."""
    found: dict[str, str] = {}
    for out, entry in recorded_outs(box):
        oid, top = str(entry.get("md5") or ""), out.removeprefix("project/")
        if oid.endswith(".dir"):
            found.update({f"{top}/{name}": value for name, value in saved_manifest(box, oid).items()})
        elif oid:
            found[top] = oid
    return found


def saved_by_commit(box: str) -> set[str]:
    """Oids of the workspace files that are outs or lie in one."""
    tops = [os.path.join(box, out) for out, _ in recorded_outs(box)]
    paths = {os.path.join(folder, name) for top in tops for folder, _, names in os.walk(top) for name in names}
    found = set()
    for path in {*tops, *paths}:
        with contextlib.suppress(OSError), open(path, "rb") as stream:
            found.add(hashlib.md5(stream.read()).hexdigest())
    return found


def _manifest(data: bytes) -> dict[str, str]:
    return {entry["relpath"]: entry["md5"] for entry in json.loads(data)}


def failed_targets(err: str) -> set[str]:
    """Paths relative to the box of the outs that a checkout from the project's top folder says it could not bring."""
    _, _, listing = err.partition("Checkout failed for following targets:\n")
    return {os.path.normpath(f"project/{name}") for name in listing.partition("\nIs your cache")[0].split("\n") if name}


def is_dvcignored(box: str, path: str) -> bool:
    """Whether the .dvcignore of the project's top folder names a path relative to the box that Git does not track."""
    listing = _git(os.path.join(box, "project"), "ls-files", "-oizX", ".dvcignore")
    return path.removeprefix("project/") in listing.split("\0")


def is_listed_in_remote(box: str, oid: str) -> bool:
    """Whether a manifest in the remote lists an object."""
    return any(f'"{oid}"' in path.read_text() for path in Path(box, "remote", "files", "md5").glob("*/*.dir"))


def links_to_nothing(box: str, path: str) -> bool:
    """Whether there is a symlink to a missing object at or below a path relative to the box."""
    top = os.path.join(box, path)
    below = [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names]
    links = [os.readlink(name) for name in (top, *below) if os.path.islink(name)]
    live = os.path.join(os.path.dirname(box), "live")  # what the box was called when they were made
    return any("/cache/" in target and not os.path.exists(target.replace(live, box, 1)) for target in links)


def is_saved(box: str, shown: str) -> bool:
    """Whether a cache of the box holds the bytes of a file, as the snapshot shows it."""
    oid = shown_oid(shown)
    return any(os.path.exists(os.path.join(cache, oid[:2], oid[2:])) for cache in _cache_folders(box))


def is_tracked(box: str, path: str) -> bool:
    """Whether an out is at, above or below a path relative to the box."""
    return any(path == out or path.startswith(out + "/") or out.startswith(path + "/") for out, _ in recorded_outs(box))


def never_ignored(box: str, path: str) -> bool:
    """Whether no .gitignore of the project's top folder, now or in a commit, names a path there: so it never was a cached out."""
    project = os.path.join(box, "project")
    texts = [_git(project, "show", f"{revision}:.gitignore") for revision in _git(project, "rev-list", "--all").split()]
    with contextlib.suppress(FileNotFoundError), open(os.path.join(project, ".gitignore"), encoding="utf-8") as stream:
        texts.append(stream.read())
    return path.count("/") == 1 and not any("/" + os.path.basename(path) in text.splitlines() for text in texts)


def is_uncached(box: str, path: str) -> bool:
    """Whether a path is an out with `cache: false`."""
    for out, entry in recorded_outs(box):
        pattern = re.sub(r"\\\$\\\{.*?\\\}", ".*", re.escape(out))
        if entry.get("cache") is False and re.fullmatch(pattern, path):
            return True
    return False


def manifest_missing(box: str, path: str) -> bool:
    """Whether a path lies in an out that is a folder and whose manifest no cache of the box holds."""
    for out, entry in [*recorded_outs(box), *_committed_outs(box)]:
        oid = str(entry.get("md5") or "")
        if oid.endswith(".dir") and (path == out or path.startswith(out + "/")):
            if not any(os.path.exists(os.path.join(cache, oid[:2], oid[2:])) for cache in _cache_folders(box)):
                return True
    return False


def is_unchanged(box: str, path: str) -> bool:
    """Whether the workspace file at a path relative to the box is what its record says."""
    name = path.removeprefix("project/")
    return recorded_oids(box).get(name, "") == workspace_oid(box, name)


def workspace_oid(box: str, path: str) -> str | None:
    try:
        with open(os.path.join(box, "project", path), "rb") as stream:
            return hashlib.md5(stream.read()).hexdigest()
    except OSError:
        return None
