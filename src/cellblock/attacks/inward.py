"""Webhooks that point into the machine or its network: each must be refused when it is submitted.

Listeners on loopback are the witness that nothing came; what is not loopback is never sent to. For addresses
of private networks the program is in a language that does not exist, so that no service has a result to post.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.ground import Ground

_REFUSED = (400, 422)
_SENT_WITHIN_S = 2.0
_NOT_LOOPBACK = (
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "0xa9fea9fe", "192.0.2.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "[fd00::1]", "[fe80::1]", "[fe80::1%25lo]", "[fec0::1]",
    "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[64:ff9b::7f00:1]", "[2002:a00:1::]", "[ff02::1]",
    "[2001:db8::1]",
)  # fmt: skip


def webhooks_that_point_inward(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Name ourselves and private networks, in every way of writing; say which was not refused."""
    wrong: list[str] = []
    for url in _of_this_machine(ground.values):
        wrong += _submitted(caller, answers, url, "python")
    if wrong:
        time.sleep(_SENT_WITHIN_S)  # for what was taken to come
        return wrong
    for host in _NOT_LOOPBACK:
        wrong += _submitted(caller, answers, f"https://{host}/hook", "no language at all")
    return wrong


def _of_this_machine(values: dict[str, str]) -> Iterator[str]:
    port, port6 = values["TCP_PORT"], values["TCP6_PORT"]
    hosts = [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "localhost",
        "LOCALHOST.",
        "0", "0.0.0.0",  # noqa: S104  # which connects to this machine
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127.0.0.2@127.0.0.1", "user:word@127.0.0.1",
        "127.0.0.2#@127.0.0.1", "127.0.0.2\\@127.0.0.1", "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
    ]  # fmt: skip
    for scheme in ("https", "http"):
        for host in hosts:
            yield f"{scheme}://{host}:{port}/hook"
        for host in ("[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::1%25lo]"):
            yield f"{scheme}://{host}:{port6}/hook"
    for scheme in ("gopher", "ftp", "ws", "unix", "HTTP"):
        yield f"{scheme}://127.0.0.1:{port}/hook"
    yield f"unix://{values['UNIX']}"
    yield f"//127.0.0.1:{port}/hook"
    yield f"file://{values['SECRET']}"


def _submitted(caller: Caller, answers: list[Answer], url: str, language: str) -> list[str]:
    body = {
        "language": language, "code": "print(2 + 2)", "webhook_url": url, "webhook_secret": "of an attack",
    }  # fmt: skip
    answer = caller.post("/api/submit?wait=true", body)
    answers.append(answer)
    if answer.status in _REFUSED and "webhook" in answer.text:
        return []
    return [f"the webhook {url} was not refused, but answered {answer.status}: {answer.text[:200]}"]
