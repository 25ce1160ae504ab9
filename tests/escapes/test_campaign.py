"""The attacks against a running service over its public API: the quick ones, and slowly all of them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from cellblock.attacks import front, outer
from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.campaign import _COLD, Campaign, _beyond_limits, _tried
from cellblock.attacks.ground import Ground
from cellblock.attacks.instance import Instance, find_instance
from cellblock.attacks.manifest import CLASSES, Attack, Trial, fill, trials
from cellblock.attacks.scorecard import as_markdown
from cellblock.errors import HostError
from e2e.instance import NOTHING_READY, running_instance

SCORE = Path(__file__).parents[2] / "build" / "score.md"
"""What SECURITY.md shows: `make score`."""
WARM = {"python", "ruby", "javascript", "typescript", "java", "csharp", "rust"}


def assert_contained(card):
    assert [f"{each.trial}: {each.status} {each.verdict} {each.seen}" for each in card.failed] == []
    assert card.growth == []


def started_warm(card):
    """Return the languages of programs; what goes by several requests is in none."""
    return {each.language for each in card.findings if each.warm} - {"http"}


def hosts_python(port):
    """Return the version of the host's Python, if it can be asked for: another may have the same."""
    said = subprocess.run(["/usr/bin/python3", "--version"], capture_output=True, text=True, check=True)
    version = said.stdout.split()[1]
    runtimes = json.loads(Caller("127.0.0.1", port).send("GET", "/v1/runtimes").text)
    offered = [each["version"] for each in runtimes if each["language"] == "python"]
    return version if offered.count(version) == 1 else ""


@pytest.mark.timeout(300)
def test_the_quick_attacks_are_contained_and_leave_nothing(port):
    chosen = trials(quick=True)
    assert {trial.attack.line[0] for trial in chosen} == set(CLASSES)
    card = front.attack("127.0.0.1", port, chosen)
    assert_contained(card)
    left_out = {trial.name for trial in chosen if trial.of_the_host and not hosts_python(port)}
    assert {each.trial for each in card.findings} == {trial.name for trial in chosen} - left_out
    assert started_warm(card) == WARM & {trial.language for trial in chosen}


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_every_attack_is_contained_warm_and_cold_but_what_is_known_to_be_open(port, free_port, time_scale):
    card = front.attack("127.0.0.1", port, trials())
    with running_instance(free_port, *NOTHING_READY, time_scale=time_scale):
        chosen = [trial for trial in trials() if trial.language in WARM]
        cold = front.attack("127.0.0.1", free_port, chosen)
    whole = msgspec.structs.replace(
        card, findings=[*card.findings, *cold.findings], growth=[*card.growth, *cold.growth]
    )
    sys.stderr.write(as_markdown(whole))
    assert_contained(whole)
    SCORE.parent.mkdir(exist_ok=True)
    SCORE.write_text(as_markdown(whole))
    assert (started_warm(card), started_warm(cold)) == (WARM, set())


def an_attack(**more):
    return Attack(**{"name": "x", "line": "D", "tries": "t", "why": "w", "verdicts": ["AC"], **more})


@pytest.mark.parametrize(
    ("code", "more", "status", "seen"),
    [
        ("print('attempt')", {}, "contained", ""),
        ("print('hello')", {}, "not tried", "hello"),
        ("print('attempt'); raise SystemExit(3)", {}, "dishonest", "verdict RE, allowed AC"),
        ("print('attempt'); raise SystemExit(3)", {"succeeds": ["RE"]}, "not contained", "ended RE"),
        ("print('attempt')", {"syscall": "bpf"}, "dishonest", "names no call, not bpf"),
        ("import uuid; print('attempt'); print(uuid.uuid4())", {"twice": True}, "contained", ""),
        ("print('attempt'); print('same')", {"twice": True}, "not contained", "both runs printed 'same'"),
    ],
)
def test_an_answer_is_held_to_what_the_manifest_allows(port, code, more, status, seen):
    campaign = Campaign(Caller("127.0.0.1", port), find_instance(port))
    finding = campaign.attempt(Trial(an_attack(**more), "python", code, syscall=more.get("syscall", "")))
    assert (finding.status, seen in " ".join(finding.seen)) == (status, True), finding.seen


def test_an_attack_that_tells_the_secret_is_not_contained(port, monkeypatch):
    campaign = Campaign(Caller("127.0.0.1", port), find_instance(port))
    submit = Caller.submit

    def as_if_it_could_be_read(caller, language, code, **more):
        # What a payload would print if the root of its cell were the host's.
        path = Path(code.rpartition("# ")[2])
        return submit(
            caller, language, f"print('attempt', {path.read_text()!r})" if path.is_file() else code, **more
        )

    monkeypatch.setattr(Caller, "submit", as_if_it_could_be_read)
    finding = campaign.attempt(Trial(an_attack(), "python", "print('attempt') # @SECRET@"))
    assert (finding.status, len(finding.seen)) == ("not contained", 1)


