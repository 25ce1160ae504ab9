"""Class D without the control that holds it: each attack succeeds, and is seen to."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cellblock.attacks import machine
from cellblock.attacks.ground import Ground
from cellblock.attacks.instance import Instance
from cellblock.attacks.manifest import fill, trials
from cellblock.model import SourceFile, Verdict
from cellblock.sandbox import features
from corpus import bare
from escapes.bare_payloads import START, assert_seen, on_the_host, run_bare, trial, without_namespace
from escapes.seen import sees
from sandbox.cells import opened

UNUSED_UID = 1_999_360


# ---- D: the filter ----

BY_CALL = [
    (each.name, each.language, variant)
    for each in trials(classes="D")
    for variant in each.attack.variants
    if "CALL" in variant and variant.get("name", "") == each.variant and each.language in {"c", "python"}
]
SUCCEEDING = [name for name, _, variant in BY_CALL if "BESIDES" not in variant]


def all_in_c(directory: Path) -> bytes:
    """The payload with every call, each in a child of its own, which says its name and how it would end."""
    head, _, _ = trial("D/unshare/c").source.partition("int main")
    children = "".join(
        f"""
        if (fork() == 0) {{
            long result = {fill(variant["CALL"], {"VICTIM_PID": str(os.getpid())})};
            if (result == -1) _exit(0);
            if (getppid() == parent) puts("{name}"), fflush(stdout);
            _exit(42);
        }}
        wait(0);"""
        for name, language, variant in BY_CALL
        if language == "c"
    )
    source, binary = directory / "all.c", directory / "all"
    source.write_text(
        f"{head}#include <sys/wait.h>\nint main(void) {{ int parent = getpid(); {children} return 0; }}"
    )
    subprocess.run(["cc", "-static", "-w", "-o", binary, source], check=True, capture_output=True)
    return binary.read_bytes()


def all_in_python() -> str:
    head, _, tail = trial("D/unshare/python").source.partition('print("attempt", flush=True)')
    setting = tail[: tail.index("result = ")]
    calls = [
        (name, fill(variant["CALL"], {"VICTIM_PID": str(os.getpid())}))
        for name, language, variant in BY_CALL
        if language == "python"
    ]
    return f"""{head}{setting}
parent = os.getpid()
for name, call in {calls!r}:
    if os.fork() == 0:
        result = eval(call, {{}}, Names(refused=refused, **buffers))
        if result != -1 and os.getppid() == parent:
            print(name, flush=True)
        os._exit(0)
    os.wait()
"""


@sees(*SUCCEEDING)
@pytest.mark.parametrize("language", ["c", "python"])
def test_without_the_filter_every_call_succeeds_but_those_of_which_the_manifest_says_what_else_refuses_them(
    language, monkeypatch, time_scale, tmp_path
):
    monkeypatch.setattr(features, "_SECCOMP_ACTIONS", Path("/nonexistent"))
    ours = {name: variant for name, tongue, variant in BY_CALL if tongue == language}
    assert len(ours) > 60
    with opened(time_scale, accept_missing="seccomp_filter") as cells:
        if language == "c":
            files = (SourceFile("payload", all_in_c(tmp_path)),)
            outcome = cells.run(START, files=files, file_size_bytes=16 << 20, processes=32)
        else:
            outcome = cells.run(all_in_python(), processes=32)
    assert outcome.verdict is Verdict.AC, outcome.stderr
    succeeded = set(outcome.stdout.decode().split())
    expected = ours.keys() & SUCCEEDING
    assert expected - succeeded == set()
    # What a capability of nobody's refuses is refused on every kernel; of the rest some may succeed on some.
    assert {name for name in succeeded - expected if "no capability" in ours[name]["BESIDES"]} == set()


@sees("D/i386")
@pytest.mark.machine("x86_64")
@pytest.mark.parametrize("language", ["c", "python"])
def test_without_the_filter_a_call_by_the_32_bit_entry_is_answered(
    language, monkeypatch, time_scale, tmp_path
):
    source = trial(f"D/i386/unshare/{language}").source
    monkeypatch.setattr(features, "_SECCOMP_ACTIONS", Path("/nonexistent"))
    with opened(time_scale, accept_missing="seccomp_filter") as cells:
        if language == "c":
            (tmp_path / "i386.c").write_text(source)
            command = ["cc", "-static", "-o", "i386", "i386.c"]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
            files = (SourceFile("payload", (tmp_path / "i386").read_bytes()),)
            outcome = cells.run(START, files=files, file_size_bytes=16 << 20)
        else:
            outcome = cells.run(source)
    assert (outcome.stdout, outcome.exit_code, outcome.verdict) == (b"attempt\n", 42, Verdict.RE)
    assert outcome.verdict not in trial(f"D/i386/unshare/{language}").attack.verdicts


# ---- D: files, groups, names ----

MUST_BE_WON = (
    "/proc/sys/kernel/core_pattern", "/proc/1/oom_score_adj", "/etc/ld.so.cache", "/tmp/planted",
    "/proc/self/setgroups=allow", "/proc/meminfo", "/proc/sys",
)  # fmt: skip


def harmless(source: str) -> str:
    """Have a payload plant something in its own root only, and take no line of the kernel's log away."""
    (variant,) = trial("D/filesystem/c").attack.variants
    return source.replace(variant["CREATES"], "/tmp/planted").replace(" /proc/kmsg ", " ")


