"""The root that shows the host's own programs: which runtime has it, and what must not be in it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import stat
from pathlib import Path

from cellblock.attacks import proc
from cellblock.attacks.caller import Caller
from cellblock.attacks.instance import Instance

_TELLS = "import hashlib, os; print(hashlib.sha256(b'/'.join(sorted(os.listdir(b'/usr/bin')))).hexdigest())"
_LARGEST_BYTES = 1 << 20
_MAY_ENTER = stat.S_IROTH | stat.S_IXOTH


def version_of_the_hosts_python(caller: Caller, instance: Instance) -> str:
    """Return the version to ask for, so that Python sees the host's own ``/usr``; empty where none does.

    It cannot be asked for where another runtime of Python has the same version.
    """
    runtimes = caller.send("GET", "/v1/runtimes")
    if runtimes.status != http.client.OK:
        return ""
    there = sorted(os.fsencode(name) for name in proc.names(_root_of(instance) / "usr" / "bin"))
    digest = hashlib.sha256(b"/".join(there)).hexdigest()
    for each in json.loads(runtimes.text):
        version = str(each["version"])
        if each["language"] == "python" and digest in caller.executed("python", _TELLS, version=version).text:
            return version
    return ""


def digests_of_what_only_some_may_read(instance: Instance) -> list[str]:
    """Return SHA-256 of each file of the host's ``/etc`` that is not everybody's; payloads print theirs.

    It is not where its own mode says so, or a directory on the way is not everybody's to list and enter.
    What another file tells everybody is nobody's secret.
    """
    private, public = _digests(_root_of(instance) / "etc")
    return sorted(private - public)


def _root_of(instance: Instance) -> Path:
    return Path(f"/proc/{instance.supervisor}/root")


def _digests(etc: Path) -> tuple[set[str], set[str]]:
    """Return those of files that only some may read, and those of files that everybody may."""
    digests: tuple[set[str], set[str]] = (set(), set())
    open_ones = {etc.parent}
    for directory, _, names in os.walk(etc):
        here = Path(directory)
        with contextlib.suppress(OSError):
            if here.parent in open_ones and here.stat().st_mode & _MAY_ENTER == _MAY_ENTER:
                open_ones.add(here)
        for path in (here / name for name in names):
            with contextlib.suppress(OSError):  # it has gone meanwhile
                about = path.lstat()
                if stat.S_ISREG(about.st_mode) and 0 < about.st_size <= _LARGEST_BYTES:
                    everybodys = here in open_ones and bool(about.st_mode & stat.S_IROTH)
                    digests[everybodys].add(hashlib.sha256(path.read_bytes()).hexdigest())
    return digests
