"""What one attack is given to reach for: files, sockets and a process of the host, all watched.

Files and listeners are bait that anybody on this machine may touch, so that only the cell keeps a payload
from it. A process may be touched by its own user and root only: for payloads that reach for processes there
is one of each user that their program may have. Listeners are on loopback; nothing is sent anywhere else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from cellblock.attacks import proc
from cellblock.errors import HostError

_BAIT_PLACES = ("/tmp", "/var/tmp", "/run")  # noqa: S108  # the host's, where bait belongs
_SETTLED_S = 1.0
_SLEEPER = ("/bin/sleep", "3600")
_NOBODY = 65534
_NAMES_PORT = 53
_PACKET_BYTES = 65536
_SHARED = {"ICMP", "name"}
"""Sockets that hear others of this machine too: what is meant for them carries a mark."""


def _places() -> list[str]:
    """Return where bait is laid: where a root is read-only, as a container's, one place is taken twice."""
    writable = [place for place in _BAIT_PLACES if os.access(place, os.W_OK)]
    if not writable:
        raise HostError(f"no bait can be laid: none of {', '.join(_BAIT_PLACES)} is writable")
    return [place if place in writable else writable[0] for place in _BAIT_PLACES]


class _Victim:
    """A process that sleeps, and whatever was done to it."""

    def __init__(self, user: int) -> None:
        self._user = user
        # Nothing of our installation, which another user may not be able to read.
        self.process = subprocess.Popen(_SLEEPER, user=user, group=user, extra_groups=[], cwd="/")
        deadline_s = time.monotonic() + _SETTLED_S
        while proc.status(self.process.pid).get("State", "")[:1] != "S" and time.monotonic() < deadline_s:
            time.sleep(0.001)
        self._status = {**self._look(), **proc.ASLEEP}

    def harmed(self) -> list[str]:
        """Name what was done to it; a signal may just be on its way."""
        deadline_s = time.monotonic() + _SETTLED_S
        while self.process.poll() is None:
            changed = self.changed()
            if not changed or time.monotonic() > deadline_s:
                return changed
            time.sleep(0.001)
        return [f"a process of the host was ended ({self.process.returncode})"]

    def changed(self) -> list[str]:
        """Name what is not as it was."""
        return [
            f"a process of the host was changed: {name} {self._status[name]} → {value}"
            for name, value in self._look().items()
            if value != self._status[name]
        ]

    def end(self) -> None:
        """End it, whatever is left of it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _look(self) -> dict[str, str]:
        # The queue is a user's: a signal that waits a moment for a zygote, which nobody's are too, is counted
        # here; and where a cell may have the user, whatever is queued for its next program.
        queue = {"SigQ": proc.status(self.process.pid)["SigQ"]} if self._user == _NOBODY else {}
        return {**proc.steady(self.process.pid), **queue}


class Ground:
    """The bait of one attack, and whether it was taken."""

    def __init__(self, users: Iterable[int] = (), secrets_there: Iterable[str] = ()) -> None:
        """Lay the bait: a process of each of ``users``, and ``secrets_there`` are the host's already."""
        self.token = f"s{secrets.token_hex(16)[1:]}"  # a word: of a number compilers tell a part
        self.mark = f"cellblock-bait-{secrets.token_hex(8)}"
        self._secrets_there = tuple(secrets_there)
        self._stack = contextlib.ExitStack()
        try:
            self.directories = [self._directory(Path(place)) for place in _places()]
            self._listeners = {
                name: self._stack.enter_context(listener)
                for name, listener in _open_listeners(self.directories[0])
            }
            self._victims = [self._start_victim(user) for user in users or (_NOBODY,)]
        except BaseException:
            self._stack.close()
            raise
        self._before = [_fingerprint(each) for each in self.directories]

    def close(self) -> None:
        """Take the bait away."""
        self._stack.close()

    @property
    def values(self) -> dict[str, str]:
        """Where payloads find the bait."""
        return {
            "CANARY_DIR": str(self.directories[0]),
            "CANARY_DIR_TWO": str(self.directories[1]),
            "CANARY_DIR_THREE": str(self.directories[2]),
            "SECRET": str(self.directories[0] / "secret"),
            "TCP_PORT": str(self._listeners["tcp"].getsockname()[1]),
            "TCP6_PORT": str(self._listeners["tcp6"].getsockname()[1]) if "tcp6" in self._listeners else "1",
            "UDP_PORT": str(self._listeners["udp"].getsockname()[1]),
            "ABSTRACT": self._listeners["abstract"].getsockname()[1:].decode(),
            "UNIX": str(self.directories[0] / "socket"),
            "VICTIM_PID": str(self._victims[0].process.pid),
            "VICTIM_PIDS": ", ".join(str(victim.process.pid) for victim in self._victims),
            "MARK": self.mark,
        }

    def turned(self) -> list[str]:
        """Name what the attack reached; empty where it reached nothing."""
        found = [
            f"files in {directory} changed"
            for directory, before in zip(self.directories, self._before, strict=True)
            if _fingerprint(directory) != before
        ]
        found += [f"the host's {name} socket was reached" for name in self._listeners if self._reached(name)]
        return found + [line for victim in self._victims for line in victim.harmed()]

    def told(self, text: str) -> bool:
        """Whether an answer holds the secret, or one that was there already."""
        forms = (self.token, self.token.encode().hex(), self.token[::-1], *self._secrets_there)
        return any(form in text for form in forms)

    def _directory(self, place: Path) -> Path:
        directory = Path(tempfile.mkdtemp(prefix="cellblock-bait-", dir=place))
        self._stack.callback(shutil.rmtree, directory, ignore_errors=True)
        (directory / "secret").write_text(self.token, encoding="ascii")
        (directory / "open").write_text("anybody may write here", encoding="ascii")
        (directory / "open").chmod(0o666)
        directory.chmod(0o777)
        return directory

    def _start_victim(self, user: int) -> _Victim:
        victim = _Victim(user)
        self._stack.callback(victim.end)
        return victim

    def _reached(self, name: str) -> bool:
        listener = self._listeners[name]
        try:
            if listener.type == socket.SOCK_STREAM:
                listener.accept()[0].close()
            elif name in _SHARED:
                while self.mark.encode() not in listener.recv(_PACKET_BYTES):
                    pass
            else:
                listener.recv(1)
        except BlockingIOError:
            return False
        return True


