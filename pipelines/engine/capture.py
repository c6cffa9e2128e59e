"""What a command writes: passed on unchanged as it comes, and copied to a log.

A command whose output is a terminal keeps one: it writes to a pseudo-terminal of the same kind
and size, the only one in the program. It still reads the real terminal and stays in its process
group, so Ctrl-C, Ctrl-Z and prompts are as without a log. Otherwise it writes to a pipe.

When a command ended but a process it left behind still holds the pipe, the rest goes to `cat`:
such a process writes on as it would have, and nobody waits for it.
"""
from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import threading

from pipelines.engine.stagelog import READ_BYTES
from tracking.engine.hints import Any, Iterator, Mapping, Protocol

POSIX = os.name == "posix"
LEFT_BYTES = 256 << 10  # more than a pipe holds: what a command that ended can still have in flight
GRACE_S = 1.0  # where there is no poll: for what is in flight
STDOUT, STDERR = 1, 2


class Log(Protocol):
    """Where the copy goes. May be called from another thread; must not raise."""

    def write(self, data: bytes) -> None: ...


class Channel:
    """One stream: the end the command gets, the end we read, and where that goes."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.is_terminal = POSIX and os.isatty(target)
        self.source, self.given = _terminal_pair(target) if self.is_terminal else os.pipe()

    def resize(self) -> None:
        """Give the pseudo-terminal the size of the terminal behind it."""
        if self.is_terminal:
            import fcntl
            import termios

            with contextlib.suppress(OSError):
                fcntl.ioctl(self.source, termios.TIOCSWINSZ, fcntl.ioctl(self.target, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0)))

    def close_given(self) -> None:
        if self.given >= 0:
            given, self.given = self.given, -1
            os.close(given)

    def close_source(self) -> None:
        if self.source >= 0:
            source, self.source = self.source, -1
            os.close(source)


def _terminal_pair(target: int) -> tuple[int, int]:
    """(our end, the command's end) of a pseudo-terminal like the terminal `target`."""
    import termios

    ours, given = os.openpty()
    with contextlib.suppress(termios.error):
        mode = termios.tcgetattr(target)
        mode[1] &= ~termios.OPOST  # the real terminal does that to what we pass on
        termios.tcsetattr(given, termios.TCSANOW, mode)
    return ours, given


class Capture:
    """The output of one command line, from start to `finish`.

    target: file descriptor for both streams; None means each goes where ours does. `stdout` and
    `stderr` are for subprocess: a descriptor, or None to inherit.
    """

    def __init__(self, log: Log, target: int | None, environ: Mapping[str, str]) -> None:
        self.log = log
        self.environ = environ
        self.stdout: int | None = None
        self.stderr: int | None = None
        self._channels: list[Channel] = []
        self._threads: list[threading.Thread] = []
        self._wake: tuple[int, int] | None = None
        try:
            if target is not None:
                self.stdout = self.stderr = self._open(target)
            else:
                self._open_ours()
        except OSError:  # no pseudo-terminals or descriptors left: run without a log
            self._close()
            self.stdout = self.stderr = target

    def _open(self, target: int) -> int:
        channel = Channel(target)
        channel.resize()
        self._channels.append(channel)
        return channel.given

    def _open_ours(self) -> None:
        out, err = _identity(STDOUT), _identity(STDERR)
        if out is not None:
            self.stdout = self._open(STDOUT)
        if err is not None:
            self.stderr = self.stdout if err == out else self._open(STDERR)

    def started(self) -> None:
        """The command runs and holds its ends: pass on what it writes."""
        for channel in self._channels:
            channel.close_given()
        if not self._channels:
            return
        if POSIX:
            self._wake = os.pipe()
            self._threads = [threading.Thread(target=self._relay, daemon=True)]
        else:
            self._threads = [threading.Thread(target=self._relay_one, args=(channel,), daemon=True) for channel in self._channels]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """The command ended, or never started: pass on the rest."""
        if self._wake is not None:
            os.write(self._wake[1], b".")
        for thread in self._threads:
            thread.join(None if POSIX else GRACE_S)
        if not self._threads or POSIX:
            self._close()

    def _close(self) -> None:
        for channel in self._channels:
            channel.close_given()
            channel.close_source()
        for fd in self._wake or ():
            os.close(fd)
        self._wake = None

    # --- in the thread
    def _relay(self) -> None:
        assert self._wake is not None
        open_channels = {channel.source: channel for channel in self._channels}
        poller = select.poll()
        for fd in (*open_channels, self._wake[0]):
            poller.register(fd, select.POLLIN)
        left: int | None = None  # bytes still taken once the command ended
        while open_channels:
            ready = poller.poll(None if left is None else 0)
            if left is not None and (not ready or left <= 0):
                break
            for fd, _ in ready:
                if fd == self._wake[0]:
                    left = LEFT_BYTES
                    poller.unregister(fd)
                    continue
                count = self._pass_on(open_channels[fd])
                if count == 0:
                    poller.unregister(fd)
                    open_channels.pop(fd).close_source()
                elif left is not None:
                    left -= count
        for channel in open_channels.values():
            self._hand_over(channel)

    def _pass_on(self, channel: Channel) -> int:
        """Pass on what is there; 0 at the end of the stream, or when nobody takes it any more."""
        try:
            data = os.read(channel.source, READ_BYTES)
        except OSError:  # EIO: the last holder of a pseudo-terminal closed it
            return 0
        if not data:
            return 0
        self.log.write(data)
        try:
            _write(channel.target, data)
        except OSError:
            return 0  # the command gets a broken pipe, as it would have from the reader
        return len(data)

    def _relay_one(self, channel: Channel) -> None:
        while self._pass_on(channel):
            pass
        channel.close_source()

    def _hand_over(self, channel: Channel) -> None:
        actions: list[tuple[Any, ...]] = [
            (os.POSIX_SPAWN_DUP2, channel.source, 0),
            (os.POSIX_SPAWN_DUP2, channel.target, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        with contextlib.suppress(OSError):
            os.posix_spawnp("cat", ["cat"], dict(self.environ), file_actions=actions, setpgroup=0)


def _identity(fd: int) -> tuple[int, int] | None:
    """What a descriptor leads to; None when it is closed."""
    try:
        info = os.fstat(fd)
    except OSError:
        return None
    return info.st_dev, info.st_ino


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:  # somebody made it non-blocking
            poller = select.poll()
            poller.register(fd, select.POLLOUT)
            poller.poll()


@contextlib.contextmanager
def following_size(capture: Capture) -> Iterator[None]:
    """While a command runs, its pseudo-terminal follows the terminal's size."""
    terminals = [channel for channel in capture._channels if channel.is_terminal]
    if not terminals or threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGWINCH) is not signal.SIG_DFL:
        yield
        return

    def resize(number: int, frame: object) -> None:
        for channel in terminals:
            channel.resize()

    signal.signal(signal.SIGWINCH, resize)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
