"""What of a remote may reach the database."""
from __future__ import annotations

import pytest

from remotes.indexing import harmless, without_login


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/mnt/a@b", "/mnt/a@b"),
        ("s3://bucket/x", "s3://bucket/x"),
        ("https://me:secret@host:8080/x?sig=secret#y", "https://host:8080/x"),
        ("ssh://me@host/x", "ssh://host/x"),
    ],
)
def test_urls_lose_names_passwords_and_signatures(url: str, shown: str) -> None:
    assert without_login(url) == shown


def test_options_nobody_listed_as_harmless_stay_out() -> None:
    assert harmless({"url": "x", "password": "p", "new_token": "t", "region": "eu"}) == {"region": "eu"}
