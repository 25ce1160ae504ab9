"""Class A against a host that does what ours must not: it follows paths, asks a shell, waits for streams."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import subprocess
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest

from cellblock.attacks import machine
from cellblock.attacks.caller import Caller
from cellblock.attacks.ground import Ground
from cellblock.attacks.hostile import REQUESTS
from cellblock.attacks.instance import Instance
from cellblock.attacks.manifest import fill, trials
from escapes.bare_payloads import changed_bare, run_bare, trial
from escapes.seen import sees
from pace import TIME_SCALE
from sandbox.cells import processes_of, until

NOBODY = 65534
UNUSED_UID = 1_999_360


@pytest.fixture
def ground():
    with contextlib.closing(Ground()) as laid:
        yield laid


def source_of(name, ground):
    return fill(trial(name).source, ground.values)


# ---- A1: an engine that opens by path what a program left ----


FOLLOWS = """
import contextlib, os, time
PLACES = "main.py", "real/result"
with contextlib.suppress(FileNotFoundError):
    os.chmod("/box", 0o777)
deadline_s = time.monotonic() + {within_s}
def untouched():
    now = {{each: open({bait!r} + "/" + each).read() for each in os.listdir({bait!r}) if each != "socket"}}
    return now == {before!r}
while time.monotonic() < deadline_s and untouched():
    for place in PLACES:
        # It looks, and only then it opens: what is not a link now may be one a moment later.
        if place == "main.py" or not os.path.islink("/box/real"):
            with contextlib.suppress(OSError):
                os.write(os.open("/box/" + place, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK), b"x")
"""


def with_an_engine_that_follows(name, ground, directory):
    """Run a payload in a root of the test's own, and then, as root, what opens by path."""
    bait = ground.directories[0]
    engine = FOLLOWS.format(
        within_s=20 * TIME_SCALE,
        bait=str(bait),
        before={each.name: each.read_text() for each in bait.iterdir() if each.is_file()},
    )
    (directory / "payload").write_text(source_of(name, ground))
    (directory / "engine").write_text(engine)
    (directory / "root").mkdir()
    script = f"""
        set -e
        mount -t tmpfs none root
        mkdir -p root/usr root/box root/tmp root/dev/shm root/proc root/.{bait}
        for each in bin lib lib64; do ln -s usr/$each root/$each; done
        mount --rbind /usr root/usr; mount --bind {bait} root/{bait}; mount -t proc none root/proc
        chmod 1777 root/box root/tmp root/dev/shm
        cp payload root/box/main.py; cp engine root/engine; chown {NOBODY} root/box/main.py
        cat > root/start <<-END
            cd /box
            setpriv --reuid={NOBODY} --clear-groups /usr/bin/python3 main.py
            exec /usr/bin/python3 /engine
        END
        exec chroot root /bin/sh /start
    """
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", textwrap.dedent(script)],
        cwd=directory, capture_output=True, text=True, timeout=90 * TIME_SCALE, check=False,
    )  # fmt: skip
    assert "attempt" in done.stdout, done.stderr


@sees("A1/links", "A1/swaps")
@pytest.mark.parametrize("name", ["A1/links/python", "A1/swaps/python"])
def test_who_opens_by_path_what_a_program_left_writes_into_the_bait(name, ground, tmp_path):
    with_an_engine_that_follows(name, ground, tmp_path)
    assert ground.turned() == [f"files in {ground.directories[0]} changed"]


# What reads by path, from outside of the root and as root, once the program has ended; nothing holds it up.
READS = """
for n in $(seq 200); do
    for path in box/[mM]ain.?* box/std* tmp/stdin dev/shm/std*; do
        dd if=$path iflag=nonblock status=none
    done
done
find box tmp dev/shm -maxdepth 1 -printf 'left %p %y %n %l\\n'
find box/deep -printf 'depth %d\\n' 2> /dev/null | tail -n 1
"""
IN_SIX = [
    pytest.param(each, marks=[] if each in {"python", "c"} else pytest.mark.slow)
    for each in trial("A1/links/python").attack.payloads
]


@pytest.mark.parametrize("language", IN_SIX)
@pytest.mark.parametrize("name", ["links", "swaps"])
def test_who_reads_by_path_what_a_program_left_tells_the_secret(name, language, ground, monkeypatch):
    changed_bare(monkeypatch, lambda program: f"{program}; {READS}")
    said = run_bare(f"A1/{name}/{language}", ground.values).stdout.decode()
    assert ground.told(said)
    left = [line.split(maxsplit=4)[1:] for line in said.splitlines() if line.startswith("left ")]
    if name == "swaps":
        return
    for place in ("box", "tmp", "dev/shm"):
        here = [each[1:] for each in left if Path(each[0]).parent == Path(place)]
        assert {kind for kind, *_ in here} >= {"p", "s", "l"}
        # Two hard links to each link that tells the secret.
        assert here.count(["l", "2", ground.values["SECRET"]]) == 4
        for target in (f"{ground.values['CANARY_DIR']}/open", ground.values["CANARY_DIR"]):
            assert here.count(["l", "1", target]) == 2
    assert "depth 2001\n" in said


