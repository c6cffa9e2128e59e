"""Which of the twelve series colours a revision has: the same on every page and after every restart."""
from __future__ import annotations

import hashlib

from pipelines.engine.charttheme import SERIES
from pipelines.engine.revisions import WORKSPACE
from tracking.engine.hints import Mapping, Sequence

EASY = 6  # the first six are far apart for everyone, so they are given first


def series_numbers(ids: Sequence[str], remembered: Mapping[str, int] | None = None) -> dict[str, int]:
    """id -> number from 1, all different; the workspace has 1.

    ids: commits, or "workspace". A commit's number follows from its id; where it is taken by one before
    it, the next free one is. remembered: what the reader saw them in before, which wins.
    """
    given: dict[str, int] = {}
    for key in dict.fromkeys(ids):
        number = (remembered or {}).get(key, 0)
        if 0 < number <= SERIES * 3 and number not in given.values():
            given[key] = number
    for key in dict.fromkeys(ids):
        if key not in given:
            given[key] = _free(key, set(given.values()))
    return given


def _free(key: str, taken: set[int]) -> int:
    if key == WORKSPACE and 1 not in taken:
        return 1
    start = int(hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:8], 16)
    first = 0 if WORKSPACE == key else 1  # 1 stays for the workspace while there is choice
    for low, high in ((first, EASY), (EASY, SERIES), (0, 1), (SERIES, SERIES * 2), (SERIES * 2, SERIES * 3)):
        for offset in range(high - low):
            number = low + (start + offset) % (high - low) + 1
            if number not in taken:
                return number
    return start % SERIES + 1
