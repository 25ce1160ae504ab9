"""What an operator does first in a container: make a key, serve, send a program, attack; then once more.

The second time the data are there, as after a restart. `first_steps.py COMMAND…` is what the image runs;
says as JSON how it ended. Each step that does not come to an end fails with what was said.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import time

import httpx

import escapes.patience  # noqa: F401  # for what it does
from cellblock.attacks import front
from cellblock.attacks.manifest import trials
from pace import TIME_SCALE

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_URL = "http://127.0.0.1:4096"
_PATIENCE_S = 120 * TIME_SCALE
_PROGRAM = "import sys; print(sys.version_info[:2])"
_ATTACKS = ("D/mount/python", "D/ptrace/attach/python", "D/bpf/python", "D/keyctl/python")
"""Calls that a cell's filter answers; of these the container's own refuses the last two first."""


def raise_loopback() -> None:
    """Engines do that for each container."""
    with socket.socket() as any_socket:
        asked = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack("16xH14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, asked))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def make_key(name: str) -> str:
    """Return its token."""
    made = subprocess.run(
        ["cellblock", "keys", "create", "--name", name], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        sys.exit(f"keys create: {made.stderr}")
    return made.stdout.split()[0]


def submit(client: httpx.Client) -> list[str]:
    """Send a program as soon as its language is offered; returns its verdict and what it printed."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            answer = client.post("/api/submit?wait=true", json={"language": "python", "code": _PROGRAM})
        except httpx.TransportError as error:
            said = repr(error)
        else:
            record = answer.json()
            if answer.is_success and record.get("verdict"):
                return [record["verdict"], record["stdout"]]
            said = answer.text
        if time.monotonic() > deadline_s:
            sys.exit(f"no program ran: {said}")
        time.sleep(0.2 * TIME_SCALE)


def attack(token: str) -> dict[str, str]:
    """Return how each attack ended, as `cellblock doctor --attack` tries it."""
    chosen = [trial for trial in trials(classes="D") if trial.name in _ATTACKS]
    card = front.attack("127.0.0.1", 4096, chosen, key=token)
    return {each.trial: each.status if each.status == "contained" else repr(each) for each in card.findings}


def serve_once(command: list[str], token: str) -> list[object]:
    """Start the service, send a program and attack, end it as an engine does."""
    with subprocess.Popen(command, stdout=sys.stderr) as service:
        try:
            with httpx.Client(base_url=_URL, headers={"x-api-key": token}, timeout=_PATIENCE_S) as client:
                return [submit(client), attack(token)]
        finally:
            service.terminate()
            if code := service.wait(_PATIENCE_S):
                sys.exit(f"{' '.join(command)} ended with {code}")


def main() -> None:
    """Do it twice."""
    raise_loopback()
    rounds = [serve_once(sys.argv[1:], make_key(name)) for name in ("first", "second")]
    json.dump(rounds, sys.stdout)


main()
