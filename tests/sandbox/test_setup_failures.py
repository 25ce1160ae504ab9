"""A cell that cannot be set up is our failure: named by step and error, with nothing left behind."""

from __future__ import annotations

import pytest

from cellblock.model import SourceFile, Verdict

FAILURES = {
    "executable that is not there": (["/bin/nothing"], {}, "exec", "No such file"),
    "executable that is a directory": (["/usr"], {}, "exec", "Permission denied"),
    "executable that is none": (["/etc/passwd"], {}, "exec", "Permission denied"),
    "one inode": (["/bin/true"], {"work_area_inodes": 1}, "work_area_tmpfs", "No space left"),
    "too few inodes for the files": (["/bin/true"], {"work_area_inodes": 5}, "place_files", "No space left"),
    "too little room for the files": (
        ["/bin/true"],
        {"work_area_bytes": 4096},
        "place_files",
        "No space left",
    ),
    "more descriptors than the kernel has": (
        ["/bin/true"],
        {"open_files": 1 << 40},
        "rlimits",
        "Operation not perm",
    ),
}


@pytest.mark.parametrize(("argv", "limits", "step", "reason"), FAILURES.values(), ids=FAILURES)
def test_a_failed_set_up_is_named_by_step_and_error_and_leaves_nothing(cells, argv, limits, step, reason):
    files = tuple(SourceFile(f"f{n}", b"x" * 5000) for n in range(3))
    outcome = cells.run_argv(*argv, files=files, **limits)
    assert outcome.verdict is Verdict.IE
    assert outcome.error_message.startswith(f"cell step {step} failed: {reason}"), outcome.error_message
    cells.assert_nothing_is_left()
    cells.assert_next_run_works()


NAMES = {
    "../out": "Protocol error",
    "/absolute": "Protocol error",
    "a//b": "Protocol error",
    "a/./b": "Protocol error",
    "": "Protocol error",
    "n\0ul": "Protocol error",
    "x" * 256: "File name too long",
    "x" * 300 + "/y": "File name too long",
    "same": "File exists",
    "same/below": "Not a directory",
}


@pytest.mark.parametrize(("name", "reason"), NAMES.items(), ids=[ascii(name)[:20] for name in NAMES])
def test_a_file_that_cannot_be_placed_is_our_failure_and_leaves_nothing(cells, name, reason):
    files = (SourceFile("same", b"1"), SourceFile(name, b"2"))
    outcome = cells.run_argv("/bin/true", files=files)
    assert outcome.verdict is Verdict.IE
    assert reason in outcome.error_message
    assert (
        f"cell step {'job' if reason == 'Protocol error' else 'place_files'} failed" in outcome.error_message
    )
