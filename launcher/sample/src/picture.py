"""Draws the misclassified images as one PNG: left the digit it is, right the one it was taken for."""
from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

ZOOM = 6  # screen pixels per image pixel
MARGIN = 6
LABEL = 14  # height of the line with the two digits
COLUMNS = 10
SIDE = 8
Colour = tuple[int, int, int]
PAPER, INK, GOOD, BAD = (255, 255, 255), (31, 41, 55), (21, 128, 61), (185, 28, 28)
# 3 x 5 pixels per digit, one number per row, bits from left to right
FONT = (
    (7, 5, 5, 5, 7), (2, 6, 2, 2, 7), (7, 1, 7, 4, 7), (7, 1, 3, 1, 7), (5, 5, 7, 1, 1),
    (7, 4, 7, 1, 7), (7, 4, 7, 5, 7), (7, 1, 2, 2, 2), (7, 5, 7, 5, 7), (7, 5, 7, 1, 7),
)


class Canvas:
    """RGB pixels, row by row."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rows = [bytearray(bytes(PAPER) * width) for _ in range(height)]

    def fill(self, top: int, left: int, size: int, colour: Colour) -> None:
        for row in self.rows[top : top + size]:
            row[3 * left : 3 * (left + size)] = bytes(colour) * size

    def png(self) -> bytes:
        """Format: W3C PNG specification, sections 5 and 11."""
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        lines = b"".join(b"\0" + bytes(row) for row in self.rows)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
        body = b"".join(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
        return b"\x89PNG\r\n\x1a\n" + body


def draw_mistakes(mistakes: Sequence[tuple[Sequence[int], int, int]]) -> bytes:
    """mistakes: 64 ink counts of 0-16, the digit, the guess. Returns a PNG, a grid with COLUMNS columns."""
    side = SIDE * ZOOM
    width, height = side + 2 * MARGIN, side + LABEL + 2 * MARGIN
    canvas = Canvas(COLUMNS * width, max(1, -(-len(mistakes) // COLUMNS)) * height)
    for i, (pixels, digit, guess) in enumerate(mistakes):
        top, left = i // COLUMNS * height + MARGIN, i % COLUMNS * width + MARGIN
        for at, ink in enumerate(pixels):
            canvas.fill(top + at // SIDE * ZOOM, left + at % SIDE * ZOOM, ZOOM, shade(ink / 16))
        write_digit(canvas, top + side + 3, left + 8, digit, GOOD)
        write_digit(canvas, top + side + 3, left + side - 14, guess, BAD)
    return canvas.png()


def shade(share: float) -> Colour:
    red, green, blue = (round(paper * (1 - share) + ink * share) for paper, ink in zip(PAPER, INK))
    return red, green, blue


def write_digit(canvas: Canvas, top: int, left: int, digit: int, colour: Colour) -> None:
    for row, bits in enumerate(FONT[digit]):
        for column in range(3):
            if bits >> (2 - column) & 1:
                canvas.fill(top + 2 * row, left + 2 * column, 2, colour)
