"""Random names for requests and submissions: UUIDs of version 4, in their canonical form."""

from __future__ import annotations

import os
from collections.abc import Iterator

_BYTES = 16
_AT_ONCE = 256
_VARIANTS = "89ab"


def _names() -> Iterator[str]:
    """Yield names from randomness that the kernel is asked for by the page.

    Each question gives the interpreter lock away, and two a request cost a fiftieth of all requests.
    """
    while True:
        digits = os.urandom(_BYTES * _AT_ONCE).hex()
        for start in range(0, len(digits), 2 * _BYTES):
            name = digits[start : start + 2 * _BYTES]
            variant = _VARIANTS[int(name[16], 16) & 3]
            yield f"{name[:8]}-{name[8:12]}-4{name[13:16]}-{variant}{name[17:20]}-{name[20:]}"


new_name = _names().__next__
"""Returns one that nobody has had or can guess; for the event loop's thread."""