def test_a_language_that_does_not_run_contains_nothing(port, monkeypatch):
    campaign = Campaign(Caller("127.0.0.1", port), find_instance(port))
    monkeypatch.setattr(campaign, "_runs", {"python": False, "bash": True})
    finding = campaign.attempt(Trial(an_attack(), "python", "print('attempt')"))
    assert (finding.status, finding.seen) == ("not tried", ["python runs no program here"])
    monkeypatch.setattr(campaign, "_runs", {"java": False, "bash": True})
    finding = campaign.attempt(Trial(an_attack(request="processors_of_their_own", needs="java"), "http", ""))
    assert (finding.status, finding.seen) == ("not tried", ["java runs no program here"])


def test_attacks_in_the_hosts_root_are_tried_in_the_version_that_has_it(port, monkeypatch):
    campaign = Campaign(Caller("127.0.0.1", port), find_instance(port))
    assert campaign.version_of_the_host == hosts_python(port)
    asked, executed = [], Caller.executed

    def noted(*about, **more):
        asked.append(more["version"])
        return executed(*about, **more)

    monkeypatch.setattr(Caller, "executed", noted)
    trial = Trial(an_attack(), "python", "print('attempt')", executed=True, of_the_host=True)
    status = campaign.attempt(trial).status
    assert (status, asked) == (
        ("contained", [hosts_python(port)]) if hosts_python(port) else ("not tried", [])
    )


def test_attacks_in_the_hosts_root_are_left_out_where_nothing_runs_in_it(port, monkeypatch):
    monkeypatch.setattr("cellblock.attacks.host_root._TELLS", "print('another root')")
    campaign = Campaign(Caller("127.0.0.1", port), find_instance(port))
    chosen = [trial for trial in trials(classes="G") if trial.language == "python"]
    assert [trial.of_the_host for trial in chosen] == [False, True]
    finding = campaign.attempt(chosen[1])
    assert (finding.status, finding.seen) == ("not tried", ["the host's Python is not offered"])
    card = front.attack("127.0.0.1", port, chosen)
    assert [each.trial for each in card.findings] == [chosen[0].name]


def test_a_mistake_proves_no_attack_on_a_compiler(port):
    chosen = [trial for trial in trials(classes="B") if trial.source]
    caller = Caller("127.0.0.1", port)
    said = {language: caller.submit(language, "mistake (") for language in {each.language for each in chosen}}
    assert {answer.json()["verdict"] for answer in said.values()} == {"RE"}
    with contextlib.closing(Ground()) as ground:
        assert [
            trial.name
            for trial in chosen
            if _tried(trial.attack, said[trial.language], fill(trial.proof, ground.values))
        ] == []


@pytest.mark.parametrize(
    ("line", "answer", "tried"),
    [
        ("B", {"error_message": "compilation failed", "stderr": "main.c:1: /x: No such file"}, True),
        ("B", {"error_message": "the compiler exceeded its memory limit"}, True),
        ("C", {"error_message": "the compiler exceeded its memory limit"}, False),
        ("B", {"error_message": "compilation failed", "stderr": "main.c:1: syntax error"}, False),
        ("B", {"stdout": "the compiler exceeded its memory limit"}, False),
    ],
)
def test_a_compilers_word_proves_an_attack_and_its_limit_one_on_compilers(line, answer, tried):
    assert _tried(an_attack(line=line), Answer(200, json.dumps(answer)), "/x: No such file") is tried


SPEAKS_TO_ITSELF = """
import socket
print("attempt", flush=True)
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname()).close()
"""


@pytest.mark.parametrize(("executed", "status"), [(False, "dishonest"), (True, "contained")])
def test_only_what_the_execute_api_runs_has_a_loopback_to_attack_by(port, executed, status):
    campaign = Campaign(Caller("127.0.0.1", port), find_instance(port))
    finding = campaign.attempt(Trial(an_attack(), "python", SPEAKS_TO_ITSELF, executed=executed))
    assert finding.status == status, finding.seen


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("print('attempt')", "contained"),
        ("print('hello')", "not tried"),
        ("print('attempt'); raise SystemExit(3)", "not contained"),
        ("print('attempt', flush=True); import os; os.kill(os.getpid(), 9)", "dishonest"),
    ],
)
def test_an_answer_of_the_execute_api_is_held_to_what_the_manifest_allows(port, code, status):
    campaign = Campaign(Caller("127.0.0.1", port), find_instance(port))
    finding = campaign.attempt(Trial(an_attack(succeeds=["RE"]), "python", code, executed=True))
    assert finding.status == status, finding.seen


