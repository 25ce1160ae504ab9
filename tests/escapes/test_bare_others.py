"""Classes E, G, H and I without a cell, or with the one control off: what must be seen is seen."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import subprocess
import textwrap
from pathlib import Path

import pytest

from cellblock import config
from cellblock.attacks import host_root, proc, standing
from cellblock.attacks.caller import Answer, Caller
from cellblock.attacks.campaign import Campaign
from cellblock.attacks.ground import Ground
from cellblock.attacks.hostile import REQUESTS
from cellblock.attacks.instance import Instance, find_instance
from cellblock.attacks.manifest import Attack, Trial, fill, trials
from cellblock.engine.installation import TREE_ROOT, Installation
from cellblock.sandbox import leases, pool, template, zygotes
from corpus import bare
from e2e.instance import NOTHING_READY, running_instance
from escapes.bare_payloads import changed_bare, run_bare, trial
from escapes.seen import sees
from pace import TIME_SCALE
from sandbox.cells import opened
from sandbox.waiting import drop, prepare, refill_nothing

HELD_S = 6 * TIME_SCALE
"""Longer than a second program takes to start on a busy machine; the first ends with the test."""


OTHERS = (
    "SERVICE_PID",
    "SUPERVISOR_PID",
    "PARENT_PID",
    "SPAWNER_PID",
    "ZYGOTE_PID",
    "WAITING_INIT_PID",
    "WAITING_PID",
)


def an_attack(**more):
    return Attack(**{"name": "x", "line": "E", "tries": "t", "why": "w", "verdicts": ["AC"], **more})


def in_namespaces(script, directory, *kinds):
    """Run a shell script in namespaces of the test's own, which end with it."""
    alone = ["unshare", *(f"--{kind}" for kind in kinds), "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.run(
        [*alone, "/bin/sh", "-c", textwrap.dedent(script)],
        cwd=directory, capture_output=True, text=True, errors="replace", timeout=60 * TIME_SCALE, check=False,
    )  # fmt: skip


def node():
    settings = config.load({}, {})
    root = Installation(settings.toolchain_dir).reload()[TREE_ROOT]
    return next(source for source, target in root.binds if target == "/opt/node-24") + "/bin/node"


def command_for(language):
    """What makes a payload ready, and what runs it."""
    return {
        "python": ("true", "/usr/bin/python3 payload"),
        "javascript": ("true", f"{node()} payload"),
        "c": ("mv payload payload.c; cc -o main payload.c 2> /dev/null", "./main"),
    }[language]


def met(source, directory, *, token="", prepared="true", command="/usr/bin/python3 payload"):
    """Run both of two programs at once, as two runs would be without cells; returns what each said."""
    (directory / "payload").write_text(fill(source, {"HELD_S": str(HELD_S)}))
    script = f"""
        mount -t tmpfs none /dev/shm; cp * /dev/shm; cd /dev/shm
        mount -t tmpfs none /tmp; mount -t tmpfs none /run; ip link set lo up
        {prepared}
        printf 'first\\n{token}\\n' | {command} > first 2>&1 & first=$!
        for n in $(seq {400 * TIME_SCALE:.0f}); do grep -q -e held -e refused first && break; sleep 0.01; done
        echo second | timeout {20 * TIME_SCALE} {command} > second
        echo "ended $?" >> second
        kill $first
        cat first; echo ----; cat second
    """
    done = in_namespaces(script, directory, "mount", "net", "ipc")
    first, _, second = done.stdout.partition("----\n")
    assert "attempt" in first, done.stderr
    return first.splitlines(), second


