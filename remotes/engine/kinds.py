"""Kinds of storage as a form offers them: what they are called, what an address looks like, and which options come first."""
from __future__ import annotations

from tracking.engine.configview import Entry, options_of_scheme
from tracking.engine.record import record


@record(frozen=True)
class Kind:
    """scheme: "" for a folder. first: options that are mostly needed. options: all it may have besides its url, secrets too; without values."""

    scheme: str
    label: str
    example: str
    first: list[str]
    options: list[Entry]


_TABLE: tuple[tuple[str, str, str, str], ...] = (
    ("", "Folder", "/mnt/storage/project", ""),
    ("s3", "Amazon S3 or compatible", "s3://bucket/path", "endpointurl region profile access_key_id secret_access_key"),
    ("gs", "Google Cloud Storage", "gs://bucket/path", "projectname credentialpath"),
    ("azure", "Azure Blob Storage", "azure://container/path", "account_name account_key connection_string sas_token"),
    ("ssh", "SSH", "ssh://host/path", "user port keyfile password passphrase"),
    ("https", "HTTPS", "https://host/path", "auth user password"),
    ("http", "HTTP", "http://host/path", "auth user password"),
    ("webdavs", "WebDAV over TLS", "webdavs://host/path", "user password token"),
    ("webdav", "WebDAV", "webdav://host/path", "user password token"),
    ("gdrive", "Google Drive", "gdrive://root/path", "gdrive_client_id gdrive_client_secret gdrive_use_service_account gdrive_service_account_json_file_path"),
    ("oss", "Aliyun OSS", "oss://bucket/path", "oss_endpoint oss_key_id oss_key_secret"),
    ("hdfs", "HDFS", "hdfs://host/path", "user"),
    ("webhdfs", "WebHDFS", "webhdfs://host/path", "user token"),
)


def kinds() -> list[Kind]:
    return [Kind(scheme, label, example, first.split(), options_of_scheme(scheme)) for scheme, label, example, first in _TABLE]
