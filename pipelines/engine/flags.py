"""The flags of `repro`, which experiments take too."""
from __future__ import annotations

from tracking.engine.hints import Any, Mapping
from tracking.engine.record import field, record


@record(frozen=True)
class Flags:
    """By the names the parser gives them. on_error: fail, keep-going or ignore. jobs: stages at once."""

    targets: list[str] = field(default_factory=list)
    glob: bool = False
    force: bool = False
    interactive: bool = False
    single_item: bool = False
    pipeline: bool = False
    all_pipelines: bool = False
    recursive: bool = False
    downstream: bool = False
    force_downstream: bool = False
    pull: bool = False
    allow_missing: bool = False
    dry: bool = False
    on_error: str = "fail"
    no_commit: bool = False
    run_cache: bool = True
    jobs: int = 1

    @classmethod
    def of(cls, source: Any) -> Flags:
        """From parsed arguments, or from a mapping that may lack some and hold others."""
        values = source if isinstance(source, Mapping) else vars(source)
        return cls(**{name: values[name] for name in cls.__record_fields__ if name in values})  # type: ignore[attr-defined]

    def options(self) -> dict[str, Any]:
        """Those that differ from what `repro` does without any, for a file."""
        plain = Flags()
        names = [name for name in self.__record_fields__ if name != "targets"]  # type: ignore[attr-defined]
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(plain, name)}