def met_in_the_tree(way, monkeypatch, *, token=""):
    """Run both at once in the tree of the toolchains, for languages of which the host has no compiler."""

    def both(program):
        return f"""
            mkdir u w; mount -t overlay none -o lowerdir=$PWD/usr,upperdir=u,workdir=w usr
            chmod 666 usr/share/zoneinfo/Antarctica/Troll; ip link set lo up
            printf 'first\\n{token}\\n' | {program} > first & first=$!
            for n in $(seq {400 * TIME_SCALE:.0f}); do
                grep -q -e held -e refused first && break; sleep 0.05
            done
            echo second | timeout {20 * TIME_SCALE} {program} > second
            echo "ended $?" >> second
            kill $first
            cat first; echo ----; cat second
        """

    changed_bare(monkeypatch, both)
    ran = run_bare(way.name, {"HELD_S": str(HELD_S)}, only_in_memory)
    first, _, second = ran.stdout.decode(errors="replace").partition("----\n")
    assert "attempt" in first, ran
    return first.splitlines(), second


def only_in_memory(source):
    """Of the places with attributes leave one in the test's own memory: others would be this machine's."""
    return source.replace('"/usr/bin/env", "/usr", "/etc/passwd", "/dev/null", "/proc/self/exe", "/"', "")


HOST_RUNS = {"python", "c", "javascript"}


# ---- E: two programs without cells meet ----

WAYS = [each for each in trials() if each.name.startswith("E/partner/")]
OVER_USR = """
    mkdir u w; mount -t overlay none -o lowerdir=/usr,upperdir=u,workdir=w /usr
"""
"""What is written there is written to memory of the test's own."""


@sees("E/partner")
@pytest.mark.parametrize(
    "way",
    [pytest.param(way, marks=() if way.language in HOST_RUNS else pytest.mark.slow) for way in WAYS],
    ids=lambda way: f"{way.variant}-{way.language}",
)
def test_two_programs_in_one_set_of_namespaces_find_each_other(way, tmp_path, monkeypatch):
    with contextlib.closing(Ground()) as ground:
        if way.language in HOST_RUNS:
            source = only_in_memory(way.source)
            made, command = command_for(way.language)
            first, second = met(
                source, tmp_path, token=ground.token, prepared=OVER_USR + made, command=command
            )
        else:
            first, second = met_in_the_tree(way, monkeypatch, token=ground.token)
        assert "held" in first
        assert ground.told(second), (first, second)


@pytest.mark.parametrize("way", ["page_cache", "attributes"])
def test_whoever_may_not_write_says_that_it_was_refused(way, tmp_path):
    source = fill(trial("E/partner/page-cache/python").source.replace("page_cache()\nif", f"{way}()\nif"), {})
    read_only = OVER_USR + "mount -o remount,ro,bind /usr; mount -o remount,ro,bind /"
    first, second = met(source, tmp_path, token="x" * 32, prepared=read_only)
    assert "refused" in first
    assert "held" not in first
    assert "xxxx" not in second


SIGNALS = [
    each
    for each in trials()
    if each.name.startswith(
        ("E/kernel-", "E/device-locks/", "E/counters/", "E/locks/flock-usr/", "E/locks/record-usr/")
    )
]


@sees(*SIGNALS)
@pytest.mark.parametrize("attack", SIGNALS, ids=lambda each: each.name)
def test_two_programs_in_one_set_of_namespaces_signal_each_other(attack, tmp_path, monkeypatch):
    if attack.language in HOST_RUNS:
        made, command = command_for(attack.language)
        first, second = met(attack.source, tmp_path, prepared=OVER_USR + made, command=command)
    else:
        first, second = met_in_the_tree(attack, monkeypatch)
    assert "held" in first
    assert second == "attempt\nended 42\n"


