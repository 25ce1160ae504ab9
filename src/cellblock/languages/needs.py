"""What has to be installed before a runtime works, as a language file says it."""

from __future__ import annotations

from msgspec import Struct


class Need(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Debian packages of the tree, a component, or the name of a component that another file describes."""

    debian: list[str] = []
    component: str | None = None
    """Seen in the cell at ``/opt/<component>``."""
    pypi: list[str] = []
    """``name==version``, exact."""
    npm: list[str] = []
    """``name@version``, exact."""
    sha256: list[str] = []
    """Of the wheels that may come."""
    integrity: list[str] = []
    """Of the npm tarballs that may come, as npm writes it."""
    download_mb: int = 0
    disk_mb: int = 0
    keep: dict[str, str] = {}
    """Path in the component → path in the unpacked package."""
    prepare: list[list[str]] = []
    """Commands run once in the tree, without network, before the component is complete."""
    prepare_environment: dict[str, str] = {}
