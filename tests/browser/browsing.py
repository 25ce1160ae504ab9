"""A real browser, in a network namespace with nothing but loopback: it can reach the test and nobody else."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import html
import json
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

BROWSER = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",  # it runs as root, on pages of the test's own
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--enable-logging=stderr",
    "--virtual-time-budget=60000",  # of the page's own clock, which stands still while requests are under way
)
_CLONE_NEWNET = 0x4000_0000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_SAID = re.compile(r"<pre>(.*?)</pre>", re.DOTALL)


@contextmanager
def alone() -> Iterator[None]:
    """Have this thread, and what it starts, in a network namespace with loopback only."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _require(libc.unshare(_CLONE_NEWNET))
        try:
            with socket.socket() as any_socket:
                request = struct.pack("16sh14x", b"lo", _IFF_UP)
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
            assert [name for _, name in socket.if_nameindex()] == ["lo"]
            yield
        finally:
            _require(libc.setns(before, _CLONE_NEWNET))
    finally:
        os.close(before)


def _require(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@asynccontextmanager
async def page(script: str) -> AsyncIterator[str]:
    """Serve a page that runs ``script`` and shows what it returns; yields the page's origin."""
    text = (
        "<!doctype html><meta charset=utf-8><pre>nothing</pre><script>"
        "const show = said => { document.querySelector('pre').textContent = JSON.stringify(said) };"
        f"(async () => {{{script}}})().catch(String).then(show)</script>"
    )
    head = ["HTTP/1.1 200 OK", "content-type: text/html", f"content-length: {len(text)}", "connection: close"]
    answer = "\r\n".join((*head, "", text)).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def visit(origin: str, directory: Path, given: object) -> Any:
    """Open the page of ``origin`` and return what its script returned.

    It finds ``given`` as JSON in ``location.hash``.
    """
    dom, _ = await browse(f"{origin}/#{quote(json.dumps(given))}", directory, "--dump-dom")
    said = _SAID.search(dom)
    assert said is not None, dom
    return json.loads(html.unescape(said[1]))


async def browse(url: str, directory: Path, *flags: str) -> tuple[str, list[str]]:
    """Have the browser open a page and end; its profile is kept in ``directory``.

    Returns what it prints, and the lines of the page's console: what it was refused stands there.
    """
    process = await asyncio.create_subprocess_exec(
        BROWSER,
        *FLAGS,
        f"--user-data-dir={directory / 'profile'}",
        *flags,
        url,
        env={"PATH": os.environ["PATH"], "HOME": str(directory)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, error = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, error.decode()
    lines = (line for line in error.decode().splitlines() if "CONSOLE" in line)
    return out.decode(), [line for line in lines if "source: chrome://" not in line]  # of its own pages
