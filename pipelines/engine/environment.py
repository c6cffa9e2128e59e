"""What a run ran in: Git state, the stages' Python and its packages, the machine.

Nothing here names the machine or its user, and of the environment's variables only those in
VARIABLES are kept. Most facts are read from files; a Python is asked only when it is not clear
what it is. Meant to be called in a thread: see Journal.
"""
from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys

from tracking.engine.errors import DataverError
from tracking.engine.git import Git
from tracking.engine.hints import Any, Collection, Iterator, Mapping

VARIABLES = ("CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "NVIDIA_VISIBLE_DEVICES")
MAX_CHANGED = 20  # paths named of a dirty work tree
MAX_PACKAGES = 5000
ASK_TIMEOUT_S = 10
GPU_TIMEOUT_S = 10
_ASK = "import json, sys, sysconfig; print(json.dumps([sys.executable, '.'.join(map(str, sys.version_info[:3])), sysconfig.get_path('purelib'), sysconfig.get_path('platlib')]))"


def facts(environ: Mapping[str, str], root_dir: str, git: bool, written: Collection[str]) -> Iterator[dict[str, Any]]:
    """Keys of the `environment` events, in pieces, the quickest first.

    git: whether the project is in Git. written: absolute paths that the run itself writes, which
    make no work tree dirty.
    """
    if git:
        yield {"git": git_state(environ, root_dir, written)}
    yield {"platform": platform(), "cpu": cpu(), "memory_bytes": memory_bytes(), "variables": {name: environ[name] for name in VARIABLES if name in environ}}
    python = python_facts(environ, root_dir)
    if python is not None:
        yield {"python": python}
    gpus = gpu_names(environ)
    if gpus:
        yield {"gpus": gpus}


# --- Git
def git_state(environ: Mapping[str, str], root_dir: str, written: Collection[str]) -> dict[str, Any] | None:
    """commit, branch (None when detached), dirty, changed: files that differ from the commit, at most MAX_CHANGED."""
    git = Git.find(root_dir, environ)
    if git is None:
        return None
    try:
        status = git.status()
        commit = git.head_commit()
    except DataverError:
        return None
    finally:
        git.close()
    branch = None
    with contextlib.suppress(DataverError):
        branch = git.active_branch()
    own = {git.rel(path) for path in written}
    changed = sorted(path for path in {*status.staged, *status.unstaged} if not _is_own(path, own))
    return {"commit": commit, "branch": branch, "dirty": bool(changed), "changed": changed[:MAX_CHANGED]}


def _is_own(path: str, own: Collection[str]) -> bool:
    return path in own or any(path.startswith(name + "/") for name in own)


# --- the machine
def platform() -> str:
    """System, release and processor family: "Linux 6.1.0 x86_64"."""
    if hasattr(os, "uname"):
        system = os.uname()
        return f"{system.sysname} {system.release} {system.machine}"
    return f"Windows {'.'.join(map(str, sys.getwindowsversion()[:3]))}"  # type: ignore[attr-defined,unused-ignore]


def cpu() -> dict[str, Any]:
    """count: processors we may use; model: None where it cannot be told."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"count": count, "model": _cpu_model()}


def _cpu_model() -> str | None:
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("model name", "Hardware")):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"], {"PATH": "/usr/sbin:/sbin:/usr/bin"}, "/", 2) or None
    return None


def memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def gpu_names(environ: Mapping[str, str]) -> list[str]:
    """Model of each NVIDIA device; empty without the driver."""
    found = []
    for path in sorted(glob.glob("/proc/driver/nvidia/gpus/*/information")):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            found += [line.partition(":")[2].strip() for line in file if line.startswith("Model:")]
    program = shutil.which("nvidia-smi", path=environ.get("PATH")) if not found else None
    if program:
        found = _output([program, "--query-gpu=name", "--format=csv,noheader"], environ, os.path.dirname(program), GPU_TIMEOUT_S).splitlines()
    return found


# --- Python
def python_facts(environ: Mapping[str, str], root_dir: str) -> dict[str, Any] | None:
    """executable, version, packages (name -> version) of the `python` that stages find; None without one."""
    path = find_python(environ, root_dir)
    if path is None:
        return None
    prefix = os.path.dirname(os.path.dirname(path))
    version, folders = _read_prefix(path, prefix)
    if version is None:
        answer = _output([path, "-c", _ASK], environ, root_dir, ASK_TIMEOUT_S).strip()
        try:
            path, version, *folders = json.loads(answer)
        except ValueError:
            return {"executable": path, "version": None, "packages": {}}
    return {"executable": path, "version": version, "packages": packages(dict.fromkeys(folders))}


def find_python(environ: Mapping[str, str], root_dir: str) -> str | None:
    """The `python` on PATH, else python3; what stands behind a shim of pyenv."""
    search = environ.get("PATH")
    if not search:
        return None
    path = shutil.which("python", path=search) or shutil.which("python3", path=search)
    return _behind_shim(path, environ, root_dir) if path else None


def _behind_shim(path: str, environ: Mapping[str, str], root_dir: str) -> str:
    """Starting a shim of pyenv takes 100 ms; its choice is a name in a variable or a file."""
    folder = os.path.dirname(path)
    if os.path.basename(folder) != "shims":
        return path
    root = os.path.dirname(folder)
    name = environ.get("PYENV_VERSION") or _first_word_up(root_dir, ".python-version") or _first_word(os.path.join(root, "version")) or "system"
    name = name.split(":")[0]
    if name == "system":
        rest = os.pathsep.join(entry for entry in environ["PATH"].split(os.pathsep) if os.path.realpath(entry) != os.path.realpath(folder))
        return shutil.which("python", path=rest) or shutil.which("python3", path=rest) or path
    found = os.path.join(root, "versions", name, "bin", "python")
    return found if os.path.exists(found) and "/" not in name else path


def _first_word(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split("#")[0].split()
            if words:
                return words[0]
    return ""


def _first_word_up(folder: str, name: str) -> str:
    while True:
        found = _first_word(os.path.join(folder, name))
        parent = os.path.dirname(folder)
        if found or parent == folder:
            return found
        folder = parent


def _read_prefix(path: str, prefix: str) -> tuple[str | None, list[str]]:
    """(version, folders of packages) of an installation or a virtual environment; (None, []) when it has to be asked."""
    settings = _pyvenv(prefix)
    version = settings.get("version", settings.get("version_info", "")) or _patchlevel(os.path.realpath(path))
    parts = version.split(".")[:3]
    if len(parts) < 3 or not all(part[:1].isdigit() for part in parts) or os.name == "nt":
        return None, []
    version, minor = ".".join(parts), ".".join(parts[:2])
    prefixes = [prefix]
    if not settings:
        prefixes = [os.path.dirname(os.path.dirname(os.path.realpath(path)))]
    elif settings.get("include-system-site-packages", "").lower() == "true" and settings.get("home"):
        prefixes.append(os.path.dirname(settings["home"]))
    folders = [os.path.join(base, lib, f"python{minor}", "site-packages") for base in prefixes for lib in ("lib", "lib64")]
    return (version, folders) if os.path.isdir(folders[0]) else (None, [])


def _pyvenv(prefix: str) -> dict[str, str]:
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8", errors="replace") as file:
            pairs = [line.partition("=") for line in file]
    except OSError:
        return {}
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _patchlevel(real: str) -> str:
    """The version in the headers of an installation; a system's Python often has none."""
    name = os.path.basename(real)
    header = os.path.join(os.path.dirname(os.path.dirname(real)), "include", name, "patchlevel.h")
    with contextlib.suppress(OSError), open(header, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("#define PY_VERSION "):
                return line.split()[2].strip('"').rstrip("+")
    return ""


def packages(folders: Collection[str]) -> dict[str, str]:
    """name -> version of what is installed in folders of packages, from the names of their metadata."""
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for entry in names:
            stem, dot, kind = entry.rpartition(".")
            name, dash, rest = stem.partition("-")
            if dot and dash and kind in ("dist-info", "egg-info"):
                found.setdefault(name.replace("_", "-"), rest.partition("-py")[0])
    return dict(sorted(found.items())[:MAX_PACKAGES])


def _output(command: list[str], environ: Mapping[str, str], folder: str, timeout_s: float) -> str:
    try:
        done = subprocess.run(command, env=dict(environ), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""
