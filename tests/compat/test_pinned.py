"""Fixed sequences agree between dvc and dataver, and dvc itself sees no difference in what dataver left."""
from __future__ import annotations

import pytest

from tests.compat.driver import failure_text, run
from tests.compat.pinned import JUDGE, SEQUENCES, UNJUDGED
from tests.compat.tools import Tool, sample


@pytest.mark.parametrize("name", sample(list(SEQUENCES), 8))
def test_sequence_agrees(tools: dict[str, Tool], name: str) -> None:
    judge = [] if name in UNJUDGED else JUDGE
    report = run(tools, seed=0, steps=0, operations=[*SEQUENCES[name], *judge])
    if report.problem:
        pytest.fail(failure_text(report, 0, "twins"), pytrace=False)
