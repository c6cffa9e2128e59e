"""Params from a Python file, by its syntax tree; the file is never executed.

Taken are literals: module constants, class attributes (as `Class.name`), and assignments
to `self` in `__init__` (as if they were class attributes). Everything else is passed over.
"""
from __future__ import annotations

import ast

from tracking.engine.hints import Any

MAX_BYTES = 10_000_000  # a syntax tree takes about 100 times the size of its text


def read_python(text: str) -> dict[str, Any]:
    """Name -> value, in the order of the file; tuples stay tuples. Raises SyntaxError."""
    if len(text) > MAX_BYTES:
        raise SyntaxError("file is too large for a Python params file")
    try:
        return _block(ast.parse(text).body, only_self=False)
    except (ValueError, RecursionError, MemoryError) as exc:  # NUL bytes; nesting too deep
        raise SyntaxError(str(exc)) from exc


def _block(body: list[ast.stmt], only_self: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            name = _target(statement, only_self)
            if name is not None and statement.value is not None:
                try:
                    found[name] = ast.literal_eval(statement.value)
                except (ValueError, TypeError, SyntaxError, RecursionError):
                    continue  # computed, so not a param
        elif isinstance(statement, ast.ClassDef):
            found[statement.name] = _block(statement.body, only_self=False)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            found.update(_block(statement.body, only_self=True))
    return found


def _target(statement: ast.Assign | ast.AnnAssign, only_self: bool) -> str | None:
    """The one name that is assigned to, None when it is none of ours."""
    if isinstance(statement, ast.Assign):
        if len(statement.targets) != 1:
            return None
        target: ast.expr = statement.targets[0]
    else:
        target = statement.target
    if isinstance(target, ast.Name):
        return None if only_self else target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return target.attr
    return None