def test_without_device_nodes_of_their_own_runs_meet_on_devices_and_that_is_known(free_port, time_scale):
    # Root without the capability MKNOD, as in a container: the very cells, but for their devices.
    without = ("setpriv", "--bounding-set", "-mknod")
    with running_instance(free_port, *NOTHING_READY, prefix=without, time_scale=time_scale) as instance:
        instance.submit_when_ready("print(1)", timeout_s=60 * time_scale)
        campaign = Campaign(Caller("127.0.0.1", free_port), find_instance(free_port))
        finding = campaign.attempt(trial("E/device-locks/flock-null/python"))
        other = campaign.attempt(trial("E/locks/flock-usr/python"))
    assert (finding.status, finding.seen) == ("not contained", ["it ended RE, as where it succeeds"])
    assert finding.open == trial("E/device-locks/flock-null/python").attack.open != ""
    assert other.status == "contained", other.seen


@sees("E/artifact")
def test_two_runs_of_one_artifact_meet_in_it(tmp_path):
    source = trial("E/artifact/c").source.replace("/out", "/dev/shm")
    build = "mv payload payload.c; cc -o main payload.c 2> /dev/null; mount --bind main main"
    first, second = met(source, tmp_path, token="x", prepared=build, command="/dev/shm/main")
    assert "held" in first
    assert second == "attempt\nended 42\n"


# ---- E: users of cells, where they are taken in a row ----


@sees("E/uids-in-a-row")
@pytest.mark.parametrize("drawn", [True, False])
def test_uids_that_are_lent_in_a_row_count_the_runs_between(drawn, monkeypatch, time_scale):
    if not drawn:
        monkeypatch.setattr(leases.secrets, "randbelow", lambda _: 0)
    with opened(time_scale) as cells:

        class Service:
            def submit(self, _, code):
                return Answer(200, json.dumps({"stdout": cells.run(code).stdout.decode()}))

        wrong = REQUESTS["uids_in_a_row"](Service(), None, [])
    assert [line[:28] for line in wrong] == ([] if drawn else ["uids told how many ran, and "]), wrong


def test_a_program_that_does_not_say_who_it_is_has_counted_nothing():
    answers = iter([Answer(200, '{"stdout": "1001\\n"}'), Answer(503, "busy")])

    class Service:
        def submit(self, *_):
            return next(answers, Answer(200, '{"stdout": "1003\\n"}'))

    assert REQUESTS["uids_in_a_row"](Service(), None, []) == ["a program did not say who it is: busy"]


# ---- E: what a run has left to a process is found ----

LEFT = {
    "umask 022": "umask 0; ulimit -S -f 1000; touch dev/shm/left; renice -n 3 -p $$ > /dev/null",
    "/usr/bin/env -i -C /box": "/usr/bin/env --block-signal=USR1 -i -C /box LEFT=1",
}


@sees("E/state")
@pytest.mark.parametrize("language", [each.language for each in trials() if each.name.startswith("E/state/")])
def test_what_was_left_to_a_process_is_found_by_it(language, compilers, monkeypatch):
    written = bare._script

    def with_leftovers(*about):
        script = written(*about)
        for clean, left in LEFT.items() if about[-1] == "ro" else ():
            assert clean in script
            script = script.replace(clean, left)
        return script

    monkeypatch.setattr(bare, "_script", with_leftovers)
    ran = compilers.run(language, trial(f"E/state/{language}").source)
    assert ran.exit_code == 42, ran
    said = ran.stdout.decode()
    for left in ("umask", "nice", "file size", "pid", "LEFT"):
        assert left in said
    assert "blocked signals" in said or language in {"javascript", "ruby"}, "which clear them by themselves"
    assert "files" in said or "/dev/shm/left" in said
    assert "cpu time" not in said


@pytest.mark.parametrize("language", [each.language for each in trials() if each.name.startswith("E/state/")])
def test_what_a_run_leaves_is_found_by_the_next_where_one_shell_starts_both(language, monkeypatch):
    def by_one_shell(program):
        root, env, command = program.partition("/usr/bin/env")
        return f"{root} /bin/sh -c {shlex.quote(f'{env}{command}; {env}{command}')}"

    changed_bare(monkeypatch, by_one_shell)
    ran = run_bare(f"E/state/{language}", {})
    assert ran.exit_code == 42, ran
    first, second = ran.stdout.decode().split("attempt\n")[1:]
    assert first == "", "it finds nothing"
    assert "nice" in second
    assert "files" in second or "/tmp/left" in second
    for limit in ("open files", "file size") if language != "ruby" else ():
        assert limit in second


