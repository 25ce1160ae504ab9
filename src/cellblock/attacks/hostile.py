"""Requests that no program makes: JSON, heads, floods and limits. Each says what went wrong."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from cellblock.attacks.beside import macros_of_their_own, processors_of_their_own
from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.compiled import assembly_that_includes, programs_that_look_alike, tsconfig_that_extends
from cellblock.attacks.counted import uids_in_a_row
from cellblock.attacks.ground import Ground
from cellblock.attacks.inward import webhooks_that_point_inward
from cellblock.attacks.names import (
    file_names_by_the_thousand,
    file_names_that_are_odd,
    file_names_that_climb,
    file_names_that_collide,
    names_as_options,
    shell_words_as_names,
    source_names_as_options,
)
from cellblock.attacks.refused import HELLO, OK, REFUSED, not_in, run_python

Attack = Callable[[Caller, Ground, list[Answer]], list[str]]


def shell_words_everywhere(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Put commands of a shell in arguments, input and names; nobody may interpret them."""
    touch = f"touch {ground.directories[0]}/shell"
    words = [
        f"; {touch}",
        f"$({touch})",
        f"`{touch}`",
        f"| {touch}",
        f"&& {touch} #",
        f"\n{touch}\n",
        f"' ; {touch} ; '",
    ]
    code = "import sys, json; print(json.dumps([sys.argv[1:], sys.stdin.read()]))"
    wrong = []
    for word in words:
        answer = run_python(caller, answers, code=code, args=[word, "-c", word], stdin=word)
        told = answer.json().get("run", {}).get("stdout") or "null"
        if json.loads(told) != [[word, "-c", word], word]:
            wrong.append(f"{word!r} did not arrive as it was sent: {answer.text[:200]}")
        wrong += not_in(
            caller.post("/api/submit", {"language": f"python{word}", "code": HELLO}), REFUSED, word
        )
    return wrong


def bodies_that_are_no_requests(caller: Caller, _: Ground, answers: list[Answer]) -> list[str]:
    """Send malformed, deep, huge, doubled and wrongly typed JSON; each gets an error of the client's."""
    big = b'{"language": "python", "code": "' + b"x" * (1 << 21) + b'"}'
    bodies = [
        b"", b"{", b"null", b"[]", b'"x"', b"[" * 100_000, b'{"a":' * 100_000,
        b"\xff\xfe{}", b'{"code": 1}', big, b"NaN", b"1" * 500_000,
        b'{"language": "python", "code": ["x"]}', b'{"language": {}, "code": "x"}',
        b'{"language": "python"}',
        b'{"language": "python", "code": "\xff"}', b'{"language": "python", "code": "\\ud800"}',
        b'{"language": "python", "code": "x", "stdin": 5}',
        b'{"language": "python", "code": "x", "profile": "root"}',
        b'{"language": "../../etc/passwd", "code": "x"}', b'{"language": "python\\u0000", "code": "x"}',
        b'{"language": "python", "code": "x", "code": 5}', b'{"language": "python", "code": 5, "code": "x"}',
        b'{"language": "python", "language": "../python", "code": "x"}',
    ]  # fmt: skip
    wrong = []
    for path in ("/api/submit", "/v1/execute", "/api/v2/execute"):
        for body in bodies:
            if path != "/api/submit" and (b"profile" in body or body is big):
                continue  # these routes know no such field, and take bigger bodies
            answer = caller.send("POST", path, body)
            answers.append(answer)
            wrong += not_in(answer, (*REFUSED, 403), f"{path} {body[:40]!r}")
    return wrong


def heads_that_flood(caller: Caller, _: Ground, answers: list[Answer]) -> list[str]:
    """Send thousands of headers, giant ones, and smuggled lengths; none is served."""
    heads = [
        b"GET /api/health HTTP/1.1\r\nhost: x\r\n"
        + b"".join(b"x-%d: y\r\n" % n for n in range(20_000))
        + b"\r\n",
        b"GET /api/health HTTP/1.1\r\nhost: x\r\nx: " + b"y" * (1 << 20) + b"\r\n\r\n",
        b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/submit HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST /api/submit HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"\0\1\2\3" * 1000 + b"\r\n\r\n",
    ]
    wrong = []
    for head in heads:
        status = _raw(caller, head)
        answers.append(Answer(status, ""))
        if status and status not in REFUSED:
            wrong.append(f"{head[:60]!r} was answered {status}")
    return wrong


def _raw(caller: Caller, data: bytes) -> int:
    """Send bytes; returns the status of the answer, 0 where there is none."""
    with socket.create_connection((caller.host, caller.port), timeout=15) as connection:
        # The service may have answered and closed before it has read everything.
        with suppress(ConnectionError):
            connection.sendall(data)
        try:
            line = connection.recv(4096).split(b"\r\n")[0].split()
        except ConnectionError:
            return 0
    return int(line[1]) if len(line) > 1 and line[0].startswith(b"HTTP/") else 0


