"""Installing as an ordinary user: as root of a user namespace, with the user's own uids.

The tree is built in it as by root. Afterwards all that was made belongs to its root, which is the user:
the uids of the namespace are lent to programs, and none of these may own a file that others are to run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from cellblock import subids
from cellblock.errors import HostError

_NEEDED = 65535
"""A Debian system's uids, up to nobody's."""
_MAP = Path("/proc/self/uid_map")


def install_as_root_of_a_namespace(
    arguments: Sequence[str], environment: Mapping[str, str], *, ends_with_parent: bool
) -> NoReturn:
    """Become ``python -m cellblock ARGUMENTS`` with an ordinary user's own uids; raises ``HostError``.

    ``environment`` holds the settings as resolved before: as root their defaults would be others.
    """
    uid = os.geteuid()
    absent = subids.lacking(uid, _NEEDED)
    if absent:
        raise HostError(
            "a Debian tree has files of many users, and you have not enough uids of your own "
            f"(missing in {', '.join(absent)}): as root, {subids.giving(uid, absent)}; or install as root"
        )
    # A change of credentials makes the kernel forget that we end with our parent.
    tied = ("setpriv", "--pdeathsig", "TERM", "--") if ends_with_parent else ()
    namespace = ("unshare", "--user", "--map-root-user", "--map-auto", "--")
    command = (*namespace, *tied, sys.executable, "-P", "-m", "cellblock", *arguments)
    sys.stdout.flush()
    os.execvpe(command[0], command, dict(environment))  # noqa: S606  # an argument list, no shell


def give_to_root(directory: Path) -> None:
    """Make everything below ours, where our uids are those of a user namespace."""
    if _is_whole():
        return
    for parent, directories, files in os.walk(directory):
        for name in (*directories, *files):
            os.lchown(os.path.join(parent, name), 0, 0)  # noqa: PTH118  # tens of thousands of them


def _is_whole() -> bool:
    return _MAP.read_text(encoding="ascii").split() == ["0", "0", str(2**32 - 1)]
