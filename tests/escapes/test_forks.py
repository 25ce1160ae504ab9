"""Where programs of one runtime are not kept apart, the attacks on warm starts succeed, and that is seen."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys

import pytest

from cellblock.attacks.caller import Answer
from cellblock.attacks.campaign import _said_by_both
from cellblock.attacks.ground import Ground
from cellblock.attacks.manifest import fill, trials
from escapes.bare_payloads import assert_seen, changed_bare, run_bare, trial
from escapes.seen import sees

NOBODYS = dict.fromkeys(("WAITING_PID", "WAITING_INIT_PID", "ZYGOTE_PID", "SPAWNER_PID"), "4194304")
NOBODYS["HELD_S"] = "1.5"

FORKING = """
import ctypes, io, os, sys, time

source = open("payload.py").read()
open_before = os.memfd_create("open before", 0)
fork = ctypes.CDLL(None).fork  # nothing in Python hears of it, as where it is not told


def run(said):
    sys.stdin = io.StringIO(said)
    exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})


def in_a_fork(said):
    sys.stdout.flush()
    child = fork()
    if child == 0:
        try:
            run(said)
            sys.stdout.flush()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


"""
ONE_THEN_ITS_FORK = "time.sleep = lambda _: None\nrun(f'first\\n{sys.argv[1]}\\n')\nin_a_fork('second\\n')\n"
TWO_FORKS = "in_a_fork(f'first\\n{sys.argv[1]}\\n')\nin_a_fork('second\\n')\n"


def forked(script, payload, directory, *arguments):
    (directory / "payload.py").write_text(fill(payload, NOBODYS))
    command = [sys.executable, "-c", FORKING + script, *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True, timeout=60)
    assert "attempt" in done.stdout, done.stderr
    return done.stdout


@sees("E/sibling")
@pytest.mark.parametrize(("way", "script"), [("memory", ONE_THEN_ITS_FORK), ("descriptors", TWO_FORKS)])
def test_a_fork_of_a_run_finds_what_that_run_has_kept(way, script, tmp_path):
    with contextlib.closing(Ground()) as ground:
        source = trial(f"E/sibling/{way}/python").source.replace("@HELD_S@", "0")
        assert ground.told(forked(script, source, tmp_path, ground.token))


def test_forks_of_one_that_has_seen_nothing_find_nothing_of_each_other(tmp_path):
    with contextlib.closing(Ground()) as ground:
        source = trial("E/sibling/memory/python").source.replace("@HELD_S@", "0")
        assert not ground.told(forked(TWO_FORKS, source, tmp_path, ground.token))


def test_in_one_pid_namespace_a_program_ends_its_sibling(tmp_path):
    (tmp_path / "main.py").write_text(fill(trial("E/sibling/harm/python").source, NOBODYS))
    script = f"""
        printf 'first\\nx\\n' | {sys.executable} main.py > first & first=$!
        until grep -q attempt first; do sleep 0.01; done
        printf 'second\\n' | {sys.executable} main.py > second
        wait $first
        echo "ended $?"
    """
    # The shell is pid 1 of the namespace, whom signals from within do not end.
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "ended 137" in done.stdout, done.stdout + done.stderr


@sees("E/inherited")
def test_what_was_inherited_is_found_and_spoken_to(tmp_path):
    (tmp_path / "main.py").write_text(trial("E/inherited/python").source)
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(os.memfd_create("request")) as memory:
        done = subprocess.run(
            [sys.executable, "main.py"], cwd=tmp_path, pass_fds=[theirs.fileno(), memory.fileno()],
            env={"CELLBLOCK_GATE": "fork:/box/main.py"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode != 0
        for found in ("socket:", "/memfd:request", "CELLBLOCK"):
            assert found in done.stderr
        assert ours.recv(100).startswith(b"j")


@sees("E/luck")
def test_forks_that_go_on_from_one_generator_draw_the_same(tmp_path):
    source = trial("E/luck/python").source
    said = forked("import random, uuid, tempfile\nrandom.random()\n" + TWO_FORKS, source, tmp_path, "x")
    _, first, second = said.split("attempt\n")
    alike = _said_by_both([Answer(200, json.dumps({"stdout": each})) for each in (first, second)])
    assert any(line.startswith("random ") for line in alike), said


@sees("E/layout-of-a-zygote")
def test_forks_of_one_have_its_layout_and_hashes(tmp_path):
    said = forked(TWO_FORKS, trial("E/layout-of-a-zygote/python").source, tmp_path, "x")
    _, first, second = said.split("attempt\n")
    alike = _said_by_both([Answer(200, json.dumps({"stdout": each})) for each in (first, second)])
    assert {line.split()[0] for line in alike} >= {"hash", "map"}, said


# ---- runtimes that boot in their cells: where one serves two programs, or is left something ----


def in_languages(attack):
    names = {each.language for each in trials() if each.name.startswith(f"E/{attack}/")} - {"python", "ruby"}
    quick = {"javascript", "csharp"}
    return [pytest.param(each, marks=[] if each in quick else pytest.mark.slow) for each in sorted(names)]


SERVES_TWO = {
    "java": """
class Main {{
    public static void main(String[] args) throws Throwable {{
        for (String said : new String[] {{"first\\n{token}\\n", "second\\n"}}) {{
            System.setIn(new ByteArrayInputStream(said.getBytes()));
            Payload.main(args);
        }}
    }}
}}

