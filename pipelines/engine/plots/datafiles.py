"""Data files of plots: from bytes to rows or nested values, by the file's extension.

Rows of CSV and TSV files keep their values as text, as clients expect; JSON, YAML, TOML and
Python files give what they hold.
"""
from __future__ import annotations

import posixpath

from tracking.engine.errors import DataverError
from tracking.engine.hints import Any
from tracking.engine.params import BadDataFile, read_params

TABLES = {".csv": ",", ".tsv": "\t"}
VALUES = frozenset((".json", ".yaml", ".yml", ".toml", ".py"))
IMAGES = frozenset((".jpg", ".jpeg", ".gif", ".png", ".svg"))
MAX_DATA_BYTES = 100_000_000  # a browser draws a tenth of this with trouble
MAX_CELL = 10_000_000
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")  # how images begin


class PlotError(DataverError):
    """Why something is not drawn. kind: the type name that readers of the JSON know."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def extension(path: str) -> str:
    return posixpath.splitext(path)[1]


def is_image(path: str) -> bool:
    return extension(path) in IMAGES


def check_kind(path: str) -> None:
    """Raises PlotError for a file that no plot can be made of."""
    ext = extension(path)
    if ext not in IMAGES and ext not in TABLES and ext not in VALUES:
        raise PlotError(f"'{path}' - file type error\nOnly JSON, YAML, CSV and TSV formats are supported.", "PlotMetricTypeError")


def too_large(path: str, size_bytes: int) -> PlotError:
    return PlotError(
        f"'{path}' is too large to plot: {size_bytes / 1e6:,.0f} MB, at most {MAX_DATA_BYTES // 1_000_000} MB are read.", "FileTooLargeError"
    )


def parse(data: bytes, path: str, header: bool = True) -> Any:
    """Content of a data file: a list of rows, or nested dicts and lists. path: for errors.

    header False: columns of a table are named 0, 1, ... Raises PlotError.
    """
    if not data.strip():
        raise PlotError(f"'{path}' is empty.", "EmptyFileError")
    ext = extension(path)
    if ext in TABLES:
        return read_table(_text(data, path), path, TABLES[ext], header)
    _text(data, path)
    try:
        content = read_params(data.removeprefix(b"\xef\xbb\xbf"), path)
    except BadDataFile as exc:
        raise PlotError(exc.message, f"{exc.kind}FileCorruptedError") from exc
    if not isinstance(content, (dict, list)):
        raise PlotError(f"'{path}' holds a single value, not a list of rows.", "NoRowsError")
    return content


def _text(data: bytes, path: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise PlotError(f"unable to read: '{path}', is not valid utf8", "EncodingError") from exc


def read_table(text: str, path: str, delimiter: str, header: bool = True) -> list[dict[str, str | None]]:
    """Rows of a CSV or TSV text; cells that a short row lacks are None. Raises PlotError for a row that is too long."""
    import csv
    import io

    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")), delimiter=delimiter)
    rows: list[dict[str, str | None]] = []
    names: list[str] | None = None
    try:
        for cells in reader:
            if names is None:
                names = cells if header else [str(number) for number in range(len(cells))]
                if header:
                    continue
            count, width = len(cells), len(names)
            if count == width:
                rows.append(dict(zip(names, cells)))
            elif count > width:
                raise PlotError(
                    f"'{path}', line {reader.line_num}: the row has {count} cells, the {'header' if header else 'first row'} only {width}.", "RaggedRowError"
                )
            elif count:
                rows.append(dict(zip(names, [*cells, *[None] * (width - count)])))
    except csv.Error as exc:
        raise PlotError(f"'{path}', line {reader.line_num}: {exc}.", "CsvError") from exc
    if not rows:
        raise PlotError(f"'{path}' has no rows.", "EmptyFileError")
    return rows


def image_fault(data: bytes, path: str) -> str:
    """What is wrong with bytes that are no image, "" when they begin as one; of any kind, since names are often wrong."""
    if data.startswith(_SIGNATURES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP") or b"<svg" in data[:20_000] or b":svg" in data[:20_000]:
        return ""
    return f"'{path}' is no readable {extension(path)[1:].upper()} image."
