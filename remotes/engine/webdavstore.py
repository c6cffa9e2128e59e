"""A store of objects on a WebDAV server, without the questions its client's file system asks about each file and all folders above it."""
from __future__ import annotations

import contextlib
import io
import os

from remotes.engine.cloudstore import FolderStore, Tell
from tracking.engine.hints import Iterator


@contextlib.contextmanager
def _absent() -> Iterator[None]:
    """The client's word for an absent file, as Python's."""
    from webdav4.client import ResourceNotFound

    try:
        yield
    except ResourceNotFound as exc:
        raise FileNotFoundError(2, "No such file or directory", exc.path) from None


class WebdavStore(FolderStore):
    def _get(self, path: str, to_path: str, tell: Tell | None = None) -> None:
        with self._reading(path, to_path), _absent(), open(to_path, "wb") as stream:
            self.fs.client.download_fileobj(path, stream, callback=tell)

    def _read(self, path: str) -> bytes:
        stream = io.BytesIO()
        with self._translated(), _absent():
            self.fs.client.download_fileobj(path, stream)
        return stream.getvalue()

    def _upload(self, from_path: str, path: str, tell: Tell | None) -> None:
        with open(from_path, "rb") as stream:
            self.fs.client.upload_fileobj(stream, path, overwrite=True, size=os.fstat(stream.fileno()).st_size, callback=tell)

    def _rename(self, old: str, new: str) -> None:
        with _absent():
            self.fs.client.move(old, new, overwrite=True)

    def _make(self, folder: str) -> None:
        from webdav4.client import ResourceAlreadyExists, ResourceConflict

        try:
            self.fs.client.mkdir(folder)
        except ResourceAlreadyExists:
            return
        except ResourceConflict:  # the one above is missing
            super()._make(folder)
