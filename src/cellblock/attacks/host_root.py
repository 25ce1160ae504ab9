"""The root that shows the host's own programs: which runtime has it, and what must not be in it."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cellblock.attacks import proc
from cellblock.attacks.caller import Caller
from cellblock.attacks.instance import Instance

_TELLS = "import hashlib, os; print(hashlib.sha256(b'/'.join(sorted(os.listdir(b'/usr/bin')))).hexdigest())"
_LARGEST_BYTES = 1 << 20


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
    """Return SHA-256 of each file of the host's ``/etc`` that is not everybody's; payloads print theirs."""
    return list(_digests(_root_of(instance) / "etc"))


def _root_of(instance: Instance) -> Path:
    return Path(f"/proc/{instance.supervisor}/root")


def _digests(etc: Path) -> Iterator[str]:
    for directory, _, names in os.walk(etc):
        for path in (Path(directory, name) for name in names):
            try:
                about = path.lstat()
                private = stat.S_ISREG(about.st_mode) and not about.st_mode & stat.S_IROTH
                if private and 0 < about.st_size <= _LARGEST_BYTES:
                    yield hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError:  # it has gone meanwhile
                continue
