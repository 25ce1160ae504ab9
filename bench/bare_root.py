"""Runs commands bare in the toolchains' root, and times them: started by ``bare.py`` with mounts of its own.

``bare_root.py TREE MOUNT-POINT NAME=DIRECTORY...``, then on standard input a JSON array per line: ``[files,
commands]``. Each is answered by a line: ``[ms, stdout]``, or ``[null, what went wrong]``. What is here is
loaded before the root is entered, and a command is started by it as by a shell: one fork, one exec.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

_AREA = "/tmp/area"  # noqa: S108  # in a file system of our own
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108  # likewise
    "LANG": "C.UTF-8",
    # What Go needs to use its prepared standard library, as a user's own cache would have it.
    "CGO_ENABLED": "0",
    "GOCACHE": "/opt/go-1.27/cache",
    "GOENV": "off",
    "GOFLAGS": "-buildvcs=false",
    "GOPATH": "/tmp/go",  # noqa: S108  # likewise
    "GOPROXY": "off",
    "GOTELEMETRY": "off",
    "GOTOOLCHAIN": "local",
}


def main(tree: str, root: str, *components: str) -> None:
    """Enter the root and answer until the input ends."""
    _mount("--bind", tree, root)
    _mount("-o", "remount,bind,ro", root)
    for kind, place in (("tmpfs", "opt"), ("proc", "proc"), ("tmpfs", "tmp")):
        _mount("-t", kind, kind, f"{root}/{place}")
    _mount("--rbind", "/dev", f"{root}/dev")
    for name, _, directory in (component.partition("=") for component in components):
        Path(root, "opt", name).mkdir()
        _mount("--bind", directory, f"{root}/opt/{name}")
        _mount("-o", "remount,bind,ro", f"{root}/opt/{name}")
    os.chroot(root)
    Path(_AREA).mkdir()
    os.chdir(_AREA)
    for line in sys.stdin:
        print(json.dumps(_timed(*json.loads(line))), flush=True)


def _timed(files: dict[str, str], commands: list[list[str]]) -> tuple[float | None, str]:
    for name, content in files.items():
        Path(name).write_text(content, encoding="utf-8")
    stdout = ""
    begun_s = time.perf_counter()
    for command in commands:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=_ENVIRONMENT,
            check=False,
        )
        if done.returncode:
            return None, f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}"
        stdout = done.stdout
    return (time.perf_counter() - begun_s) * 1000, stdout


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
