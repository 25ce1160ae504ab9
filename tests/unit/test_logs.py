"""A log that cannot be written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import logging
import structlog
from cellblock.app import logs, parent

logs.configure("info")
structlog.get_logger("ours").warning("said", number=1)
logging.getLogger("theirs").warning("said")
parent._say("said")
print("went on")
"""


def test_full_disk_below_the_log_is_nobodys_failure():
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=full, check=False
        )
    assert ended.stdout == b"went on\n"


def test_process_without_standard_error_does_not_log_into_what_has_its_number(tmp_path):
    other = tmp_path / "other"
    script = f"import os\nassert os.open({str(other)!r}, os.O_RDWR | os.O_CREAT) == 2\n" + SCRIPT
    ended = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, script],
        stdout=subprocess.PIPE,
        check=True,
    )
    assert ended.stdout == b"went on\n"
    assert other.read_bytes() == b""


def test_log_is_written_where_it_can_be():
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    lines = ended.stderr.splitlines()
    assert [line for line in lines if '"event": "said"' in line and '"number": 1' in line]
    assert lines[-1] == "cellblock: said"
    assert len(lines) == 3
