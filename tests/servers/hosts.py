"""SSH (OpenSSH's sshd), WebDAV (WsgiDAV) and HTTP (our own few lines)."""
from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers.cloud import need
from tests.servers.process import CannotStart, Server, running

SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/lib/ssh/sftp-server", "/usr/libexec/openssh/sftp-server")
WEBDAV_PASSWORD = "webd4v"
HTTP_PASSWORD = "htt9"


@contextlib.contextmanager
def ssh(folder: Path) -> Iterator[Server]:
    """With a host key and a user key made for this run. Options hold `keyfile`."""
    need("sshfs")
    sshd = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if sshd is None:
        raise CannotStart("sshd is not installed. On Debian and Ubuntu: apt-get install openssh-server")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(folder / name)], check=True)
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd insists on it
    subsystem = next((path for path in SFTP_SERVERS if os.path.exists(path)), "internal-sftp")
    config = folder / "sshd_config"
    lines = [f"HostKey {folder / 'host'}", f"AuthorizedKeysFile {folder / 'user.pub'}", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "PidFile none", "ListenAddress 127.0.0.1", "MaxStartups 100", f"Subsystem sftp {subsystem}"]
    config.write_text("\n".join(lines) + "\n")
    with running(lambda port: [sshd, "-D", "-e", "-f", str(config), "-p", str(port)], folder / "sshd.log") as port:
        place = folder / "ssh"
        place.mkdir()
        yield Server("ssh", f"ssh://{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{port}{place}", {"keyfile": str(folder / "user")}, port, str(place))


WEBDAV_PROGRAM = """
import sys
from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp
port, folder, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
app = WsgiDAVApp({
    "provider_mapping": {"/": folder},
    "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
    "simple_dc": {"user_mapping": {"*": {"bob": {"password": password}}}},
    "property_manager": True, "lock_storage": True, "verbose": 0, "logging": {"enable": False},
})
wsgi.Server(("127.0.0.1", port), app, numthreads=20).start()
"""


@contextlib.contextmanager
def webdav(folder: Path) -> Iterator[Server]:
    need("wsgidav", "cheroot", "webdav4")
    place = folder / "webdav"
    (place / "dav").mkdir(parents=True)
    with running(lambda port: [sys.executable, "-c", WEBDAV_PROGRAM, str(port), str(place), WEBDAV_PASSWORD], folder / "webdav.log") as port:
        yield Server("webdav", f"webdav://127.0.0.1:{port}/dav", {"user": "bob", "password": WEBDAV_PASSWORD}, port, str(place / "dav"))


@contextlib.contextmanager
def http(folder: Path) -> Iterator[Server]:
    """Takes PUT and DELETE from whoever logs in; anybody may read below /public."""
    need("aiohttp")
    place = folder / "http"
    place.mkdir()
    with running(lambda port: [sys.executable, "-m", "tests.servers.httpserver", str(port), str(place), f"bob:{HTTP_PASSWORD}"], folder / "http.log") as port:
        yield Server("http", f"http://127.0.0.1:{port}", {"auth": "basic", "user": "bob", "password": HTTP_PASSWORD, "method": "PUT"}, port, str(place))
