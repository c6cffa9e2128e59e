"""Errors that reach the user: one base class, exit codes, hints.

Exit codes are those of the command contract (docs/commands): 253 no project, 251
configuration, 254 usage. Everything else leaves the code to the command that ran
(`ERROR_EXIT` of its module, 255 unless it says otherwise).
"""
from __future__ import annotations


class DataverError(Exception):
    """A failure the user can act on.

    message: what failed, on which path. hint: the next command to type.
    exit_code: None lets the command decide.
    """

    exit_code: int | None = None

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(DataverError):
    """Arguments that cannot be understood."""

    exit_code = 254


class NotARepository(DataverError):
    """No `.dvc` folder here or above."""

    exit_code = 253


class ConfigError(DataverError):
    """A config file or option that is not valid.

    The dispatcher prints it as "configuration error - config file error: ...".
    """

    exit_code = 251


class LockHeld(DataverError):
    """Another process holds the repository lock or a path of the rwlock."""


class InvalidFile(DataverError):
    """A .dvc, dvc.yaml, dvc.lock or other YAML file that does not parse or validate.

    `path` is relative to the folder the command ran in; the message already holds
    line, column and an excerpt, so the dispatcher prints it without "ERROR: ".
    """

    def __init__(self, message: str, path: str = "", line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.line = line
        self.column = column


class OutputOverlap(DataverError):
    """Two outs that are equal or nested."""


class OutputIsIgnored(DataverError):
    """An out that .dvcignore excludes."""


class OutputNotFound(DataverError):
    """A target that is no out of any stage. target: as typed, where it is one of several."""

    target = ""


class StageNotFound(DataverError):
    """A target that is no stage. target: as typed, where it is one of several."""

    target = ""


class MissingObjects(DataverError):
    """Objects that neither cache nor remote holds. `oids` lists them."""

    def __init__(self, message: str, oids: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.oids = oids


class CorruptObject(DataverError):
    """An object whose bytes are not what its name says."""

    def __init__(self, message: str, oid: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.oid = oid


class FileTooLarge(DataverError):
    """A file that is larger than its reader asked for."""

    def __init__(self, path: str, size_bytes: int) -> None:
        super().__init__(f"'{path}' is too large to be read here: {size_bytes / 1e6:,.0f} MB.")
        self.path = path
        self.size_bytes = size_bytes


class UnsafePath(DataverError):
    """A path from a manifest or dvc file that leads outside of where it may."""


class CheckoutFailed(DataverError):
    """Some targets could not be checked out. `paths` lists them, relative to the cwd."""

    def __init__(self, message: str, paths: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.paths = paths


class ConfirmNeeded(DataverError):
    """Unsaved files would be overwritten or deleted, and nobody said yes."""


class GitError(DataverError):
    """Git failed or a revision does not exist."""


class RevisionNotFound(GitError):
    """`unknown Git revision 'x'`."""


class InterpolationError(DataverError):
    """A `${...}` that cannot be resolved."""


class ParamsError(DataverError):
    """A params or metrics file that cannot be read, or keys missing from it."""


class StageFailed(DataverError):
    """A stage's command failed. `returncode` is the process's."""

    def __init__(self, message: str, returncode: int | None = None) -> None:
        super().__init__(message)
        self.returncode = returncode


class RemoteError(DataverError):
    """A remote failed. Retry only when `permanent` is false."""

    def __init__(self, message: str, permanent: bool = True, hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.permanent = permanent


class MissingPackage(DataverError):
    """An optional Python package is needed for this storage."""
