"""Classes D and F without the control that holds them: each attack succeeds, and is seen to."""

from __future__ import annotations

import contextlib
import ctypes
import http.server
import os
import platform
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from cellblock import config
from cellblock.attacks import machine
from cellblock.attacks.ground import Ground
from cellblock.attacks.instance import Instance
from cellblock.attacks.manifest import fill, load_attacks, trials
from cellblock.engine.installation import TREE_ROOT, Installation
from cellblock.languages.needs import Need
from cellblock.languages.registry import load_catalog
from cellblock.model import Profile, SourceFile, Verdict
from cellblock.sandbox import features
from cellblock.sandbox.template import Root
from corpus import bare
from corpus.programs import Program
from corpus.ran import Ran
from sandbox.cells import engine_for, opened

CLONE_NEWNET = 0x40000000
UNUSED_UID = 1_999_360
RESOLVER = ("127.0.0.1", 53)
NO_SUCH_NAME = b"\x81\x83"
"""The flags of an answer to a question: answered by recursion, and there is no such name."""


def trial(name: str):
    (found,) = (each for each in trials() if each.name == name)
    return found


def run_bare(name: str, values: dict[str, str], change: Callable[[str], str] = str) -> Ran:
    """Run a payload, or a changed one, by the installed toolchain of its language, without any wall."""
    settings = config.load({}, {})
    attack = trial(name)
    catalog = load_catalog(settings.output_max_bytes, {})
    runtime = next(each for each in catalog.runtimes if each.language == attack.language)
    root = Installation(settings.toolchain_dir).reload()[TREE_ROOT]
    source = SourceFile("", fill(change(attack.source), values).encode())
    ran = bare.run_bare(Program(language=attack.language, name="attack", files=(source,)), runtime, root)
    assert b"attempt" in ran.stdout, ran
    return ran


def assert_seen(name: str, ran: Ran) -> None:
    """It ended as no contained one may."""
    attack = trial(name).attack
    assert ran.verdict in attack.succeeds, ran
    assert ran.verdict not in attack.verdicts


# ---- F: a network ----


