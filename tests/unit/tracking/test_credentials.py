"""What may not be shown."""
from __future__ import annotations

import pytest

from tracking.engine import config_schema
from tracking.engine.credentials import has_login, is_secret, masked, without_login

SECRETS = "access_key_id account_key bearer_token_command client_secret connection_string custom_auth_header gdrive_client_secret oss_key_id oss_key_secret passphrase password sas_token secret_access_key session_token sse_customer_key token".split()


def test_secret_options_are_these() -> None:
    options = {option for options in config_schema.REMOTES.values() for option in options}
    assert sorted(option for option in options if is_secret(("remote", "r", option))) == SECRETS


@pytest.mark.parametrize(("name", "is_one"), [(("studio", "token"), True), (("db", "d", "password"), True), (("core", "remote"), False), (("core", "nobody_knows"), True), (("nosuch", "x"), True)])
def test_other_settings(name: tuple[str, ...], is_one: bool) -> None:
    assert is_secret(name) is is_one


@pytest.mark.parametrize(
    ("url", "shown", "bare"),
    [
        ("https://me:pw@host/x", "https://me:***@host/x", "https://host/x"),
        ("https://host/x?sig=pw", "https://host/x?***", "https://host/x"),
        ("ssh://me@host/x", "ssh://me@host/x", "ssh://host/x"),
        ("/a:b@c?d", "/a:b@c?d", "/a:b@c?d"),
        ("https://me:pw@[bad", "***", "***"),
    ],
)
def test_urls_without_their_secrets(url: str, shown: str, bare: str) -> None:
    assert (masked(url), without_login(url), has_login(url)) == (shown, bare, shown != url)
