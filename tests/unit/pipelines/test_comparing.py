"""How the comparison writes numbers: those of a row with the same decimals."""
from __future__ import annotations

from typing import Any

import pytest

from pipelines.templatetags.comparing import decimals_of, signed
from tracking.pages import number_text


@pytest.mark.parametrize(("values", "said", "delta"), [
    ([0.914, 0.8971], ["0.9140", "0.8971"], "−0.0169"),
    ([0.52069, 0.9958], ["0.5207", "0.9958"], "+0.4751"),
    ([0.5, 0.500001], ["0.5", "0.5"], "+1e-06"),
    ([51, 34], ["51", "34"], "−17"),
    ([1e-6, 2.5], ["1e-06", "2.5"], "+2.5"),
    ([12.5, None, "off", True], ["12.5", "None", "off", "true"], None),
])
def test_numbers_of_a_row_share_decimals(values: list[Any], said: list[str], delta: str | None) -> None:
    decimals = decimals_of(values)
    assert [number_text(value, decimals) for value in values] == said
    assert delta is None or signed(values[1] - values[0], decimals) == delta
