"""Names of `typing` that annotations need, without importing it: that costs 3 ms, a tenth of a start.

No annotation is evaluated while a command runs (`from __future__ import annotations`), so
stand-ins do. Type checkers see the real ones, as they see everything under TYPE_CHECKING.
"""
from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import IO as IO
    from typing import Any as Any
    from typing import BinaryIO as BinaryIO
    from typing import Protocol as Protocol
    from typing import TextIO as TextIO
    from typing import TypeVar as TypeVar
    from typing import dataclass_transform as dataclass_transform
    from typing import overload as overload
else:

    class Any:
        """Anything."""

    class Protocol:
        """Base of what is only a description."""

    IO = BinaryIO = TextIO = Any

    def TypeVar(name):
        return Any

    def overload(function):
        return function

    def dataclass_transform(**options):
        return overload
