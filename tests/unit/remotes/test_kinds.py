"""What forms offer for each kind of storage."""
from __future__ import annotations

from remotes.engine.kinds import kinds
from tracking.engine import config_schema


def test_every_kind_is_offered_with_options_it_has() -> None:
    found = kinds()
    assert sorted(kind.scheme for kind in found) == sorted(config_schema.REMOTES)
    assert [(kind.scheme, name) for kind in found for name in kind.first if name not in {entry.name for entry in kind.options}] == []
    assert [kind.scheme for kind in found if config_schema.url_scheme(kind.example) != kind.scheme] == []
