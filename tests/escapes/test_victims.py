"""Without a pid namespace, processes of the program's own user are reached, and that is seen."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import textwrap
import time

import pytest

from cellblock.attacks import proc
from cellblock.attacks.caller import Caller
from cellblock.attacks.ground import Ground
from cellblock.attacks.instance import find_instance
from cellblock.attacks.manifest import trials
from escapes.seen import sees
from escapes.test_bare_others import OTHERS, in_namespaces, trial
from pace import TIME_SCALE

UNUSED_UID = 1_999_360

REACHING = [each for each in trials() if "@VICTIM_PIDS@" in each.source and each.language in {"c", "python"}]
SEVERAL = [UNUSED_UID + n for n in range(1, 6, 2)]


@pytest.mark.parametrize("attack", REACHING, ids=lambda each: each.name)
def test_in_the_pid_namespace_of_its_victims_a_program_ends_the_one_of_its_user(attack, tmp_path):
    (tmp_path / "payload.c").write_text(attack.source)
    # All in a pid namespace of the test's own, whose first process is deaf to signals from within.
    script = f"""
        import contextlib, pathlib, signal, subprocess, sys
        from cellblock.attacks.ground import Ground
        from cellblock.attacks.manifest import fill

        with contextlib.closing(Ground({SEVERAL})) as ground:
            nobody = "4194304"
            places = dict.fromkeys({OTHERS}, nobody) | ground.values
            source = fill(pathlib.Path("payload.c").read_text(), places)
            if {attack.language == "c"}:
                program = ["./payload"]
                subprocess.run(["cc", "-x", "c", "-o", "payload", "-"], input=source, text=True, check=True)
            else:
                program = ["/usr/bin/python3", "-c", source]
            who = dict(user={SEVERAL[1]}, group={SEVERAL[1]}, extra_groups=[])
            done = subprocess.run(program, capture_output=True, **who)
            assert b"attempt" in done.stdout, done.stderr
            print(*ground.turned(), sep="\\n")
    """
    (tmp_path / "holder.py").write_text(textwrap.dedent(script))
    for each in [tmp_path, *tmp_path.parents][:-2]:
        each.chmod(0o711)
    done = in_namespaces(f"{sys.executable} holder.py; true", tmp_path, "mount")
    # Of one user, and no other's: the others are kept from it by that alone.
    assert done.stdout.count("a process of the host was") == 1, done.stdout + done.stderr


IN_A_CELL = """
import contextlib, json, sys
from cellblock.attacks.ground import Ground
from cellblock.attacks.manifest import fill
from cellblock.sandbox import features
from sandbox.cells import opened

off, time_scale, source, nobody = json.loads(sys.argv[1])
flags = features.HostFeatures.clone_flags.fget
if off:
    features.HostFeatures.clone_flags = property(lambda host: flags(host) & ~features.CLONE_FLAGS["pid"])
with opened(time_scale, accept_missing="pid_namespace" if off else "") as cells:
    first = cells.host._block.first_uid
    with contextlib.closing(Ground(range(first + 1, first + 128, 2))) as ground:
        outcome = cells.run(fill(source, nobody | ground.values))
        assert b"attempt" in outcome.stdout, outcome.stderr
        print(json.dumps([outcome.evidence.controls_missing, ground.turned()]))
"""


@sees("C/stop-everyone", "I/kill")
@pytest.mark.parametrize("off", [True, False])
@pytest.mark.parametrize("name", ["C/stop-everyone/python", "I/kill/python"])
def test_a_cell_without_a_pid_namespace_reaches_a_process_of_its_user(name, off, tmp_path, time_scale):
    # In a pid namespace of the test's own, so that nobody else is there to be reached.
    about = json.dumps([off, time_scale, trial(name).source, dict.fromkeys(OTHERS, "4194304")])
    command = ["env", f"PYTHONPATH={os.pathsep.join(sys.path)}", sys.executable, "-c", IN_A_CELL, about]
    done = in_namespaces(f"{shlex.join(command)}; true", tmp_path, "mount")
    assert done.stdout, done.stderr
    missing, reached = json.loads(done.stdout.splitlines()[-1])
    assert missing == (["pid_namespace"] if off else [])
    assert [line[:31] for line in reached] == (["a process of the host was ended"] if off else [])


def test_victims_have_every_user_that_a_program_may_have(port):
    instance = find_instance(port)
    assert len(instance.program_uids) == 64
    answer = Caller("127.0.0.1", port).submit(
        "python", "import time; print(1, flush=True); time.sleep(1)", wait=False
    )
    seen = set()
    deadline_s = time.monotonic() + 20 * TIME_SCALE
    while not seen & set(instance.program_uids) and time.monotonic() < deadline_s:
        for pid in proc.descendants(instance.supervisor):
            seen.add(int(proc.status(pid).get("Uid", "-1").split()[0]))
    Caller("127.0.0.1", port).finished(answer.json()["id"])
    assert seen & set(instance.program_uids)
    with contextlib.closing(Ground(instance.program_uids)) as ground:
        users = [
            int(proc.status(int(pid))["Uid"].split()[0]) for pid in ground.values["VICTIM_PIDS"].split(", ")
        ]
        assert users == list(instance.program_uids)


def test_a_process_that_is_late_to_sleep_on_a_busy_machine_was_not_changed(monkeypatch):
    late = "import time\nwhile time.process_time() < 1: pass\ntime.sleep(3600)"
    monkeypatch.setattr("cellblock.attacks.ground._SLEEPER", (sys.executable, "-I", "-S", "-c", late))
    monkeypatch.setattr("cellblock.attacks.ground._SETTLED_S", 0.2)
    with contextlib.closing(Ground([os.getuid()])) as ground:
        monkeypatch.setattr("cellblock.attacks.ground._SETTLED_S", 10 * TIME_SCALE)
        pid = int(ground.values["VICTIM_PIDS"])
        while not proc.status(pid)["State"].startswith("S"):
            time.sleep(0.01)
        assert ground.turned() == []
