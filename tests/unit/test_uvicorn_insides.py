"""The protocol stands on insides of uvicorn that may change without notice."""

from __future__ import annotations

import hashlib
import inspect

from uvicorn import server
from uvicorn.protocols.http import flow_control, httptools_impl

KNOWN = {
    httptools_impl: "1d4e1c579df4168433a61a01f10c628b31c1790e72dd9769d2b8633b22214033",
    flow_control: "d39d16560df512f3ce907c329c2a0c3f5cd7165fef3b753876eae5739bf2a785",
    server: "c1be9d133467a42ab88d7168e408ef5a90257661a901899426214a3d1fc2d026",
}


def test_uvicorn_is_the_one_that_was_read():
    found = {module: hashlib.sha256(inspect.getsource(module).encode()).hexdigest() for module in KNOWN}
    changed = [module.__name__ for module in KNOWN if found[module] != KNOWN[module]]
    assert not changed, (
        f"{changed} changed: read what is new, see whether app/http.py and app/http_server.py still hold "
        f"(docs/decisions/0009), then state the new digests here: { {m.__name__: found[m] for m in KNOWN} }"
    )
