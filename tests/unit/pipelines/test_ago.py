"""Times in lists: relative within a day, absolute after."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.templatetags.ago import ago, words

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(("age_s", "said"), [(0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (3600, "1 h ago"), (86399, "23 h ago"), (86400, "4 Mar"), (90 * 86400, "5 Dec 2025"), (-60, "5 Mar")])
def test_words(age_s: int, said: str) -> None:
    assert words(NOW - timedelta(seconds=age_s), NOW) == said


def test_no_time_is_said() -> None:
    assert ago(None) == "unknown"