@sees("D/filesystem")
@pytest.mark.parametrize("language", list(trial("D/filesystem/c").attack.payloads))
def test_root_without_a_cell_wins_files_switches_and_insides_and_says_which(language, monkeypatch):
    """It opens them, and no more, in a root of tmpfs that ends with it."""
    monkeypatch.setattr(bare, "_NOBODY", 0)
    name = f"D/filesystem/{language}"
    with contextlib.closing(Ground()) as ground:
        values = {**ground.values, "SUPERVISOR_PID": ground.values["VICTIM_PID"]}
        ran = run_bare(name, values, harmless)
        assert ground.turned() == []
    assert_seen(name, ran)
    said = ran.stdout.decode()
    of_the_victim = [f"/proc/{values['VICTIM_PID']}/{file}" for file in ("mem", "environ", "oom_score_adj")]
    assert [won for won in (*MUST_BE_WON, *of_the_victim) if won not in said] == []


@pytest.mark.parametrize("language", ["c", "python"])
def test_without_a_cell_anybody_tells_the_machines_devices_and_groups(language, tmp_path):
    pids = dict.fromkeys(("VICTIM_PID", "SUPERVISOR_PID"), "1")
    done = on_the_host(f"D/filesystem/{language}", tmp_path, pids)
    assert done.returncode > 0
    there = [
        path for path in ("/sys", "/sys/class", "/sys/fs/cgroup", "/proc/meminfo") if Path(path).exists()
    ]
    assert len(there) == 4
    assert [path for path in there if path not in done.stdout] == []


@pytest.mark.parametrize("path", machine._FILES)
def test_a_changed_file_of_the_system_is_noticed(path, monkeypatch, tmp_path):
    watched = tmp_path / "watched"
    monkeypatch.setattr(machine, "_FILES", (str(watched),))
    me = Instance(parent=1, service=os.getpid(), supervisor=os.getpid(), first_uid=UNUSED_UID)
    before = machine.health(me)
    watched.write_text(path)
    assert [name for name, was in before.items() if machine.health(me)[name] != was] == [str(watched)]


def test_a_supervisor_that_would_be_ended_for_memory_first_is_noticed():
    with subprocess.Popen(["/bin/sleep", "60"]) as sleeper:
        try:
            me = Instance(parent=1, service=os.getpid(), supervisor=sleeper.pid, first_uid=UNUSED_UID)
            before = machine.health(me)
            Path(f"/proc/{sleeper.pid}/oom_score_adj").write_text("1000")
            changed = [name for name, was in before.items() if machine.health(me)[name] != was]
        finally:
            sleeper.kill()
    assert changed == ["memory's end of the supervisor"]


@pytest.mark.parametrize(
    ("namespace", "control", "won"),
    [("cgroup", "cgroup_namespace", "group"), ("uts", "uts_namespace", "name"), ("", "", "")],
)
def test_without_a_namespace_of_its_own_a_program_tells_group_or_name(
    namespace, control, won, monkeypatch, time_scale
):
    attack = trial("D/filesystem/python")
    without_namespace(namespace, monkeypatch)
    values = {"VICTIM_PID": str(os.getpid()), "SUPERVISOR_PID": str(os.getpid())}
    with opened(time_scale, accept_missing=control, cell_hostname="of-the-cell") as cells:
        outcome = cells.run(fill(attack.source, values))
    assert outcome.stdout.decode().splitlines() == ["attempt", str([won] if won else [])]
    assert outcome.verdict in (attack.attack.succeeds if won else attack.attack.verdicts)


# ---- D: what is open ----

MEMORY_BYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@sees("D/machine-figures")
@pytest.mark.parametrize("told_bytes", [MEMORY_BYTES, MEMORY_BYTES + 1])
def test_the_memory_of_the_machine_is_told_in_a_cell_and_no_other_figure_counts(told_bytes, time_scale):
    attack = trial("D/machine-figures/python")
    with opened(time_scale) as cells:
        outcome = cells.run(fill(attack.source, {"MEMORY_BYTES": str(told_bytes)}))
    assert outcome.stdout.startswith(f"attempt\n{MEMORY_BYTES} ".encode())
    assert outcome.verdict in (
        attack.attack.succeeds if told_bytes == MEMORY_BYTES else attack.attack.verdicts
    )


REFUSE_SYSINFO = """
import ctypes, os, pyseccomp
refusing = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
refusing.add_rule(pyseccomp.ERRNO(1), "sysinfo")
refusing.load()
told = ctypes.create_string_buffer(512)
print(ctypes.CDLL(None).sysinfo(told), isinstance(os.sysconf("SC_PHYS_PAGES"), int))
"""


def test_the_c_library_does_not_look_whether_figures_were_refused():
    """Why this is open: where that ends, the call can be refused."""
    done = subprocess.run([sys.executable, "-c", REFUSE_SYSINFO], capture_output=True, text=True, check=True)
    assert done.stdout == "-1 True\n", "it raises where there is an error"