@pytest.fixture
def network() -> Iterator[None]:
    """A network namespace of the test's own, with loopback only, for all that it starts meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        # Everybody may send echoes here, as on many machines.
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")
        yield
    finally:
        assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(before)


@pytest.fixture
def ground(network: None) -> Iterator[Ground]:  # noqa: ARG001  # bait lies in that network
    with contextlib.closing(Ground()) as laid:
        yield laid


def of(attack: str) -> list[str]:
    return [each.name for each in trials() if each.name.startswith(f"F/{attack}/")]


def test_every_attack_on_the_network_is_there_in_six_languages_or_says_why_not():
    on_the_network = [attack for attack in load_attacks() if attack.line == "F"]
    assert {"reach", "packets", "service", "names"} <= {attack.name for attack in on_the_network}
    for attack in on_the_network:
        assert attack.payloads.keys() | attack.lacks.keys() >= {
            *("python", "c", "go", "java", "javascript", "rust")
        }


@pytest.mark.parametrize("name", of("reach"))
def test_with_a_network_every_language_reaches_the_bait_and_says_so(name, ground):
    assert ground.turned() == []
    assert_seen(name, run_bare(name, ground.values))
    reached = "\n".join(ground.turned())
    kinds = ("tcp", "tcp6", "udp")
    assert [kind for kind in kinds if f"the host's {kind} socket was reached" not in reached] == []


@pytest.mark.parametrize("name", of("packets"))
def test_with_a_network_an_echo_is_seen_by_the_host_and_by_the_program(name, ground):
    assert ground.turned() == []
    assert_seen(name, run_bare(name, ground.values))
    assert "the host's ICMP socket was reached" in ground.turned()


def test_an_echo_of_somebody_else_is_no_witness(ground):
    subprocess.run(["/usr/bin/python3", "-c", fill(trial("F/packets/python").source, {"MARK": "x"})],
                   check=False, capture_output=True)  # fmt: skip
    assert ground.turned() == []


@pytest.mark.parametrize("name", of("service"))
@pytest.mark.usefixtures("network")
def test_with_a_network_the_service_is_reached_and_the_program_says_so(name):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        assert_seen(name, run_bare(name, {"SERVICE_PORT": str(server.server_port)}))
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_with_a_network_the_question_for_a_name_is_seen_by_the_host(ground):
    # Nobody answers, so the program knows of nothing: it asks for 10 s.
    assert ground.turned() == []
    run_bare("F/names/c", ground.values)
    assert ground.turned() == ["the host's name socket was reached"]


@pytest.mark.parametrize("name", of("names"))
@pytest.mark.usefixtures("network")
def test_with_a_resolver_that_knows_no_name_the_program_says_that_one_was_asked(name):
    with socket.socket(type=socket.SOCK_DGRAM) as resolver:
        resolver.bind(RESOLVER)
        answering = threading.Thread(target=_deny, args=(resolver,))
        answering.start()
        try:
            assert_seen(name, run_bare(name, {"MARK": "cellblock-bait-x"}))
        finally:
            resolver.sendto(b"", RESOLVER)
            answering.join()


def _deny(resolver: socket.socket) -> None:
    """Answer each question that there is no such name, until an empty one."""
    while True:
        question, asker = resolver.recvfrom(4096)
        if not question:
            return
        resolver.sendto(question[:2] + NO_SUCH_NAME + question[4:6] + bytes(6) + question[12:], asker)


# ---- D: the filter ----

BY_CALL = [
    (each.name, each.language, variant)
    for each in trials(classes="D")
    for variant in each.attack.variants
    if "CALL" in variant and variant.get("name", "") == each.variant and each.language in {"c", "python"}
]
START = """
import os
os.chmod("payload", 0o755)
os.execv("./payload", ["payload"])
"""


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
    expected = {name for name, variant in ours.items() if "BESIDES" not in variant}
    assert expected - succeeded == set()
    # What a capability of nobody's refuses is refused on every kernel; of the rest some may succeed on some.
    assert {name for name in succeeded - expected if "no capability" in ours[name]["BESIDES"]} == set()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="i386 is an ABI of x86_64")
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


def without_namespace(name: str, monkeypatch) -> None:
    works = features._namespace_works
    monkeypatch.setattr(features, "_namespace_works", lambda each: each != name and works(each))


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


def test_without_a_network_namespace_of_its_own_a_program_in_a_cell_reaches_the_bait(monkeypatch, time_scale):
    without_namespace("net", monkeypatch)
    attack = trial("F/reach/python")
    with contextlib.closing(Ground()) as ground:
        with opened(time_scale, accept_missing="network_namespace") as cells:
            outcome = cells.run(fill(attack.source, ground.values))
        assert {"the host's tcp socket was reached", "the host's abstract socket was reached"} <= set(
            ground.turned()
        )
    assert outcome.verdict in attack.attack.succeeds


# ---- D: privileges ----


@pytest.mark.parametrize("language", ["c", "python"])
def test_root_without_a_cell_does_what_nobody_else_may_and_says_so(language, monkeypatch):
    monkeypatch.setattr(bare, "_NOBODY", 0)
    name = f"D/privileges/{language}"
    ran = run_bare(name, {})
    assert_seen(name, ran)
    won = ran.stderr.decode().splitlines()[-1].split(", ") if language == "python" else range(ran.exit_code)
    assert len(won) >= 7


def on_the_host(language: str, directory: Path) -> tuple[str, ...]:
    """Put the payload where the host's own programs are; returns what to execute."""
    source = trial(f"D/privileges/{language}").source
    if language == "python":
        return ("/usr/bin/python3", "-c", source)
    (directory / "main.c").write_text(source)
    command = ["cc", "-static", "-w", "-o", directory / "main", directory / "main.c"]
    subprocess.run(command, check=True, capture_output=True)
    return (str(directory / "main"),)


NO_NEW = "setpriv --no-new-privs"
LIMITS = "ulimit -f 1000000 -s 8192"