def test_a_service_that_fails_the_next_run_is_found_out(port, monkeypatch):
    campaign = Campaign(Caller("127.0.0.1", port), find_instance(port))
    assert campaign.language_runs("python")
    monkeypatch.setattr(Caller, "submit", lambda *_, **__: Answer(503, json.dumps({"error": "queue full"})))
    finding = campaign.attempt(Trial(an_attack(), "python", "print('attempt')"))
    assert finding.status == "dishonest"
    assert any("the next run was answered 503" in line for line in finding.seen)


def test_a_cold_start_is_no_attack_on_warm_ones(free_port, time_scale, monkeypatch):
    with running_instance(free_port, *NOTHING_READY, time_scale=time_scale):
        campaign = Campaign(Caller("127.0.0.1", free_port), find_instance(free_port))
        assert campaign.language_runs("python")
        assert not campaign.starts_warm("python")
        trial = Trial(an_attack(), "python", "print('attempt')")
        assert campaign.attempt(trial).status == "contained"
        monkeypatch.setattr(campaign, "_warm", {"python": frozenset({"run"})})
        monkeypatch.setattr(campaign, "_make_ready", lambda *_: True)
        finding = campaign.attempt(trial)
        assert (finding.status, finding.seen, finding.warm) == ("not tried", [_COLD], False)
        monkeypatch.undo()
        monkeypatch.setattr(campaign, "_warm", {"python": frozenset({"run"})})
        monkeypatch.setattr("cellblock.attacks.campaign._READY_WITHIN_S", 1)
        finding = campaign.attempt(trial)
        assert (finding.status, finding.seen) == ("not tried", ["no cell waits for it"])


BEHIND = (sys.executable, str(Path(__file__).with_name("behind_a_filter.py")))


def test_what_a_filter_that_we_are_not_behind_may_have_refused_first_is_not_tried(
    free_port, time_scale, monkeypatch
):
    with running_instance(free_port, time_scale=time_scale, prefix=BEHIND):
        (keyctl,) = (trial for trial in trials() if trial.name == "D/keyctl/python")
        campaign = Campaign(Caller("127.0.0.1", free_port), find_instance(free_port))
        finding = campaign.attempt(keyctl)
        assert (finding.status, finding.warm) == ("not tried", True)
        assert "try it below the filter that is around the service" in finding.seen[0]
        succeeds = keyctl.source.replace("syscall(SYS_keyctl, 0, -3, 1)", "0")
        assert campaign.attempt(msgspec.structs.replace(keyctl, source=succeeds)).status == "dishonest"
        # Where nothing is known of a filter, it is what no cell may answer.
        monkeypatch.setattr(campaign, "_is_filtered", False)
        assert campaign.attempt(keyctl).status == "dishonest"


@pytest.mark.timeout(180)
def test_below_a_containers_filter_only_what_it_refuses_is_contained_though_not_named(free_port):
    """As in a container; there is no rule of ours for umount2, which a missing capability refuses as well."""
    below = str(Path(__file__).with_name("below_a_filter.py"))
    names = ("D/keyctl/python", "D/keyctl/c", "D/umount2/python", "D/umount2/c", "D/ptrace/traceme/c")
    command = [*BEHIND, sys.executable, below, str(free_port), "umount2", *names]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    unnamed = ["dishonest", "AC", "the evidence names no call, not umount2; verdict AC, allowed SIG"]
    assert {name: found[name][:2] for name in names if "umount2" not in name} == {
        "D/keyctl/python": ["contained", "AC"],
        "D/keyctl/c": ["contained", "AC"],
        "D/ptrace/traceme/c": ["contained", "SIG"],
    }
    for name in ("D/umount2/python", "D/umount2/c"):
        status, verdict, seen = found[name]
        assert [status, verdict, seen[: len(unnamed[2])]] == unnamed


@pytest.mark.timeout(300)
def test_of_every_call_that_must_be_named_it_is_told_whether_another_filter_is_first_and_none_is_made():
    named = [trial for trial in trials(classes="D") if trial.syscall]
    assert {trial.language for trial in named} == {"c", "python", "go", "rust"}
    assert {trial.name: outer.refuses(trial) for trial in named} == {trial.name: False for trial in named}


def test_a_call_that_has_no_name_here_is_not_made_to_find_out():
    trial = Trial(an_attack(), "python", "print('attempt'); raise SystemExit(0)", syscall="newer_than_this")
    assert outer.refuses(trial) is None
    assert outer.refuses(msgspec.structs.replace(trial, syscall="mount")) is True


