"""Turns pixels into features: data/split/*.csv -> data/features/*.csv, the label last."""
from __future__ import annotations

from pathlib import Path

from settings import load_section

MAX_INK = 16  # ink count of a full pixel
SIDE = 8


def features_of(pixels: list[int], edges: bool) -> list[float]:
    """pixels: 64 ink counts. Returns features scaled to about -1..1, the last one 1 (bias)."""
    ink = [value / MAX_INK for value in pixels]
    found = list(ink)
    if edges:
        found += [ink[at + SIDE] - ink[at] for at in range(SIDE * (SIDE - 1))]
        found += [ink[at + 1] - ink[at] for at in range(SIDE * SIDE) if at % SIDE < SIDE - 1]
    return [*found, 1.0]


def main() -> None:
    params = load_section("featurize")
    folder = Path("data/features")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("train", "test"):
        _, *lines = Path(f"data/split/{name}.csv").read_text(encoding="utf-8").splitlines()
        rows = []
        for line in lines:
            *pixels, digit = map(int, line.split(","))
            rows.append([*features_of(pixels, params["edges"]), digit])
        text = "\n".join(",".join(f"{value:g}" for value in row) for row in rows)
        (folder / f"{name}.csv").write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {len(rows)} images, {len(rows[0]) - 1} features")


if __name__ == "__main__":
    main()