TO_THE_NEXT = {
    "python": (
        "        except OSError:\n            if pid == os.getpid():\n                raise\n",
        "os.execv('/usr/bin/python3', ['x', '/box/main.py'])\n",
    ),
    "c": (
        "return left ? left : leave();",
        'if (left || leave()) return left; execl("/out/main", "x", NULL);',
    ),
}
"""How a payload ends, and what it does then where one process serves two programs."""


@pytest.mark.parametrize("language", sorted(TO_THE_NEXT))
def test_what_a_run_leaves_is_found_by_the_next_of_its_process(language, monkeypatch):
    end, goes_on = TO_THE_NEXT[language]

    def for_two(source):
        assert end in source
        return source.replace(end, goes_on if language == "c" else end + goes_on)

    changed_bare(monkeypatch, str)
    ran = run_bare(f"E/state/{language}", {}, for_two)
    assert ran.exit_code == 42, ran
    for left in ("umask", "blocked signals", "nice", "open files", "file size"):
        assert left in ran.stdout.decode()


# ---- G: a search finds what is the service's ----


@pytest.mark.parametrize(
    "language", sorted({trial.language for trial in trials() if "/search/" in trial.name})
)
def test_a_search_beside_the_services_directories_finds_them(language, compilers):
    bait = str(compilers.bait)
    values = {**dict.fromkeys(OTHERS, "4194304"), "SECRET": f"{bait}/secret", "SOCKET": f"{bait}/none",
              "DATA_DIR": bait, "RUNTIME_DIR": bait}  # fmt: skip
    ran = compilers.run(language, fill(trial(f"G/search/{language}").source, values))
    assert ran.exit_code == 42, ran
    assert compilers.ground.told(ran.stdout.decode()), ran
    elsewhere = dict.fromkeys(("DATA_DIR", "RUNTIME_DIR", "SECRET"), "/nonexistent")
    ran = compilers.run(language, fill(trial(f"G/search/{language}").source, {**values, **elsewhere}))
    # That in Python walks through all of the root besides.
    assert ran.exit_code == (42 if language == "python" else 0), ran


@pytest.mark.parametrize("copied", [False, True])
def test_a_search_tells_what_of_the_hosts_etc_only_some_may_read_where_it_is_copied(
    copied, monkeypatch, time_scale
):
    monkeypatch.setattr(template, "_ETC_COPIES", ("shadow",))
    if copied:
        monkeypatch.setattr(template, "_is_everyones", lambda *_: True)
    nowhere = dict.fromkeys(("SECRET", "SOCKET", "DATA_DIR", "RUNTIME_DIR"), "/nonexistent")
    source = fill(trial("G/search/host/python").source, {**dict.fromkeys(OTHERS, "4194304"), **nowhere})
    with opened(time_scale) as cells:
        said = cells.run(source).stdout.decode(errors="replace")
    ours = Instance(parent=0, service=0, supervisor=os.getpid(), first_uid=0)
    digests = host_root.digests_of_what_only_some_may_read(ours)
    assert said.startswith("attempt")
    assert any(digest in said for digest in digests) is copied


