"""Reads the command lines that people and scripts usually type, without loading argparse.

Commands declare their options by argparse's calls (`add_arguments`). `read` hears the same
calls and takes a line whose meaning is beyond doubt: whole names of options, each value a
word of its own or after `=`, the positional words side by side. For everything else
(abbreviations, `-xyz`, `--`, help, anything wrong) it gives up and argparse decides
(argumentparser), which also words every error. A property test holds both equal. Loading argparse
with `re` and building its parser takes 8 ms of a start's 22.
"""
from __future__ import annotations

from tracking.engine.hints import Any, Callable

_FLAGS = {"store_true": True, "store_false": False}
_KNOWN_ACTIONS = frozenset((*_FLAGS, "store", "store_const", "append", "extend", "count"))
_KNOWN_COUNTS = (None, "?", "*", "+")
_UNSET: Any = object()
USAGE = 254


class Doubt(Exception):
    """The line, or an option's declaration, is not of the usual kind."""


class Arguments:
    """The values by name, as argparse.Namespace holds them."""


def add_common(parser: Any) -> None:
    """The options that every command takes."""
    common = parser.add_argument_group("common options")
    common.add_argument("-q", "--quiet", action="count", default=0, help="only errors")
    common.add_argument("-v", "--verbose", action="count", default=0, help="more detail; twice for still more")
    common.add_argument("--cd", default=None, metavar="PATH", help="run in this folder")
    common.add_argument("--wait-for-lock", action="store_true", default=False, help="wait for a busy lock for as long as it takes")


def read(add_arguments: Callable[[Any], object], words: list[str]) -> Any:
    """The values of a command's line; None where argparse has to look."""
    declared = _Declared()
    try:
        add_common(declared)
        add_arguments(declared)
        return _Line(declared, words).arguments
    except Doubt:
        return None


class _Option:
    """One declaration: an option or a positional argument. `values`: nargs, 0 for a flag."""

    __slots__ = ("action", "choices", "const", "default", "dest", "group", "required", "type", "values")

    def __init__(
        self, dest: str, group: _Exclusive | None, *, action: Any = "store", nargs: Any = None, const: Any = None, default: Any = _UNSET,
        type: Callable[[str], Any] | None = None, choices: Any = None, required: bool = False, help: str | None = None, metavar: Any = None,
    ) -> None:  # fmt: skip
        if action not in _KNOWN_ACTIONS or nargs not in _KNOWN_COUNTS:
            raise Doubt
        self.dest, self.group, self.required = dest, group, required
        self.action, self.type, self.choices, self.const, self.values = action, type, choices, const, nargs
        if action in _FLAGS:
            self.const = _FLAGS[action]
            default = (not self.const) if default is _UNSET else default
            self.values = 0
        elif action in ("store_const", "count"):
            self.values = 0
        self.default = None if default is _UNSET else default

    def value(self, words: list[str]) -> Any:
        """What the words after an option, or in a positional's place, mean."""
        try:
            found = [self.type(word) for word in words] if self.type else words
        except Exception:
            raise Doubt from None  # argparse knows how to say it
        if self.choices is not None and any(item not in self.choices for item in found):
            raise Doubt
        return found if self.values in ("*", "+") else found[0]


class _Exclusive:
    """Options of which one may be given."""

    def __init__(self, declared: _Declared, required: bool) -> None:
        self._declared = declared
        self.required = required

    def add_argument(self, *names: str, **options: Any) -> None:
        self._declared.add_argument(*names, group=self, **options)


