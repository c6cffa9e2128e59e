"""Do all dependencies have wheels where dataver shall run? Asks the package index, installs nothing.

    python .ci/wheels_check.py

pip reads environment markers for the machine it runs on. Those of our own dependencies are read
here for the other one; what only other platforms need of theirs is listed below by hand.
"""
from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PLATFORMS = {
    "macOS arm64": ["macosx_11_0_arm64", "macosx_12_0_arm64", "macosx_14_0_arm64"],
    "Windows amd64": ["win_amd64"],
    "Linux aarch64": ["manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64"],
    "Linux x86_64": ["manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"],
}
MARKERS = {  # sys_platform, platform_machine
    "macOS arm64": ("darwin", "arm64"),
    "Windows amd64": ("win32", "AMD64"),
    "Linux aarch64": ("linux", "aarch64"),
    "Linux x86_64": ("linux", "x86_64"),
}
PYTHONS = ("3.11", "3.12", "3.13")
ONLY_THERE = {"Windows amd64": ["colorama", "tzdata"]}  # click's and Django's


def wanted(dependencies: list[str], name: str, python: str) -> list[str]:
    """Those that are needed there, without their markers."""
    system, machine = MARKERS[name]
    there = {"sys_platform": system, "platform_machine": machine, "python_version": python}
    found = []
    for requirement in map(Requirement, dependencies):
        if requirement.marker is None or requirement.marker.evaluate(there):
            requirement.marker = None
            found.append(str(requirement))
    return found


def resolves(requirements: list[str], tags: list[str], python: str) -> str:
    """Empty, or pip's last words."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "-q", "--dry-run", "--only-binary=:all:", "--target", folder, "--python-version", python]
        command += [f"--platform={tag}" for tag in tags] + requirements
        result = subprocess.run(command, capture_output=True, text=True)
    return result.stderr.strip().splitlines()[-1] if result.returncode else ""


def main() -> int:
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
    failures = 0
    for name, tags in PLATFORMS.items():
        for python in PYTHONS:
            problem = resolves(wanted(project["dependencies"], name, python) + ONLY_THERE.get(name, []), tags, python)
            failures += bool(problem)
            print(f"{name}, Python {python}: {problem or 'all have wheels'}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
