from __future__ import annotations

import pytest

from remotes.engine.artifacts import Artifact, commit_of, parse
from tracking.engine.errors import DataverError

TAGS = [
    ("model@v1.0.0", "a"),
    ("model@v1.10.0", "b"),
    ("model@v1.9.0", "c"),
    ("model@v2.0.0-rc.1", "d"),
    ("model@v3.0.0", "e"),
    ("model@v3.0.0!", "e"),
    ("model#prod#1", "a"),
    ("model#prod#2", "b"),
    ("model#prod!#3", "b"),
    ("model#dev", "c"),
    ("sub/dir=model@v1.0.0", "f"),
    ("model@deprecated", "a"),
    ("other", "z"),
]


@pytest.mark.parametrize(
    ("name", "version", "stage", "commit"),
    [
        ("model", None, None, "d"),
        ("model", "v1.9.0", None, "c"),
        ("model", "1.0.0", None, "a"),
        ("model", "v3.0.0", None, None),  # taken back
        ("model", None, "prod", "a"),  # the second was taken back
        ("model", None, "dev", "c"),
        ("model", None, "nosuch", None),
        ("sub/dir:model", None, None, "f"),
        ("sub/dir/dvc.yaml:model", None, None, "f"),
        ("other", None, None, None),
    ],
)
def test_tags_say_which_commit_is_meant(name: str, version: str | None, stage: str | None, commit: str | None) -> None:
    assert commit_of(parse(name), TAGS, version, stage) == commit


def test_releases_come_after_their_candidates() -> None:
    tags = [("m@v1.0.0-rc.2", "a"), ("m@v1.0.0", "b"), ("m@v1.0.0-rc.10", "c")]
    assert commit_of(Artifact("", "m"), tags, None, None) == "b"
    assert commit_of(Artifact("", "m"), tags[::2], None, None) == "c"


def test_bad_names_are_refused() -> None:
    for name in ("", "-x", "a:b:c", "../x", "x y"):
        with pytest.raises(DataverError):
            parse(name)
