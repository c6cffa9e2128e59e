"""A proxy in this process that counts what passes, and does something when a certain byte is reached."""
from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

BLOCK = 1 << 16


class Wire:
    """port: of the proxy. moved: bytes in both directions since `reset`."""

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._server.getsockname()[1])
        self._lock = threading.Lock()
        self.reset()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self, at: int = 0, action: Callable[[], None] | None = None) -> None:
        """When byte `at` passes (0: never), `action` is called, and what comes after it on that connection is lost with it."""
        with self._lock:
            self.moved, self._at, self._action = 0, at, action

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.to_port), 30)
            except OSError:
                near.close()
                continue
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                with self._lock:
                    rest = self._at - self.moved
                    self.moved += len(data)
                    action = self._action if 0 < rest <= len(data) else None
                if action is not None:
                    target.sendall(data[:rest])
                    action()
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextlib.contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    try:
        yield wire
    finally:
        wire.close()
