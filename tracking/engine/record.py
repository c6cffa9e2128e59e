"""Values with named fields, declared as dataclasses are, at a tenth of their import time.

The standard `dataclasses` module imports `inspect` (8 ms) and compiles six methods for each
class; a command line that answers in 60 ms cannot afford that. Here one method is compiled,
`__init__`, when the first value is made; the others are shared. Type checkers see a dataclass (PEP 681).
"""
from __future__ import annotations

from _operator import attrgetter  # `operator` is its documented name, and a file to load

from tracking.engine.hints import Any, Callable, TypeVar, dataclass_transform, overload

T = TypeVar("T")
_NOTHING: Any = object()


class Field:
    """Options of one field: see `field`."""

    __slots__ = ("default", "default_factory", "compare", "repr")

    def __init__(self, default: Any, default_factory: Any, compare: bool, repr: bool) -> None:
        self.default = default
        self.default_factory = default_factory
        self.compare = compare
        self.repr = repr


def field(*, default: Any = _NOTHING, default_factory: Callable[[], Any] | Any = _NOTHING, compare: bool = True, repr: bool = True) -> Any:
    """A field with a default made anew for each value, or one left out of == and repr()."""
    return Field(default, default_factory, compare, repr)


@overload
def record(cls: type[T], /) -> type[T]: ...
@overload
def record(*, frozen: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(field_specifiers=(field,))
def record(cls: Any = None, /, *, frozen: bool = False) -> Any:
    """Class decorator: __init__ from the annotations, ==, repr; `frozen` adds hash and refuses changes."""
    if cls is None:
        return lambda decorated: _make(decorated, frozen)
    return _make(cls, frozen)


def _make(cls: Any, frozen: bool) -> Any:
    names = tuple(cls.__dict__.get("__annotations__", ()))
    fields = {name: _field_of(cls, name) for name in names}
    for name, item in fields.items():
        if item.default is not _NOTHING:
            setattr(cls, name, item.default)
        elif name in cls.__dict__:
            delattr(cls, name)
    cls.__record_fields__ = names
    cls.__record_shown__ = tuple(name for name in names if fields[name].repr)
    compared = [name for name in names if fields[name].compare]
    cls.__record_key__ = staticmethod(_key(compared))
    cls.__init__ = _init_when_used(cls, fields)
    cls.__eq__ = _eq
    cls.__repr__ = _repr
    cls.__match_args__ = names  # type: ignore[misc]
    cls.__hash__ = _hash if frozen else None
    if frozen:
        cls.__setattr__ = _refuse_set
        cls.__delattr__ = _refuse_delete
    return cls


def _field_of(cls: Any, name: str) -> Field:
    given = cls.__dict__.get(name, _NOTHING)
    return given if isinstance(given, Field) else Field(given, _NOTHING, True, True)


def _key(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _value: ()


def _init_when_used(cls: Any, fields: dict[str, Field]) -> Any:
    """Most classes of what a command imports it never makes a value of: theirs is never compiled."""

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        made = cls.__init__ = _init(cls, fields)
        made(self, *values, **named)

    return __init__


def _init(cls: Any, fields: dict[str, Field]) -> Any:
    """Compiled, because values are made by the thousand."""
    scope: dict[str, Any] = {"_NOTHING": _NOTHING}
    parameters, body = [], []
    for name, item in fields.items():
        if item.default_factory is not _NOTHING:
            scope[f"_make_{name}"] = item.default_factory
            parameters.append(f"{name}=_NOTHING")
            body.append(f" d[{name!r}] = _make_{name}() if {name} is _NOTHING else {name}")
            continue
        if item.default is not _NOTHING:
            scope[f"_default_{name}"] = item.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        body.append(f" d[{name!r}] = {name}")
    lines = [f"def __init__(self, {', '.join(parameters)}):", " d = self.__dict__", *body]
    exec("\n".join(lines), scope)
    made = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self.__record_key__(self) == self.__record_key__(other)


def _hash(self: Any) -> int:
    return hash(self.__record_key__(self))


def _repr(self: Any) -> str:
    return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__record_shown__)})"


def _refuse_set(self: Any, name: str, value: Any) -> None:
    raise AttributeError(f"cannot assign to field '{name}' of a {self.__class__.__qualname__}")


def _refuse_delete(self: Any, name: str) -> None:
    raise AttributeError(f"cannot delete field '{name}' of a {self.__class__.__qualname__}")


def replace(value: T, /, **changes: Any) -> T:
    """A copy with some fields changed. Raises TypeError for a name that is no field."""
    have = value.__dict__
    for name in value.__record_fields__:  # type: ignore[attr-defined]
        if name not in changes:
            changes[name] = have[name]
    return value.__class__(**changes)
