"""What tests sent to services that no log may hold, in pieces that can be looked for."""

from __future__ import annotations

import base64
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SHORTEST = 12
_FEWEST_CHARACTERS = 6
"""A piece of fewer different ones, such as padding, tells nothing."""
_MOST_PIECES = 50
_LARGEST_BODY_BYTES = 2_000_000
_PIECE = re.compile(r"[\x20-\x5b\x5d-\x7e]+")  # printable, but the backslash
_KEY = re.compile(r"cb_live_[A-Za-z0-9]{12,}|whsec_[A-Za-z0-9+/]{12,}")
"""Whatever looks like one of ours, wherever it was made."""


@dataclass(frozen=True)
class Marker:
    """A piece of something that was sent."""

    text: str
    kind: str
    test: str


@dataclass
class Sent:
    """All that was sent, in pieces that come out of a formatter as they went in."""

    markers: dict[str, list[Marker]] = field(default_factory=lambda: defaultdict(list))
    """By their first characters."""
    known: set[str] = field(default_factory=set)

    def add(self, kind: str, value: object) -> None:
        """Remember a text, or bytes."""
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str):
            return
        for piece in _PIECE.findall(value)[:_MOST_PIECES]:
            text = piece.strip()
            if len(text) >= SHORTEST and len(set(text)) >= _FEWEST_CHARACTERS and text not in self.known:
                self.known.add(text)
                self.markers[text[:SHORTEST]].append(Marker(text, kind, present_test()))

    def add_request(self, headers: Mapping[str, str], body: bytes | str | None) -> None:
        """Remember what a request holds that no log may."""
        for name, value in headers.items():
            if name.lower() in {"x-api-key", "authorization"}:
                self.add("key", value.rpartition(" ")[2])
        if body and len(body) <= _LARGEST_BODY_BYTES:
            with suppress(ValueError, RecursionError):
                self.add_fields(json.loads(body))

    def add_recorded(self, har: bytes) -> None:
        """Remember what the requests in an HTTP archive hold, each as ``add_request`` does."""
        for entry in json.loads(har)["log"]["entries"]:
            request = entry["request"]
            headers = {header["name"]: header["value"] for header in request["headers"]}
            self.add_request(headers, request.get("postData", {}).get("text"))

    def add_fields(self, fields: object) -> None:
        """Remember what a decoded body holds."""
        if not isinstance(fields, dict):
            return
        self.add("code", fields.get("code"))
        self.add("stdin", fields.get("stdin"))
        self.add("webhook secret", fields.get("webhook_secret"))
        with suppress(ValueError):
            url = urlsplit(str(fields.get("webhook_url", "")))
            self.add("webhook path", f"{url.path}?{url.query}")
        files = fields.get("files")
        for file in files if isinstance(files, list) else ():
            if isinstance(file, dict):
                self.add("code", file.get("content"))
                with suppress(ValueError, TypeError):
                    self.add("code", base64.b64decode(file.get("content"), validate=True))

    def found_in(self, log: str) -> Iterator[Marker]:
        """Yield what of it stands in a log, each once."""
        log = log.replace("\\", "")  # which JSON and Python put before quotes
        found = set()
        for start in range(len(log) - SHORTEST + 1):
            for marker in self.markers.get(log[start : start + SHORTEST], ()):
                if log.startswith(marker.text, start):
                    found.add(marker)
        texts = {marker.text for marker in found}
        for key in _KEY.findall(log):
            if not any(key in text for text in texts):
                found.add(Marker(key, "key", "some test"))
        yield from sorted(found, key=lambda marker: marker.text)


sent = Sent()
"""Everything of this session."""


def present_test() -> str:
    """Return the test that is running, as pytest names it."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
