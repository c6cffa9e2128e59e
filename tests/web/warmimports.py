"""Imported by a fork server: imports in turn what a file names, a module a line (warm.py).

Django's settings, which come of the environment, are not among them, so what needs settings fails, and is
imported by each child.
"""
from __future__ import annotations

import contextlib
import importlib
import os
import sys

from tests.environment import CHECKOUT

VARIABLE = "DATAVER_TEST_WARM"

if VARIABLE in os.environ and "multiprocessing.forkserver" in sys.modules:
    sys.path.insert(0, CHECKOUT)
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    with open(os.environ[VARIABLE], encoding="utf-8") as stream:
        for name in stream.read().split():
            if not name.startswith("dataver_site"):
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
