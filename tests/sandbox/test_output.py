"""Input and output: every byte that fits, nobody held up by those that do not."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from cellblock.engine.output import OutputStream
from cellblock.model import Outcome, OutputIntegrity, Verdict
from sandbox.cells import MIB, children_of, kill_reasons

T = TypeVar("T")

FLOOD = """
    import os, sys
    block = b"y" * 65536
    for _ in range(320): os.write({fd}, block)
    open("/box/done", "w").close()
    os.write({other}, b"end\\n")
"""


@pytest.mark.parametrize(("stream", "fd", "other"), [("stdout", 1, 2), ("stderr", 2, 1)])
def test_output_past_the_bound_is_dropped_while_the_program_runs_to_its_own_end(cells, stream, fd, other):
    outcome = cells.run(FLOOD.format(fd=fd, other=other), output_bytes=100_000)
    flooded, quiet = (outcome.stdout, outcome.stderr)[:: 1 if stream == "stdout" else -1]
    assert (outcome.verdict, outcome.exit_code) == (Verdict.AC, 0)
    assert flooded == b"y" * 100_000
    assert quiet == b"end\n"
    assert outcome.output_integrity is OutputIntegrity.TRUNCATED_BY_JUDGE_LIMIT
    (action,) = outcome.evidence.judge_actions
    assert (action.action, action.reason) == ("drain", f"{stream} is longer than 100000 bytes")


def test_output_of_exactly_the_bound_is_complete(cells):
    outcome = cells.run("print('x' * 99_999)", output_bytes=100_000)
    assert len(outcome.stdout) == 100_000
    assert outcome.output_integrity is OutputIntegrity.COMPLETE
    assert outcome.evidence.judge_actions == ()


def test_a_program_that_prints_without_end_meets_its_limit_and_costs_us_little(cells):
    cpu_before_s, read_before_bytes = time.process_time(), bytes_read()
    outcome = cells.run("while True: print('y' * 1000)", wall_ms=1_500, cpu_ms=1_000)
    assert outcome.verdict is Verdict.TLE
    assert len(outcome.stdout) == 10 * MIB
    assert outcome.output_integrity is OutputIntegrity.TRUNCATED_BY_JUDGE_LIMIT
    assert bytes_read() - read_before_bytes < 12 * MIB, "what is not kept is dropped by the helper"
    if cells.time_scale == 1:  # an emulated processor is slower by another factor for us than for the program
        assert time.process_time() - cpu_before_s < 0.5


def bytes_read() -> int:
    """How many bytes this process has read so far, from whatever."""
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


def test_every_byte_arrives_as_it_was_written(cells):
    outcome = cells.run(
        "import sys; sys.stdout.buffer.write(bytes(range(256)) * 2); sys.stderr.buffer.write(b'\\xff\\0')"
    )
    assert outcome.verdict is Verdict.AC
    assert (outcome.stdout, outcome.stderr) == (bytes(range(256)) * 2, b"\xff\0")
    assert outcome.output_integrity is OutputIntegrity.COMPLETE


def test_megabytes_below_the_bound_arrive_whole_from_both_streams(cells):
    outcome = cells.run("""
        import sys
        for n in range(300_000): print(n, file=(sys.stdout, sys.stderr)[n % 2])
    """)
    assert outcome.stdout == b"".join(b"%d\n" % n for n in range(0, 300_000, 2))
    assert outcome.stderr == b"".join(b"%d\n" % n for n in range(1, 300_000, 2))


def test_streams_that_the_program_closed_early_are_marked(cells):
    outcome = cells.run("""
        import os, time
        print("first", flush=True)
        os.close(1)
        time.sleep(0.4)
    """)
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"first\n")
    assert outcome.output_integrity is OutputIntegrity.TRUNCATED_BY_PROGRAM_CLOSE


def test_a_program_may_close_every_descriptor_and_live_on(cells):
    outcome = cells.run(
        "import os, time; os.closerange(0, 1024); time.sleep(0.4); os._exit(3)", stdin=b"x" * 200_000
    )
    assert (outcome.verdict, outcome.exit_code) == (Verdict.RE, 3)
    assert outcome.output_integrity is OutputIntegrity.TRUNCATED_BY_PROGRAM_CLOSE
    assert outcome.evidence.timing.wall_ms >= 400


def test_a_stream_that_another_thread_closed_is_marked_though_the_first_one_has_ended(cells):
    outcome = cells.run("""
        import ctypes, os, threading, time
        def live_on():
            time.sleep(0.1)
            os.close(1)
            time.sleep(0.4)
            os._exit(3)
        threading.Thread(target=live_on).start()
        ctypes.CDLL(None).pthread_exit(None)
    """)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.RE, 3)
    assert outcome.output_integrity is OutputIntegrity.TRUNCATED_BY_PROGRAM_CLOSE


def test_an_end_that_is_noticed_late_is_not_taken_for_an_early_close(cells):
    async def late_by_300_ms() -> Outcome:
        running = asyncio.create_task(cells.running("import time; print('all', flush=True); time.sleep(0.5)"))
        (init,) = await found(lambda: children_of(cells.spawner_pid))
        (program,) = await found(lambda: [pid for pid in children_of(init) if b"python" in command_of(pid)])
        await asyncio.sleep(0.2)  # by now init has seen that it was executed
        os.kill(init, signal.SIGSTOP)
        try:
            await found(lambda: state_of(program) == "Z")
            await asyncio.sleep(0.3)
        finally:
            os.kill(init, signal.SIGCONT)
        return await running

    outcome = cells.call(late_by_300_ms())
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"all\n")
    assert outcome.evidence.timing.wall_ms >= 800, "init was stopped while the program ended"
    assert outcome.output_integrity is OutputIntegrity.COMPLETE


async def found(look: Callable[[], T]) -> T:
    async with asyncio.timeout(10):
        while not (seen := look()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return seen


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_line_cut_off_by_a_crash_is_marked(cells):
    outcome = cells.run("import os; os.write(1, b'line\\nhalf a li'); os.abort()")
    assert (outcome.verdict, outcome.stdout) == (Verdict.SIG, b"line\nhalf a li")
    assert outcome.output_integrity is OutputIntegrity.CRASH_MID_WRITE


def test_a_line_cut_off_by_a_limit_is_marked(cells):
    outcome = cells.run("import os\nos.write(1, b'half a li')\nwhile True: pass", cpu_ms=300)
    assert (outcome.verdict, outcome.stdout) == (Verdict.TLE, b"half a li")
    assert outcome.output_integrity is OutputIntegrity.CRASH_MID_WRITE


def test_a_crash_after_a_whole_line_is_complete_output(cells):
    outcome = cells.run("import os; os.write(1, b'line\\n'); os.abort()")
    assert outcome.output_integrity is OutputIntegrity.COMPLETE


def test_a_program_that_ends_itself_without_a_newline_is_complete_output(cells):
    assert cells.run("print('half', end='')").output_integrity is OutputIntegrity.COMPLETE


@pytest.mark.parametrize("size", [1, 65_536, 262_144])
def test_stdin_arrives_whole_and_ends(cells, size):
    outcome = cells.run("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", stdin=b"z" * size)
    assert outcome.stdout == b"z" * size


def test_without_input_stdin_is_at_its_end(cells):
    assert cells.run("import sys; print(repr(sys.stdin.read()))").stdout == b"''\n"


def test_large_input_that_nobody_reads_holds_nobody_up(cells):
    outcome = cells.run("print('done')", stdin=b"z" * 262_144)
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"done\n")


def test_large_input_and_output_at_once_do_not_block_each_other(cells):
    outcome = cells.run(
        """
        import sys
        for line in sys.stdin: print(line * 8, end="")
        """,
        stdin=b"0123456789\n" * 20_000,
    )
    assert len(outcome.stdout) == 20_000 * 11 * 8


def test_arguments_arrive_as_they_are(cells):
    args = ("", "a b", "$(id)", "'\"", "--help", "ü€𝄞", "x" * 10_000)
    outcome = cells.run("import json, sys; print(json.dumps(sys.argv[1:]))", args=args)
    assert tuple(json.loads(outcome.stdout)) == args


def test_a_limit_kill_keeps_what_was_written_before(cells):
    outcome = cells.run("print('before', flush=True)\nimport time; time.sleep(60)", wall_ms=500)
    assert (outcome.verdict, outcome.stdout) == (Verdict.TLE, b"before\n")
    assert kill_reasons(outcome) == ["wall_limit"]


def test_a_broken_pipe_kills_a_program_that_does_not_ignore_it(
    cells,
):
    outcome = cells.run("""
        import os, signal
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        read, write = os.pipe()
        os.close(read)
        os.write(write, b"x")
    """)
    assert (outcome.verdict, outcome.signal) == (Verdict.SIG, 13)


def test_output_written_byte_by_byte_arrives_whole(cells):
    outcome = cells.run("""
        import os
        for n in range(3_000): os.write(1, bytes([97 + n % 26]))
    """)
    assert outcome.stdout == bytes(97 + n % 26 for n in range(3_000))


def test_a_stream_that_is_on_its_way_through_a_socket_when_the_program_ends_is_read_to_its_end(cells):
    """Its last writer is then no process at all."""
    outcome = cells.run("""
        import os, socket
        left, right = socket.socketpair()
        print("written", flush=True)
        socket.send_fds(left, [b"x"], [1, 2])
        os.close(1)
        os.close(2)
    """)
    assert (outcome.verdict, outcome.stdout) == (Verdict.AC, b"written\n")
    assert outcome.output_integrity is OutputIntegrity.COMPLETE


def test_what_was_read_is_let_go_of_with_the_answer_and_not_by_the_collector(cells, monkeypatch):
    read = []

    class Noted(OutputStream):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            read.append(weakref.ref(self))

    monkeypatch.setattr("cellblock.engine.watch.OutputStream", Noted)
    gc.collect()
    gc.disable()
    try:
        for code in ("print('x' * 1000)", "raise SystemExit(3)", "while True: print('x' * 1000)"):
            assert cells.run(code, output_bytes=100_000).verdict is not Verdict.IE
        assert len(read) == 6
        assert [stream() for stream in read] == [None] * 6
    finally:
        gc.enable()
