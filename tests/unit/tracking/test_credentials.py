"""What may not be shown."""
from __future__ import annotations

import pytest

from tracking.engine import config_schema
from tracking.engine.credentials import has_login, is_secret, masked, redacted, secrets_in, secrets_in_environment, without_login

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
        ("https://me:p/w@host:1/x", "https://me:***@host:1/x", "https://host:1/x"),
    ],
)
def test_urls_without_their_secrets(url: str, shown: str, bare: str) -> None:
    assert (masked(url), without_login(url), has_login(url)) == (shown, bare, shown != url)


def test_secrets_of_a_configuration() -> None:
    sections = {
        "core": {"remote": "web", "autostage": True},
        "remote": {"web": {"url": "https://me:p%40ss@host/x?sig=sig+ned&b=2", "password": "pass-word", "user": "me"}, "my.s3": {"access_key_id": "AKIA", "region": "eu", "ask_password": "true", "unknown": "anything"}},
        "studio": {"token": "studio-token"},
    }
    basic = {"bWU6cEBzcw==", "bWU6cGFzcy13b3Jk"}  # me:p@ss, me:pass-word
    assert secrets_in(sections) == {"p%40ss", "p@ss", "sig=sig+ned&b=2", "sig+ned", "2", "pass-word", "AKIA", "anything", "studio-token", *basic}
    azure = "BlobEndpoint=http://h/a;AccountName=me;AccountKey=k3y==;SharedAccessSignature=sv=1&sig=s%2Bg"
    assert secrets_in({"remote": {"a": {"url": "azure://x/y", "connection_string": azure}}}) == {azure, "k3y==", "sv=1", "s%2Bg"}


def test_a_password_with_a_slash_is_found_by_its_beginning_too() -> None:
    found = secrets_in({"remote": {"r": {"url": "http://me:begin/end@host:80/x"}}})
    assert redacted("nonnumeric port: 'begin', 'begin/end' of host:80", found) == "nonnumeric port: '***', '***' of host:80"


def test_secrets_of_an_environment_are_known_by_their_names() -> None:
    names = {"AWS_SECRET_ACCESS_KEY": "1111", "AZURE_STORAGE_CONNECTION_STRING": "2222", "GITHUB_TOKEN": "3333", "TOKENIZERS_PARALLELISM": "false", "HOME": "/home/me", "GOOGLE_APPLICATION_CREDENTIALS": "/key.json", "PGPASSWORD": "x", "OSS_ACCESS_KEY_ID": "5555"}
    assert secrets_in_environment(names) == {"1111", "2222", "3333", "5555"}


def test_secrets_are_taken_out_encoded_or_not_and_words_stay() -> None:
    assert redacted("GET https://x/?sig=a%2Fb%2Bc failed: a/b+c; no", ["a/b+c", "no", ""]) == "GET https://x/?sig=*** failed: ***; no"
    assert redacted("longer-token", ["longer", "longer-token"]) == "***"
    assert redacted("sig=s+ig/n= and s%20ig/n%3D; cut: s+ig/…", ["s%2Big%2Fn%3D", "s+ig/n="]) == "sig=*** and ***; cut: ***…"
