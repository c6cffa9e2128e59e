"""A web server that keeps files: GET, HEAD, PUT, POST, DELETE with ETags. Arguments: port, folder, user:password.

Below /public anybody may read; a GET or HEAD of /redirect/PORT/PATH is answered by a redirect to that port of `localhost`,
another origin than 127.0.0.1. The Authorization and X-Key headers of the last requests are kept in FOLDER/.headers.
"""
from __future__ import annotations

import base64
import hashlib
import http.server
import os
import shutil
import sys
import uuid


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = ""
    login = ""

    def answer(self, code: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def place(self) -> str:
        parts = [part for part in self.path.partition("?")[0].split("/") if part not in ("", ".", "..")]
        return os.path.join(self.folder, *parts)

    def may(self) -> bool:
        given = self.headers.get("Authorization")
        with open(os.path.join(self.folder, ".headers"), "a") as stream:
            stream.write(f"{self.headers.get('Host')} {given} {self.headers.get('X-Key')}\n")
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        return not self.login or given == wanted or (self.command in ("GET", "HEAD") and self.path.startswith(("/public/", "/redirect/")))

    def do_GET(self) -> None:
        if not self.may():
            return self.answer(401)
        if self.path.startswith("/redirect/"):
            port, _, rest = self.path.removeprefix("/redirect/").partition("/")
            return self.answer(302, {"Location": f"http://localhost:{port}/{rest}"})
        try:
            stream = open(self.place(), "rb")
        except OSError:
            return self.answer(404)
        with stream:
            size = os.fstat(stream.fileno()).st_size
            tag = hashlib.md5(stream.read()).hexdigest()
            asked = self.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
            start = int(asked) if asked.isdigit() else 0
            if start and start >= size:
                return self.answer(416)
            stream.seek(start)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(size - start))
            self.send_header("ETag", f'"{tag}"')
            self.end_headers()
            if self.command != "HEAD":
                shutil.copyfileobj(stream, self.wfile)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        data = self.body()
        if not self.may():
            return self.answer(401)
        path = self.place()
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{uuid.uuid4().hex}"
        with open(temporary, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
        self.answer(201)

    do_POST = do_PUT

    def do_DELETE(self) -> None:
        if not self.may():
            return self.answer(401)
        try:
            os.remove(self.place())
        except OSError:
            return self.answer(404)
        self.answer(204)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            size = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(size)
            if len(data) < size:
                raise ConnectionError("the body ended early")
            return data
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):  # ValueError when it ends early
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


if __name__ == "__main__":
    Handler.folder, Handler.login = sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
