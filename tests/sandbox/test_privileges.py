"""What a program may do: as whom it runs, with which limits, descriptors, signals and environment."""

from __future__ import annotations

import resource
import subprocess
import sys

import pyseccomp
import pytest

from cellblock.model import Profile, Verdict
from cellblock.sandbox.requests import cpu_backstop_s
from sandbox.cells import RUNTIME

STATUS = """
    import json
    lines = open("/proc/self/status").read().splitlines()
    print(json.dumps(dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)))
"""


def test_program_has_a_uid_of_its_own_and_no_other_group(cells):
    seen = cells.observe("""
        import json, os
        print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups()]))
    """)
    (uid,) = {*seen[0], *seen[1]}
    assert uid in cells.host._block.program_uids
    assert seen[2] == []


def test_program_has_no_capability_in_any_set(cells):
    status = cells.observe(STATUS)
    sets = {name: value for name, value in status.items() if name.startswith("Cap")}
    assert set(sets) == {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}
    assert set(sets.values()) == {"0" * 16}


def test_program_can_gain_no_privilege_and_is_filtered(cells):
    status = cells.observe(STATUS)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Seccomp_filters"] == "1"


def test_program_cannot_become_somebody_else(cells):
    seen = cells.observe("""
        import errno, json, os

        def attempt(action, *arguments):
            try:
                action(*arguments)
            except OSError as error:
                return errno.errorcode[error.errno]
            return "done"

        open("mine", "w").close()
        print(json.dumps({
            "setuid": attempt(os.setuid, 0),
            "setgid": attempt(os.setgid, 0),
            "groups": attempt(os.setgroups, [0]),
            "chown": attempt(os.chown, "mine", 0, 0),
            "mknod": attempt(os.mknod, "node", 0o20600, os.makedev(1, 1)),
            "nice": attempt(os.nice, -1),
            "realtime": attempt(os.sched_setscheduler, 0, 1, os.sched_param(1)),
        }))
    """)
    assert set(seen.values()) == {"EPERM"}, seen


def test_a_set_user_id_program_gives_nothing(cells):
    """It runs as if the bit were not there; `su` says so in its status while it waits for a password."""
    seen = cells.observe("""
        import json, os, subprocess, time
        assert os.stat("/usr/bin/su").st_mode & 0o4000
        pipe = subprocess.PIPE
        child = subprocess.Popen(["/usr/bin/su"], stdin=pipe, stdout=pipe, stderr=pipe)
        while "su" not in open(f"/proc/{child.pid}/comm").read():
            time.sleep(0.01)
        status = open(f"/proc/{child.pid}/status").read().split("Uid:")[1].split("\\n")[0].split()
        child.kill()
        print(json.dumps([sorted(set(map(int, status))), os.getuid()]))
    """)
    assert seen[0] == [seen[1]]


@pytest.mark.parametrize("profile", list(Profile))
def test_resource_limits_are_those_of_the_profile(cells, profile):
    seen = cells.observe(
        """
        import json, resource
        print(json.dumps({name: resource.getrlimit(getattr(resource, name))
                          for name in dir(resource) if name.startswith("RLIMIT_")}))
        """,
        profile=profile,
    )
    limits = cells._runtime(profile, {}).limits[profile]
    cpu_s = cpu_backstop_s(limits.cpu_ms)
    assert seen["RLIMIT_CPU"] == [cpu_s, cpu_s + 1]
    assert seen["RLIMIT_FSIZE"] == [limits.file_size_bytes] * 2
    assert seen["RLIMIT_NOFILE"] == [limits.open_files] * 2
    assert seen["RLIMIT_STACK"] == [limits.stack_bytes] * 2
    assert seen["RLIMIT_CORE"] == seen["RLIMIT_MEMLOCK"] == [0, 0]
    assert seen["RLIMIT_AS"] == [resource.RLIM_INFINITY] * 2  # memory is the cgroup's business


@pytest.mark.parametrize("name", ["CPU", "FSIZE", "NOFILE", "STACK", "CORE", "MEMLOCK"])
def test_resource_limits_cannot_be_raised(cells, name):
    outcome = cells.run(f"""
        import resource
        print(resource.getrlimit(resource.RLIMIT_{name})[1], flush=True)
        hard = resource.getrlimit(resource.RLIMIT_{name})[1]
        resource.setrlimit(resource.RLIMIT_{name}, (hard, hard + 1))
    """)
    assert int(outcome.stdout) >= 0, "it is limited"
    assert outcome.verdict is Verdict.RE
    assert b"not allowed to raise maximum limit" in outcome.stderr