class Payload {{""",
    "csharp": """
class Program {{
    static void Main() {{
        foreach (var said in new[] {{"first\\n{token}\\n", "second\\n"}}) {{
            Console.SetIn(new StringReader(said));
            Payload.Run();
        }}
    }}
}}

class Payload {{""",
    "javascript": """
const real = require("node:fs");
for (const said of ["first\\n{token}\\n", "second\\n"]) {{
    const fs = {{ ...real, readFileSync: (path, how) => (path === 0 ? said : real.readFileSync(path, how)) }};
    new Function("require", {quoted})((name) => (name === "node:fs" ? fs : require(name)));
}}
""",
}
"""What stands where a payload's class begins, or around a quoted one."""


def serving_two(language, token):
    """Change a payload: one runtime runs it as the first of two programs, and then as the second."""
    server = SERVES_TWO["javascript" if language == "typescript" else language]

    def change(source):
        served = server.format(token=token, quoted=json.dumps(fill(source, VALUES)))
        if language == "java":
            return source.replace("\nclass Main {", served)
        if language == "csharp":
            return source.replace("\nclass Program {", served).replace(
                "    static void Main() {\n        var", "    internal static void Run() {\n        var"
            )
        return served

    return change


VALUES = {**NOBODYS, "HELD_S": "0"}


@pytest.mark.parametrize("language", in_languages("sibling/memory"))
@pytest.mark.parametrize("way", ["memory", "descriptors"])
def test_a_runtime_that_serves_two_programs_tells_one_what_the_other_has_kept(way, language, monkeypatch):
    left = "touch box/left; chmod 666 box/left"
    changed_bare(monkeypatch, lambda program: f"{left}; {program} 7<> box/left")
    with contextlib.closing(Ground()) as ground:
        ran = run_bare(f"E/sibling/{way}/{language}", VALUES, serving_two(language, ground.token))
        assert b"held" in ran.stdout, ran
        assert ground.told(ran.stdout.decode("latin-1")), ran


@pytest.mark.parametrize("language", in_languages("sibling/harm"))
def test_in_one_pid_namespace_a_program_that_booted_ends_another(language, monkeypatch):
    changed_bare(
        monkeypatch,
        lambda program: (
            f"""
            printf 'first\\nx\\n' | {program} > first 2>&1 & first=$!
            until grep -q held first; do sleep 0.05; done
            printf 'second\\n' | {program}
            wait $first
            echo "ended $?"
        """
        ),
    )
    ran = run_bare(f"E/sibling/harm/{language}", {**NOBODYS, "HELD_S": "60"})
    assert b"ended 137" in ran.stdout, ran


@pytest.mark.parametrize("language", in_languages("inherited"))
def test_what_a_booted_runtime_has_inherited_is_found(language, monkeypatch):
    clean = "/usr/bin/env -i -C /box"

    def with_leftovers(program):
        assert clean in program
        # Which is a parent that is not pid 1.
        return f"timeout 60 {program.replace(clean, f'{clean} CELLBLOCK_GATE=x')} 7< /sys/kernel/notes"

    changed_bare(monkeypatch, with_leftovers)
    ran = run_bare(f"E/inherited/{language}", {})
    assert_seen(f"E/inherited/{language}", ran)
    for found in (b"/sys/kernel/notes", b"CELLBLOCK", b"family"):
        assert found in ran.stderr


def said_twice(name, monkeypatch, around):
    """Return what two runs print alike that are run bare one after the other."""
    changed_bare(monkeypatch, around)
    _, *both = run_bare(name, {}).stdout.decode().split("attempt\n")
    return _said_by_both([Answer(200, json.dumps({"stdout": each})) for each in both])


@sees("E/layout")
@pytest.mark.parametrize("language", in_languages("layout"))
@pytest.mark.parametrize("how", ["", "setarch -R "])
def test_where_nobody_mixes_addresses_two_programs_print_the_same(how, language, monkeypatch):
    alike = said_twice(f"E/layout/{language}", monkeypatch, lambda each: f"{how}{each}; {how}{each}")
    assert any(line.startswith("map ") for line in alike) is bool(how)


ALWAYS_SEVEN = """
#include <string.h>
#include <sys/types.h>
ssize_t getrandom(void *there, size_t size, unsigned flags) { memset(there, 7, size); return (ssize_t)size; }
"""
"""What stands before the C library's, which Mono asks; Java reads a device, and Node can be told a seed."""


def of_one_draw(program, language, directory):
    """Have both of two runs draw the same."""
    if language == "java":
        return f"mount --bind /dev/zero dev/random; mount --bind /dev/zero dev/urandom; {program}; {program}"
    if language == "csharp":
        (directory / "seven.c").write_text(ALWAYS_SEVEN)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", "seven.so", "seven.c"], cwd=directory, check=True)
        program = program.replace("-C /box", "-C /box LD_PRELOAD=/box/seven.so")
        return f"cp {directory}/seven.so box; {program}; {program}"
    program = program.replace("bin/node", "bin/node --random-seed=1")
    return f"{program}; {program}"


@pytest.mark.parametrize("language", in_languages("luck"))
def test_two_programs_of_one_generator_draw_the_same(language, monkeypatch, tmp_path):
    alike = said_twice(f"E/luck/{language}", monkeypatch, lambda each: of_one_draw(each, language, tmp_path))
    sort = "secure " if language in {"java", "csharp"} else "random "
    assert any(line.startswith(sort) for line in alike), alike
