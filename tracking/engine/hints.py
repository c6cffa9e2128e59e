"""Names that annotations need, without importing where they live: start-up is a feature.

`typing` costs 3 ms of a start's 20; `collections.abc` brings all of `collections` along and
costs 1 to 2. No annotation is evaluated while a command runs (`from __future__ import
annotations`), so stand-ins do for `typing`; the abstract classes of collections are the real
ones, out of the module that Python has loaded before it runs us. Type checkers see the
documented names, as they see everything under TYPE_CHECKING.
"""
from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import AsyncIterator as AsyncIterator
    from collections.abc import Awaitable as Awaitable
    from collections.abc import Callable as Callable
    from collections.abc import Collection as Collection
    from collections.abc import Container as Container
    from collections.abc import Coroutine as Coroutine
    from collections.abc import Iterable as Iterable
    from collections.abc import Iterator as Iterator
    from collections.abc import Mapping as Mapping
    from collections.abc import Sequence as Sequence
    from contextlib import AbstractContextManager as AbstractContextManager
    from typing import IO as IO
    from typing import Any as Any
    from typing import BinaryIO as BinaryIO
    from typing import Protocol as Protocol
    from typing import TextIO as TextIO
    from typing import TypeVar as TypeVar
    from typing import dataclass_transform as dataclass_transform
    from typing import overload as overload
else:
    from _collections_abc import AsyncIterator, Awaitable, Callable, Collection, Container, Coroutine, Iterable, Iterator, Mapping, Sequence

    class Any:
        """Anything."""

    class Protocol:
        """Base of what is only a description."""

    AbstractContextManager = IO = BinaryIO = TextIO = Any

    def TypeVar(name):
        return Any

    def overload(function):
        return function

    def dataclass_transform(**options):
        return overload