class _Declared:
    """Hears argparse's calls."""

    def __init__(self) -> None:
        self.all: list[_Option] = []
        self.options: dict[str, _Option] = {}
        self.positionals: list[_Option] = []
        self.groups: list[_Exclusive] = []

    def add_argument(self, *names: str, dest: str | None = None, group: _Exclusive | None = None, **rest: Any) -> None:
        first = names[0]
        if first[0] != "-":
            option = _Option(first, group, **rest)
            self.positionals.append(option)
        else:
            if dest is None:
                dest = next((name for name in names if name.startswith("--")), first).lstrip("-").replace("-", "_")
            option = _Option(dest, group, **rest)
            for name in names:
                self.options[name] = option
        self.all.append(option)

    def add_argument_group(self, *title: str) -> _Declared:
        return self

    def add_mutually_exclusive_group(self, required: bool = False) -> _Exclusive:
        group = _Exclusive(self, required)
        self.groups.append(group)
        return group

    def __getattr__(self, name: str) -> Any:
        raise Doubt  # a call that means something to argparse only


class _Line:
    """One command line read by its declarations. Raises Doubt."""

    def __init__(self, declared: _Declared, words: list[str]) -> None:
        self._declared = declared
        self.arguments = Arguments()
        self._values = self.arguments.__dict__
        self._seen: list[_Option] = []
        for option in declared.all:
            self._values.setdefault(option.dest, option.default)
        self._positionals(self._options(words))
        self._check()

    def _options(self, words: list[str]) -> list[str]:
        """Take the options; returns the other words, which stand side by side."""
        others: list[str] = []
        end = -1  # of the others so far
        i, count = 0, len(words)
        while i < count:
            word = words[i]
            i += 1
            if word[:1] != "-" or word == "-":
                if others and end != i - 1:
                    raise Doubt
                others.append(word)
                end = i
                continue
            name, given, text = word, "", ""
            option = self._declared.options.get(word)
            if option is None and word[:2] == "--":
                name, given, text = word.partition("=")
                option = self._declared.options.get(name)
            if option is None:
                raise Doubt
            start = i
            if given:
                if text in ("", "--") or option.values == 0:
                    raise Doubt
                self._set(option, option.value([text]))
                continue
            if option.values != 0:
                most = count if option.values in ("*", "+") else i + 1
                while i < count and i < most and (words[i][:1] != "-" or words[i] == "-"):
                    i += 1
                if i == start and option.values in (None, "+"):
                    raise Doubt
            self._take(option, words[start:i])
        return others

    def _take(self, option: _Option, words: list[str]) -> None:
        if option.values == 0:
            self._set(option, option.const)
        elif not words and option.values == "?":
            if isinstance(option.const, str):
                raise Doubt
            self._set(option, option.const)
        else:
            self._set(option, option.value(words))

    def _set(self, option: _Option, value: Any) -> None:
        self._seen.append(option)
        before = self._values[option.dest]
        if option.action == "append":
            value = [*(before or ()), value]
        elif option.action == "extend":
            value = [*(before or ()), *value]
        elif option.action == "count":
            value = (before or 0) + 1
        self._values[option.dest] = value

    def _positionals(self, words: list[str]) -> None:
        """Give the words out from left to right: first to those that need one, then to those that may do without."""
        needed = True
        for option in self._declared.positionals:
            if option.values in (None, "+") and not needed:
                raise Doubt  # argparse would go back and give an earlier one less
            if option.values not in (None, "+"):
                needed = False
            count = len(words) if option.values in ("*", "+") else 1
            given, words = words[:count], words[count:]
            if given:
                self._set(option, option.value(given))
            elif option.values in (None, "+") or option.choices is not None:
                raise Doubt
            elif option.values == "*" and option.default is None:
                self._values[option.dest] = []
        if words:
            raise Doubt

    def _check(self) -> None:
        """Options that are required, exclude each other, or have a default that is still text."""
        seen = set(self._seen)
        for group in self._declared.groups:
            given = sum(option.group is group for option in seen)
            if given > 1 or (group.required and not given):
                raise Doubt
        for option in self._declared.all:
            if option in seen:
                continue
            if option.required:
                raise Doubt
            if option.type is not None and isinstance(option.default, str):
                raise Doubt