@pytest.mark.parametrize("language", ["c", "python"])
@pytest.mark.parametrize(
    ("limits", "held", "won"),
    [
        (LIMITS, "", ["su"]),
        (LIMITS, NO_NEW, []),
        ("ulimit -f unlimited -s unlimited", NO_NEW, ["size", "stack"]),
    ],
)
def test_without_a_cell_su_becomes_root_and_limits_are_raised_and_the_program_says_so(
    language, limits, held, won, tmp_path
):
    argv = [each.replace(str(tmp_path), "/mnt") for each in on_the_host(language, tmp_path)]
    script = f"""
        mount -t tmpfs none /mnt; touch {tmp_path}/main; cp {tmp_path}/main /mnt; cd /mnt; {limits}
        exec {held} chroot --userspec=65534:65534 --groups= / "$@"
    """
    done = subprocess.run(
        ["unshare", "--mount", "/bin/bash", "-ec", script, "bash", *argv],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.stdout == "attempt\n"
    if language == "c":
        assert done.returncode == len(won)
    else:
        assert done.returncode == bool(won)
        assert ", ".join(won) in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("language", ["c", "python"])
def test_in_a_cell_whose_root_has_a_su_of_root_it_becomes_nobody_else(language, time_scale, tmp_path):
    assert Path("/usr/bin/su").stat().st_mode & stat.S_ISUID
    argv = on_the_host(language, tmp_path)
    with opened(time_scale) as cells:
        if language == "python":
            outcome = cells.run(argv[-1])
        else:
            files = (SourceFile("payload", (tmp_path / "main").read_bytes()),)
            outcome = cells.run(START, files=files, file_size_bytes=16 << 20)
    assert (outcome.stdout, outcome.verdict) == (b"attempt\n", Verdict.AC), outcome.stderr


PRIVILEGES = r"""
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    printf("%d ", geteuid() == getuid());
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "CapEff:", 7) == 0) fputs(line + 8, stdout);
    return 0;
}
"""
SAME_AS_BEFORE = "1 0000000000000000\n"
GAINED = {"user": "0 ", "capability": f"1 {1 << 13:016x}\n"}
"""Another user with what that one may, and the same with what the file gives: NET_RAW."""


@pytest.fixture
def privileged(tmp_path) -> Path:
    """A directory with a set-user-id program and one with a file capability; each says what it was given."""
    directory = tmp_path / "privileged"
    directory.mkdir()
    (tmp_path / "privileges.c").write_text(PRIVILEGES)
    for name in GAINED:
        command = ["cc", "-static", "-o", directory / name, tmp_path / "privileges.c"]
        subprocess.run(command, check=True, capture_output=True)
    (directory / "user").chmod(0o4755)
    subprocess.run(["setcap", "cap_net_raw+ep", directory / "capability"], check=True)
    return directory


@pytest.mark.parametrize("program", list(GAINED))
@pytest.mark.parametrize(
    ("mounted", "held", "gains"),
    [("suid", "", True), ("suid", "setpriv --no-new-privs", False), ("nosuid", "", False)],
)
def test_each_of_no_new_privileges_and_nosuid_alone_takes_what_a_program_would_gain(
    program, mounted, held, gains, privileged
):
    script = f"""
        mount -t tmpfs -o {mounted} none /mnt; cp --preserve=all {privileged}/{program} /mnt
        exec {held} chroot --userspec=65534:65534 --groups= / /mnt/{program}
    """
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-ec", script], capture_output=True, text=True, check=True
    )
    if gains:
        assert done.stdout.startswith(GAINED[program])
        assert done.stdout != SAME_AS_BEFORE
    else:
        assert done.stdout == SAME_AS_BEFORE


@pytest.mark.parametrize("program", list(GAINED))
def test_a_program_with_privileges_of_its_own_has_none_in_a_cell(program, privileged, time_scale):
    with opened(time_scale) as cells:
        cells.call(cells.host.set_roots({"further": Root(binds=((str(privileged), "/opt/privileged"),))}))
        runtime = cells._runtime(Profile.JUDGE, {})
        file = msgspec.structs.replace(runtime.file, root="further", needs=(Need(component="privileged"),))
        runtime = msgspec.structs.replace(runtime, file=file)
        engine = engine_for(cells.settings, cells.host, runtime)
        command = msgspec.structs.replace(runtime.version_command(), argv=(f"/opt/privileged/{program}",))
        outcome = cells.call(engine.run_command(runtime, command))
    assert (outcome.verdict, outcome.stdout.decode()) == (Verdict.AC, SAME_AS_BEFORE), outcome.stderr


# ---- D: what is open ----

MEMORY_BYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
print(ctypes.CDLL(None).sysinfo(ctypes.create_string_buffer(512)), isinstance(os.sysconf("SC_PHYS_PAGES"), int))
"""


def test_the_c_library_does_not_look_whether_figures_were_refused():
    """Why this is open: where that ends, the call can be refused."""
    done = subprocess.run([sys.executable, "-c", REFUSE_SYSINFO], capture_output=True, text=True, check=True)
    assert done.stdout == "-1 True\n", "it raises where there is an error"
