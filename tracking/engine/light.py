"""The few lines that commands use of `contextlib`, `functools`, `shlex` and `argparse`, without loading those.

Together they bring `collections`, `operator`, `types` and more along: 3 ms of a start's 15.
For modules that a short command loads; everywhere else the standard library's own are right.
"""
from __future__ import annotations

from tracking.engine.hints import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import contextmanager as contextmanager
    from contextlib import nullcontext as nullcontext
    from contextlib import suppress as suppress
    from functools import cached_property as cached_property

    from tracking.engine.hints import Callable, TypeVar

    K = TypeVar("K")
    V = TypeVar("V")

    def once(function: Callable[[], V]) -> Callable[[], V]: ...
    def remembered(function: Callable[[K], V]) -> Callable[[K], V]: ...

else:

    def once(function):
        """Decorator: the first call's result is every call's."""
        found = []

        def known():
            if not found:
                found.append(function())
            return found[0]

        known.__doc__, known.__name__ = function.__doc__, function.__name__
        return known

    class _Remembered(dict):
        """Result by argument; emptied when it holds many. A hit costs no Python call."""

        def __init__(self, function):
            self._function = function

        def __missing__(self, argument):
            if len(self) >= 4096:
                self.clear()
            result = self[argument] = self._function(argument)
            return result

    def remembered(function):
        """Decorator: what one argument gave is kept."""
        return _Remembered(function).__getitem__

    class cached_property:
        """Computed once per object, then an ordinary attribute; of two threads at once, the first one's value stays."""

        def __init__(self, compute):
            self._compute = compute
            self.__doc__ = compute.__doc__

        def __set_name__(self, owner, name):
            self._name = name

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            return instance.__dict__.setdefault(self._name, self._compute(instance))

    class _Steps:
        """What a function with one `yield` does before it and after it."""

        __slots__ = ("_steps",)

        def __init__(self, steps):
            self._steps = steps

        def __enter__(self):
            return next(self._steps)

        def __exit__(self, kind, error, trace):
            try:
                if kind is None:
                    next(self._steps)
                else:
                    self._steps.throw(error)
            except StopIteration as end:
                return end is not error  # the function took the error, if there was one
            except BaseException as raised:
                if raised is not error and not (isinstance(error, StopIteration) and raised.__cause__ is error):
                    raise
                error.__traceback__ = trace  # without the way through here
                return False
            raise RuntimeError("more than one yield in a context manager")

    def contextmanager(function):
        """As contextlib's, but for use in `with` only, not as a decorator."""

        def begun(*arguments, **options):
            return _Steps(function(*arguments, **options))

        begun.__doc__, begun.__name__, begun.__wrapped__ = function.__doc__, function.__name__, function
        return begun

    class nullcontext:
        """Stands where a context manager is asked for and there is nothing to do."""

        __slots__ = ("_value",)

        def __init__(self, value=None):
            self._value = value

        def __enter__(self):
            return self._value

        def __exit__(self, *error):
            return None

    class suppress:
        """Goes on after the `with` when one of these errors ends it."""

        __slots__ = ("_errors",)

        def __init__(self, *errors):
            self._errors = errors

        def __enter__(self):
            return None

        def __exit__(self, kind, error, trace):
            return kind is not None and issubclass(kind, self._errors)


SUPPRESS = "==SUPPRESS=="  # argparse.SUPPRESS: the help does not name this option
_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-"


def quote(text: str) -> str:
    """A word as a shell has to be given it; what holds nothing special is its own quotation."""
    if text and not text.strip(_SAFE):
        return text
    from shlex import quote as quoted

    return quoted(text)
