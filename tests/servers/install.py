"""Installs Azurite beside its lock file, with npm from the package of Node or the one on PATH; no install script runs."""
from __future__ import annotations

from pathlib import Path

from hatch_build import npm

if __name__ == "__main__":
    npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], Path(__file__).parent / "azurite")