def test_evidence_lists_the_limits_that_were_in_force(cells):
    outcome = cells.run("print(1)", memory_bytes=64 << 20, processes=7)
    assert outcome.evidence.cgroup.memory_limit_bytes == 64 << 20
    assert outcome.evidence.cgroup.process_limit == 7
    limits = outcome.evidence.limits
    assert (
        limits
        == cells._runtime(Profile.JUDGE, {"memory_bytes": 64 << 20, "processes": 7}).limits[Profile.JUDGE]
    )


def test_open_descriptors_are_stdin_stdout_and_stderr(cells):
    code = """
        import json, os
        found = {}
        for fd in range(4096):
            try:
                found[fd] = os.readlink(f"/proc/self/fd/{fd}").split(":")[0]
            except OSError:
                pass
        print(json.dumps(found))
    """
    assert cells.observe(code) == {"0": "pipe", "1": "pipe", "2": "pipe"}
    assert cells.observe(code, stdin=b"x") == {"0": "pipe", "1": "pipe", "2": "pipe"}


def test_the_program_may_open_its_standard_streams_by_name(cells):
    outcome = cells.run(
        """
        import sys
        text = open("/dev/stdin").read()
        print("out", text, file=open("/dev/stdout", "w"), flush=True)
        print("err", text, file=open("/proc/self/fd/2", "w"), flush=True)
        """,
        stdin=b"text",
    )
    assert (outcome.verdict, outcome.stdout, outcome.stderr) == (Verdict.AC, b"out text\n", b"err text\n")


def test_environment_is_exactly_the_stated_one(cells):
    runtime = cells.registry.by_id(RUNTIME)
    outcome = cells.run('import sys; sys.stdout.write(open("/proc/self/environ").read())')
    variables = dict(line.split("=", 1) for line in outcome.stdout.decode().rstrip("\0").split("\0"))
    assert variables == runtime.version_command().environment
    assert variables["HOME"] == "/box"
    assert variables["PATH"] == "/usr/local/bin:/usr/bin:/bin"


def test_command_line_tells_nothing_but_the_command(cells):
    outcome = cells.run('import sys; sys.stdout.write(open("/proc/self/cmdline").read())', args=("a b", "ü"))
    assert outcome.stdout.decode() == "/usr/bin/python3\0/box/main.py\0a b\0ü\0"


def test_signals_are_neither_blocked_nor_ignored_and_the_mask_is_the_usual_one(cells):
    outcome = cells.run_argv("/bin/cat", "/proc/self/status")  # an interpreter would ignore some of its own
    status = dict(line.split(":\t", 1) for line in outcome.stdout.decode().splitlines())
    for name in ("SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"):
        assert status[name] == "0" * 16, name
    assert status["Umask"] == "0022"


def test_evidence_names_every_control_in_the_contracts_order(cells):
    outcome = cells.run("pass")
    assert outcome.evidence.controls_applied[:11] == (
        *("pid_namespace", "mount_namespace", "network_namespace"),
        *("memory_limit", "process_limit", "no_new_privileges"),
        *("ipc_namespace", "uts_namespace", "cgroup_namespace", "seccomp_filter", "capabilities_dropped"),
    )
    assert outcome.evidence.controls_missing == ()


IGNORING_LIBC_INTERNAL_SIGNAL = f"""
import ctypes, subprocess, sys
SIG_IGN = ctypes.create_string_buffer((1).to_bytes(8, "little"), 32)
RT_SIGACTION = {pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, "rt_sigaction")}
assert ctypes.CDLL(None).syscall(RT_SIGACTION, 32, SIG_IGN, None, 8) == 0
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def test_signal_that_libc_keeps_to_itself_is_not_left_ignored(tmp_path):
    program = tmp_path / "main.py"
    program.write_text('print(next(line for line in open("/proc/self/status") if line.startswith("SigIgn")))')
    run = [sys.executable, "-m", "cellblock", "run", program]
    command = [sys.executable, "-c", IGNORING_LIBC_INTERNAL_SIGNAL, *run]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # Python ignores SIGPIPE and SIGXFSZ for itself.
    assert int(done.stdout.split()[1], 16) & (1 << 31) == 0