def ids_that_are_guessed(caller: Caller, ground: Ground, answers: list[Answer]) -> list[str]:
    """Ask for records by guessed, odd and climbing ids; a stranger's secret record must not come."""
    caller.submit("python", f"print('{ground.token[::-1]}'[::-1])")
    ids = [
        str(uuid.uuid4()),
        str(uuid.UUID(int=0)),
        "0",
        "*",
        "%",
        "..",
        "%2e%2e",
        "' OR '1'='1",
        "1;drop",
        "a" * 5000,
    ]
    wrong = []
    for each in ids:
        path = "/api/result/" + "".join(c if c.isalnum() or c in "-.%" else f"%{ord(c):02x}" for c in each)
        answer = caller.send("GET", path)
        answers.append(answer)
        wrong += not_in(answer, (400, 404, 405), f"result {each[:40]!r}")
    return wrong


def one_key_many_times(caller: Caller, _: Ground, answers: list[Answer]) -> list[str]:
    """Submit 40 times at once under one idempotency key; one submission comes of it."""
    headers = {"idempotency-key": str(uuid.uuid4())}
    body = json.dumps({"language": "python", "code": HELLO}).encode()
    with ThreadPoolExecutor(20) as pool:
        each = list(pool.map(lambda _n: caller.send("POST", "/api/submit", body, headers), range(40)))
    answers.append(each[0])
    ids = {answer.json().get("id") for answer in each}
    caller.finished(str(each[0].json().get("id")))
    return [] if len(ids) == 1 else [f"one idempotency key made {len(ids)} submissions: {ids}"]


_OWN_END = "nobody ended it"
_SPINS = f"""
import time
until_s = time.monotonic() + 100
while time.monotonic() < until_s: pass
print("{_OWN_END}")
"""
"""Longer than any profile lets a program run, and not without end where nobody ends it."""
_TAKES = f"""
held = []
while len(held) < 512: held.append(b"x" * (16 << 20))
print("{_OWN_END}")
"""
"""8 GiB, which is more than any profile gives."""

_BOMB = """
#define A(x) x x x x x x x x x x
#define B(x) A(A(A(x)))
int main(void) { B(B(A(A(;)))) }
"""
"""A hundred million statements, which no compiler's limits allow."""


def limits_beyond_the_profile(caller: Caller, _: Ground, answers: list[Answer]) -> list[str]:
    """Ask for more time and memory than the profile gives, and use it; it is refused, or not given."""
    wrong = []
    times = [
        "1000000000",
        "-1",
        "1e308",
        '"all"',
        '300, "run_timeout": 1000000000',
        '1000000000, "run_timeout": 300',
    ]
    greedy = [
        *(("python", _SPINS, f'"run_timeout": {value}') for value in times),
        *(("python", _TAKES, f'"run_memory_limit": {value}') for value in (1 << 50, -7)),
        ("c", _BOMB, '"compile_timeout": 1000000000'),
        ("c", _BOMB, f'"compile_memory_limit": {1 << 50}'),
    ]
    for path, (language, program, more) in itertools.product(("/v1/execute", "/api/v2/execute"), greedy):
        files = json.dumps([{"content": program}])
        body = f'{{"language": "{language}", "version": "*", "files": {files}, {more}}}'
        answer = caller.send("POST", path, body.encode())
        answers.append(answer)
        wrong += not_in(answer, (OK, *REFUSED), f"{path} {more}")
        if answer.status == OK and not _was_ended(answer):
            wrong.append(f"{path} {more}: no limit ended the program: {answer.text[:200]}")
    return wrong


def _was_ended(answer: Answer) -> bool:
    """Say whether a limit ended a program that goes on for longer than any profile lets it."""
    compiled, run = (answer.json().get(stage) or {} for stage in ("compile", "run"))
    if compiled:
        return bool(compiled.get("signal") or compiled.get("code"))
    return run.get("signal") == "SIGKILL" and _OWN_END not in str(run.get("stdout"))


def encodings_that_lie(caller: Caller, _: Ground, answers: list[Answer]) -> list[str]:
    """Send file contents that are not what their encoding says; each is refused."""
    wrong = []
    for content, encoding in (
        ("%%%", "base64"),
        ("zz", "hex"),
        ("x", "utf-7"),
        ("x", "gzip"),
        ("AA", "base64"),
    ):
        files = [
            {"name": "main.py", "content": HELLO},
            {"name": "x", "content": content, "encoding": encoding},
        ]
        wrong += not_in(run_python(caller, answers, files=files), REFUSED, f"{encoding} {content!r}")
    binary = base64.b64encode(bytes(range(256))).decode()
    files = [{"name": "main.py", "content": HELLO}, {"name": "x", "content": binary, "encoding": "base64"}]
    return wrong + not_in(run_python(caller, answers, files=files), (OK,), "every byte as base64")


REQUESTS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        file_names_that_climb, file_names_that_are_odd, file_names_that_collide, file_names_by_the_thousand,
        shell_words_everywhere, source_names_as_options, bodies_that_are_no_requests, heads_that_flood,
        ids_that_are_guessed, one_key_many_times, limits_beyond_the_profile, encodings_that_lie,
        macros_of_their_own, processors_of_their_own, assembly_that_includes, programs_that_look_alike,
        tsconfig_that_extends, names_as_options, webhooks_that_point_inward, uids_in_a_row,
        shell_words_as_names,
    )
}  # fmt: skip
"""Every attack by request, by the name that a manifest gives it."""