@sees("A1/streams")
@pytest.mark.parametrize("language", IN_SIX)
def test_beside_a_file_of_the_hosts_as_standard_output_a_program_reads_the_secret(
    language, ground, monkeypatch
):
    bait = ground.values["CANARY_DIR"]
    changed_bare(
        monkeypatch,
        lambda program: (
            f"mkdir .{bait}; mount --bind {bait} .{bait}; {program} >> {bait}/open; cat {bait}/open"
        ),
    )
    assert ground.told(run_bare(f"A1/streams/{language}", ground.values).stdout.decode())


def test_a_file_of_the_hosts_as_standard_output_is_changed(ground, tmp_path):
    (tmp_path / "main.py").write_text(source_of("A1/streams/python", ground))
    with (ground.directories[0] / "open").open("r+b") as output:
        # Not by a length of 1 TB: whoever looks at the bait reads it.
        subprocess.run(
            ["prlimit", "--fsize=1048576", "/usr/bin/python3", "-"], stdin=(tmp_path / "main.py").open(),
            stdout=output, stderr=subprocess.DEVNULL,  # not ours, or we could write to it no more
            user=NOBODY, group=NOBODY, cwd="/", timeout=60 * TIME_SCALE, check=True,
        )  # fmt: skip
    assert ground.turned() == [f"files in {ground.directories[0]} changed"]


# ---- A3: who waits for the end of a stream ----


@sees("A3/held-open")
def test_who_waits_for_the_end_of_a_stream_waits_for_orphans_and_they_are_seen(ground):
    source = source_of("A3/held-open/python", ground)
    user = UNUSED_UID + 1
    instance = Instance(parent=0, service=0, supervisor=0, first_uid=UNUSED_UID)
    program = subprocess.Popen(
        ["/usr/bin/python3", "-c", source], stdout=subprocess.PIPE, user=user, group=user, cwd="/"
    )
    try:
        assert program.wait(20 * TIME_SCALE) == 0
        until(lambda: machine.leftovers(instance)["processes"] == 3, 5 * TIME_SCALE)
        with pytest.raises(subprocess.TimeoutExpired):
            program.communicate(timeout=0.5)
    finally:
        for pid in processes_of(range(user, user + 1)):
            os.kill(pid, signal.SIGKILL)
    assert b"attempt" in program.communicate(timeout=10 * TIME_SCALE)[0], "without them it ends"


# ---- A2 and A4: a service that believes everything, and one that asks a shell ----


class Shelled(http.server.BaseHTTPRequestHandler):
    """Puts all that it is sent into commands of a shell."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with tempfile.TemporaryDirectory() as directory:
            answer = {"run": {"stdout": self.ran(body, directory)}}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def ran(self, body, directory):
        files = body.get("files") or [{"name": "main.py", "content": body["code"]}]
        for file in files:
            Path(directory, file["name"]).parent.mkdir(exist_ok=True)
            Path(directory, file["name"]).write_text(file["content"])
        names = " ".join(file["name"] for file in files)
        how = {"c": f"cc -o main {names} && ./main"}
        command = how.get(body["language"], f"{body['language']}3 main.py {' '.join(body.get('args', []))}")
        look = "" if body["language"] == "c" else f"ls {names}"
        done = [
            subprocess.run(
                ["/bin/sh", "-c", each], cwd=directory, input=body.get("stdin", ""), capture_output=True,
                text=True, timeout=20 * TIME_SCALE, check=False,
            )
            for each in (look, command)
        ]  # fmt: skip
        return done[1].stdout

    def log_message(self, *_):
        pass


@pytest.fixture
def shelled():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shelled)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield Caller("127.0.0.1", server.server_port)
    server.shutdown()
    serving.join()
    server.server_close()


BY_NAMES = sorted(trial.attack.request for trial in trials() if trial.attack.line == "A2")


@sees(*BY_NAMES)
@pytest.mark.parametrize("name", BY_NAMES)
def test_a_service_that_takes_every_file_name_is_found_out(name, credulous, ground):
    assert REQUESTS[name](credulous, ground, [])


@sees("shell_words_everywhere")
@pytest.mark.parametrize("name", ["file_names_that_are_odd", "shell_words_everywhere"])
def test_a_shell_between_a_request_and_its_program_reaches_the_bait(name, shelled, ground):
    REQUESTS[name](shelled, ground, [])
    assert ground.turned() == [f"files in {ground.directories[0]} changed"]


@sees("source_names_as_options")
def test_a_compiler_that_takes_names_of_sources_for_options_is_found_out(shelled, ground):
    wrong = REQUESTS["source_names_as_options"](shelled, ground, [])
    assert any("'-o.c' was taken for an option" in line for line in wrong), wrong
    assert any("'--version.c' was taken for an option" in line for line in wrong), wrong