@pytest.mark.parametrize(
    ("count", "line", "namespace", "told"),
    [
        ("1", [10, 1], "pid:[4026531836]", True),  # below us
        ("2", [10, 1], "pid:[4026531836]", False),
        ("1", [1], "pid:[4026531836]", False),  # another unit's filter, maybe
        ("1", [1], "pid:[4026532000]", True),  # in one container
        ("2", [1], "pid:[4026532000]", False),
        ("1", [1], "", False),
    ],
)
def test_a_filter_is_the_same_only_where_it_cannot_be_another(monkeypatch, count, line, namespace, told):
    monkeypatch.setattr(outer.proc, "status", lambda pid: {"Seccomp_filters": count if pid == 99 else "1"})
    monkeypatch.setattr(outer, "_line_of", lambda _: [os.getpid() if pid == 10 else pid for pid in line])
    monkeypatch.setattr(outer, "_namespace", lambda _: namespace)
    instance = Instance(parent=0, service=0, supervisor=99, first_uid=0)
    assert (outer.why_not_told(instance) == "") is told


@pytest.mark.parametrize(
    ("evidence", "what"),
    [
        ({"cgroup": {"memory_peak_bytes": 200 << 20, "memory_limit_bytes": 128 << 20}}, "memory"),
        ({"timing": {"cpu_ms": 9000}, "limits": {"cpu_ms": 4000}}, "CPU time"),
        ({"timing": {"wall_ms": 19_000}, "limits": {"wall_ms": 7000}}, "wall time"),
    ],
)
def test_a_run_that_passed_its_limit_is_named(evidence, what):
    (named,) = _beyond_limits(evidence)
    assert named.startswith(what)


def test_a_run_within_its_limits_is_not_named():
    group = {"memory_peak_bytes": 128 << 20, "memory_limit_bytes": 128 << 20}
    times = {"cpu_ms": 4000, "wall_ms": 7000}
    assert _beyond_limits({"cgroup": group, "timing": times, "limits": times}) == []


LEAVING = """
import ctypes, socket
inside = []
for _ in range(40):
    ctypes.CDLL(None).unshare(0x40000000)
    inside.append(socket.socket())
socket.send_fds(socket.socket(fileno={fd}), [b"x"], [each.fileno() for each in inside])
"""


@pytest.mark.parametrize("leaves", [False, True])
def test_a_network_namespace_that_a_socket_alone_keeps_is_growth(port, monkeypatch, leaves):
    """More of them than may still be there at first of what was before, and are taken apart meanwhile."""
    monkeypatch.setattr(front, "_SETTLES_WITHIN_S", 2 if leaves else 20)
    ours, theirs = socket.socketpair()
    kept = []

    def leave(_):
        subprocess.run(
            [sys.executable, "-c", LEAVING.format(fd=theirs.fileno())], pass_fds=[theirs.fileno()], check=True
        )
        kept.extend(socket.recv_fds(ours, 1, 40)[1])
        while kept and not leaves:
            os.close(kept.pop())

    (quick,) = (trial for trial in trials() if trial.name == "D/ptrace/traceme/python")
    with ours, theirs:
        card = front.attack("127.0.0.1", port, [quick], note=leave)
        for fd in kept:
            os.close(fd)
    assert card.failed == []
    named = [line.partition(":")[0] for line in card.growth]
    assert named == (["network namespaces that nobody is in"] if leaves else [])


def test_a_port_where_no_service_listens_is_refused(free_port):
    with pytest.raises(HostError, match=f"nobody listens on port {free_port}"):
        find_instance(free_port)


def test_a_port_where_something_else_listens_is_refused(free_port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        with pytest.raises(HostError, match=r"no supervisor beside it|not as it should be"):
            find_instance(free_port)


def doctor(*arguments):
    command = [sys.executable, "-m", "cellblock", "doctor", "--attack", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=110, env=dict(os.environ)
    )


def test_doctor_attacks_a_running_service_and_prints_a_dated_scorecard(port):
    done = doctor("--port", str(port), "--classes", "h", "--quick")
    assert done.returncode == 0, done.stderr + done.stdout
    first, *rest = done.stdout.splitlines()
    assert "cellblock" in first
    assert "Linux" in first
    assert "| H the API |" in done.stdout
    assert any(line.startswith("| all |") for line in rest)
    assert "contained  H/ids-that-are-guessed/http  4" in done.stderr


def test_doctor_refuses_classes_that_do_not_exist_and_services_that_are_not_there(free_port):
    wrong = doctor("--classes", "Z")
    assert (wrong.returncode, "expected letters of ABCDEFGHI" in wrong.stderr) == (2, True)
    absent = doctor("--port", str(free_port))
    assert (absent.returncode, "nobody listens on port" in absent.stderr) == (3, True)
