"""The third-party scripts of the pages: are they there? They are fetched at build time (hatch_build.py)."""
from __future__ import annotations

import json
import os

from tracking.engine.errors import DataverError

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "static", "vendor")
CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class AssetsMissing(DataverError):
    """A checkout nobody built the pages' scripts in."""


def check(folder: str = FOLDER) -> None:
    """Raises AssetsMissing, naming the command that builds them."""
    try:
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as stream:
            names = json.load(stream)["files"]
    except (OSError, ValueError, KeyError):
        names = ["manifest.json"]
    if not all(os.path.isfile(os.path.join(folder, name)) for name in names):
        raise AssetsMissing(f"the scripts of the pages are not built; build them with: python -m pip install -e '{CHECKOUT}'")