def _open_listeners(directory: Path) -> Iterator[tuple[str, socket.socket]]:
    """Open one of each kind; where the host has no IPv6, none of that."""
    yield "tcp", _bound(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
    yield "udp", _bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    yield "abstract", _bound(socket.AF_UNIX, socket.SOCK_STREAM, f"\0cellblock-bait-{secrets.token_hex(4)}")
    yield "unix", _bound(socket.AF_UNIX, socket.SOCK_STREAM, str(directory / "socket"))
    (directory / "socket").chmod(0o777)
    with contextlib.suppress(OSError):
        yield "tcp6", _bound(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
    # Where resolvers look that are told of no server; where there is one already, that is none of ours.
    with contextlib.suppress(OSError):
        yield "name", _bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", _NAMES_PORT))
    with contextlib.suppress(OSError):
        yield "ICMP", _bound(socket.AF_INET, socket.SOCK_RAW, ("127.0.0.1", 0), socket.IPPROTO_ICMP)


def _bound(family: int, kind: int, address: tuple[str, int] | str, protocol: int = 0) -> socket.socket:
    listener = socket.socket(family, kind, protocol)
    listener.setblocking(False)  # noqa: FBT003  # the socket's own signature
    try:
        listener.bind(address)
        if kind == socket.SOCK_STREAM:
            listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _fingerprint(directory: Path) -> list[tuple[object, ...]]:
    """Say all that can be changed about a directory and what is in it; no link is followed."""
    seen: list[tuple[object, ...]] = []
    for path in [directory, *sorted(directory.rglob("*"))]:
        about = path.lstat()
        digest = (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
        )
        seen.append(
            (
                str(path),
                about.st_mode,
                about.st_uid,
                about.st_nlink,
                about.st_mtime_ns,
                about.st_ctime_ns,
                digest,
            )
        )
    return seen