@pytest.mark.parametrize(
    ("modes", "private"),
    [
        ((0o755, 0o755, 0o755, 0o644), False),
        ((0o755, 0o755, 0o755, 0o640), True),
        ((0o755, 0o755, 0o700, 0o644), True),
        ((0o755, 0o700, 0o755, 0o644), True),
        ((0o755, 0o755, 0o711, 0o644), True),  # by its name only, and a copy tells that
        ((0o755, 0o755, 0o754, 0o644), True),
        ((0o700, 0o755, 0o755, 0o644), True),
    ],
)
def test_what_lies_where_not_everybody_comes_is_not_everybodys_either(modes, private, monkeypatch, tmp_path):
    way = [tmp_path / "etc", tmp_path / "etc/a", tmp_path / "etc/a/b", tmp_path / "etc/a/b/file"]
    way[2].mkdir(parents=True)
    way[3].write_text("told")
    (tmp_path / "etc/another").write_text("something else")
    for path, mode in zip(way, modes, strict=True):
        path.chmod(mode)
    monkeypatch.setattr(host_root, "_root_of", lambda _: tmp_path)
    ours = Instance(parent=0, service=0, supervisor=os.getpid(), first_uid=0)
    digest = hashlib.sha256(b"told").hexdigest()
    assert (digest in host_root.digests_of_what_only_some_may_read(ours)) is private
    # Where a file that everybody may read says the same, it is no secret.
    (tmp_path / "etc/another").write_text("told")
    assert (digest in host_root.digests_of_what_only_some_may_read(ours)) is (private and modes[0] == 0o700)


@pytest.mark.parametrize("name", ["CELLBLOCK_METRICS_TOKEN", "OPERATORS_SECRET"])
def test_an_answer_that_tells_what_is_in_our_environment_is_not_contained(name, port, monkeypatch):
    instance = find_instance(port)
    secret = instance.environment[name]
    assert secret in instance.secrets
    for pid in (instance.parent, instance.supervisor, instance.service):
        assert secret in proc.text(Path(f"/proc/{pid}/environ"))
    submit = Caller.submit

    def as_if_it_could_be_read(caller, language, code, **more):
        return submit(
            caller, language, f"print('attempt', '{secret}')" if "payload" in code else code, **more
        )

    monkeypatch.setattr(Caller, "submit", as_if_it_could_be_read)
    finding = Campaign(Caller("127.0.0.1", port), instance).attempt(Trial(an_attack(), "python", "payload"))
    assert (finding.status, len(finding.seen)) == ("not contained", 1), finding.seen


def test_payloads_are_given_the_real_places_of_the_service(port):
    instance = find_instance(port)
    there = standing.look(instance)
    values = Campaign(Caller("127.0.0.1", port), instance)._values(there)
    assert Path(values["DATA_DIR"], "cellblock.db").is_file()
    assert Path(values["SOCKET"]).is_socket()
    assert list(Path(values["RUNTIME_DIR"]).iterdir())


# ---- E: who comes long after the last learns nothing of it ----


def test_a_zygote_that_is_old_starts_nobodys_program_warm(time_scale, monkeypatch):
    with opened(time_scale, warm_starts="true", pool_cells_max="4") as cells:
        monkeypatch.setattr(pool.Pool, "_refill", refill_nothing)
        prepare(cells)
        drop(cells)
        assert cells.run("print(1)").evidence.warm_start
        monkeypatch.setattr(zygotes, "_AGE_MAX_S", 0.0)
        assert not cells.run("print(1)").evidence.warm_start


# ---- F: a service that posts to this machine ----


@sees("F/webhooks-that-point-inward")
def test_a_service_that_posts_results_to_this_machine_is_seen_to(free_port, time_scale):
    flags = (*NOTHING_READY, "--allow-localhost-webhooks")
    with running_instance(free_port, *flags, time_scale=time_scale) as instance:
        instance.submit_when_ready("print(1)", timeout_s=60 * time_scale)
        finding = Campaign(Caller("127.0.0.1", free_port), find_instance(free_port)).attempt(
            trial("F/webhooks-that-point-inward/http")
        )
    assert finding.status == "not contained"
    assert {"the host's tcp socket was reached", "the host's tcp6 socket was reached"} <= set(finding.seen)
    assert any("http://127.1:" in line for line in finding.seen)
