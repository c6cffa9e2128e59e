from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.engine.charttheme import DARK, FONT, LIGHT, Theme, colour, config, dash

TOKENS = Path(__file__).resolve().parents[3] / "launcher" / "static" / "launcher" / "tokens.css"


def tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", block))


@pytest.mark.parametrize(("theme", "start"), [(LIGHT, ":root {"), (DARK, 'html[data-theme="dark"] {')])
def test_colours_are_those_of_the_page(theme: Theme, start: str) -> None:
    found = tokens(TOKENS.read_text(encoding="utf-8").partition(start)[2].partition("\n}")[0])
    for name in ("bg", "text", "text_2", "text_3", "line", "line_2", "accent", "accent_bg", "accent_line"):
        assert getattr(theme, name) == found[f"--{name.replace('_', '-')}"], name
    assert list(theme.series) == [found[f"--series-{number}"] for number in range(1, 13)]
    assert theme.on_heat == found["--on-heat"]
    red, green, blue = (int(part) for part in found["--heat"].split())
    assert theme.ramp == (found["--bg-sunken"], f"#{red:02x}{green:02x}{blue:02x}")


def test_font_is_the_one_of_the_page() -> None:
    assert tokens(TOKENS.read_text(encoding="utf-8"))["--font"] == FONT


def test_the_thirteenth_series_repeats_a_colour_with_dashes() -> None:
    assert (colour(LIGHT, 13), dash(13)) == (colour(LIGHT, 1), [5, 4])
    assert dash(12) == [1, 0]
    assert len({(colour(LIGHT, n), tuple(dash(n))) for n in range(1, 37)}) == 36


def test_text_is_never_smaller_than_twelve_pixels() -> None:
    sizes = [value for part in config(DARK).values() if isinstance(part, dict) for name, value in part.items() if name.endswith("FontSize") or name == "fontSize"]
    assert sizes and min(sizes) >= 12
