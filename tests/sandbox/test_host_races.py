"""Links, directories, FIFOs, sockets swapped under the paths that root works with: nothing else is touched.

The paths are those that a trace of ``cellblock run``, ``serve`` and ``keys`` shows as made, changed or opened
by root outside of cells: the data directory, the runtime directory with an instance's and its socket, private
directories, lease files, what an installation makes, cgroups, and processes by their number.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import pytest

from cellblock import config
from cellblock.app import children, places, private, privileges
from cellblock.errors import CellLostError, HostError
from cellblock.model import SourceFile, Verdict
from cellblock.sandbox import cgroups, controls, leases, read_back
from cellblock.sandbox.alive import is_alive
from cellblock.toolchains import components, place
from pace import TIME_SCALE
from sandbox.cells import until
from sandbox.swapping import ATTACKER_UID, Canary, swapped

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what root does is looked at")
ROUNDS = pytest.mark.parametrize(
    "rounds", [300, pytest.param(5_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
NOBODY = pwd.getpwuid(ATTACKER_UID)


@pytest.fixture
def directory() -> Iterator[Path]:
    """Reachable by every user, which pytest's own directories are not."""
    with tempfile.TemporaryDirectory(prefix="cellblock-races-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def canary(directory) -> Iterator[Canary]:
    made = Canary(directory)
    yield made
    made.close()


@pytest.fixture
def theirs(directory) -> Path:
    """A directory of somebody without rights."""
    path = directory / "theirs"
    path.mkdir()
    os.chown(path, ATTACKER_UID, ATTACKER_UID)
    return path


def repeat(rounds: int, action: Callable[[], object]) -> Counter[str]:
    """Do it so many times; returns how often it ended how."""
    ends: Counter[str] = Counter()
    for _ in range(rounds):
        try:
            action()
        except (HostError, OSError) as error:
            ends[type(error).__name__] += 1
        else:
            ends["done"] += 1
    return ends


def test_who_follows_paths_is_caught_by_the_witness(canary, theirs):
    """Without this, all others could pass because nobody swaps, or nobody looks."""

    def careless() -> None:
        (theirs / "data").mkdir(exist_ok=True)
        os.chown(theirs / "data", ATTACKER_UID, ATTACKER_UID)

    with swapped(theirs / "data", canary.file, canary.directory):
        for _ in range(20_000):
            with suppress(OSError):
                careless()
            if canary.touched():
                return
    pytest.fail("the canary was never touched")


@lru_cache
def settings_for(theirs: Path, **more: str) -> config.Settings:
    return config.load({"runtime_dir": str(theirs / "it"), "data_dir": str(theirs / "it"), **more}, {})


def give_data_dir(theirs: Path) -> None:
    privileges.give_directory(theirs / "it", NOBODY)


def give_data_dir_below(theirs: Path) -> None:
    privileges.give_directory(theirs / "it" / "below", NOBODY)


def make_instance_dir(theirs: Path) -> None:
    places.make_instance_dir(settings_for(theirs), NOBODY)


def make_runtime_dir(theirs: Path) -> None:
    places.make_runtime_dir(settings_for(theirs))


def listen_at_their_place(theirs: Path) -> None:
    """The instance's own directory is ours; the socket is said to be elsewhere."""
    settings = settings_for(
        theirs, runtime_dir=str(theirs.parent / "run"), supervisor_socket=str(theirs / "it")
    )
    places.make_instance_dir(settings, NOBODY)
    children.listen(settings.supervisor_socket, group_id=NOBODY.pw_gid).close()


def take_lease(theirs: Path) -> None:
    (theirs / "uids-0").unlink(missing_ok=True)
    (theirs / "uids-0").symlink_to(theirs / "it")
    os.close(leases._try_lock(theirs, 0))


def take_lease_in(theirs: Path) -> None:
    os.close(leases._try_lock(theirs / "it", 7))


REFUSED = [give_data_dir_below, make_instance_dir, make_runtime_dir, listen_at_their_place, take_lease]


@ROUNDS
@pytest.mark.parametrize("action", REFUSED, ids=lambda action: action.__name__)
def test_root_makes_and_gives_nothing_where_others_can_move_things(canary, theirs, action, rounds):
    with swapped(theirs / "it", canary.file, canary.directory):
        ends = repeat(rounds, lambda: action(theirs))
    assert canary.touched() == []
    assert ends["done"] == 0, ends
    assert "FileNotFoundError" not in ends


@ROUNDS
def test_data_directory_is_given_to_its_user_only_where_the_way_to_it_is_ours(canary, theirs, rounds):
    """What is theirs already, as it should be, stays so; nothing else is given."""
    with swapped(theirs / "it", canary.file, canary.directory):
        repeat(rounds, lambda: give_data_dir(theirs))
    assert canary.touched() == []


def test_data_directory_below_our_own_is_made_and_given(directory):
    path = directory / "ours" / "data"
    privileges.give_directory(path, NOBODY)
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (ATTACKER_UID, NOBODY.pw_gid, 0o700)
    assert path.parent.stat().st_uid == 0
    link = directory / "link"
    link.symlink_to("ours")
    path.chmod(0o755)
    privileges.give_directory(link / "data", NOBODY)
    assert path.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_refusal_names_the_step_that_others_may_change(directory, mode):
    open_to_all = directory / "open"
    open_to_all.mkdir()
    os.chown(open_to_all, 0, 50)
    open_to_all.chmod(mode)
    with pytest.raises(HostError, match=rf"{open_to_all}, of uid 0, can be changed .* chmod go-w"):
        privileges.give_directory(open_to_all / "data", NOBODY)
    assert not (open_to_all / "data").exists()


def test_link_of_somebody_else_is_not_followed_even_in_a_sticky_directory(directory, canary):
    shared = directory / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "data").symlink_to(canary.directory)
    os.lchown(shared / "data", ATTACKER_UID, ATTACKER_UID)
    with pytest.raises(HostError, match="can be changed by others"):
        privileges.give_directory(shared / "data", NOBODY)
    assert canary.touched() == []


def test_links_that_lead_to_each_other_are_refused(directory):
    (directory / "a").symlink_to("b")
    (directory / "b").symlink_to("a")
    with pytest.raises(HostError):
        privileges.give_directory(directory / "a" / "data", NOBODY)


# ---- what is removed or taken over ----


@pytest.mark.parametrize("name", ["private-self", "private-", "private-x", "private-²", "private--1"])
def test_sweep_takes_no_name_for_a_living_process(directory, name):
    (directory / name).mkdir()
    private._sweep(directory)
    assert not (directory / name).exists()


@ROUNDS
def test_what_a_jail_wrote_is_taken_over_without_following_it(canary, theirs, rounds):
    """Its files are nobody's while it works, and there may be others who are nobody."""
    special = canary.directory / "special"
    special.write_text("")
    special.chmod(0o4755)
    canary.touched()
    before = special.stat()
    files = theirs / "files"
    files.mkdir()
    (files / "deep").mkdir()
    os.chown(files / "deep", ATTACKER_UID, ATTACKER_UID)
    os.chown(files, ATTACKER_UID, ATTACKER_UID)
    with swapped(files / "deep" / "it", canary.file, canary.directory):
        for number in range(rounds):
            with suppress(OSError):
                components._give(files, ATTACKER_UID if number % 2 else 1)
            with suppress(OSError):
                place.measure_and_close(files)
            # The swapper may be kept out for a moment by what it no longer owns.
            os.chown(files / "deep", ATTACKER_UID, ATTACKER_UID)
    after = special.stat()
    assert (after.st_uid, after.st_mode, after.st_ctime_ns) == (0, before.st_mode, before.st_ctime_ns)
    assert canary.file.stat().st_uid == 0
    assert canary.directory.stat().st_uid == 0


def test_component_is_closed_to_others_while_it_is_made(directory, monkeypatch):
    seen = []

    def prepare(_need, files: Path, _tree: Path) -> None:
        seen.append((files.parent.stat().st_uid, files.parent.stat().st_mode & 0o777))

    class Need:
        prepare = ("x",)
        keep, pypi, npm, files, name = {}, (), (), {}, "it"

    monkeypatch.setattr(components, "_prepare", prepare)
    made = directory / "made"
    made.mkdir()
    installation = place.Place(directory / "toolchains")
    installation.path.mkdir()
    components.ComponentBuilder(installation, None).build(made, Need, "hash", directory, lambda _share: None)
    assert seen == [(0, 0o700)]


# ---- processes by their number ----


class Group:
    """Stands for a cgroup: ``cgroup.procs`` as two looks find it, and what was killed between."""

    def __init__(self, path: Path, *looks: str) -> None:
        self.path = path
        self.looks = list(looks)

    def __truediv__(self, _name: str) -> Group:
        return self

    def read_text(self, encoding: str) -> str:
        assert encoding == "ascii"
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


@contextmanager
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "60"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_sweep_kills_nobody_who_got_the_number_of_a_member(directory):
    with bystander() as process:
        cgroups._kill_members(Group(directory, f"{process.pid}\n", ""))
        assert process.poll() is None
        cgroups._kill_members(Group(directory, f"{process.pid}\n"))
        assert process.wait(10) == -signal.SIGKILL


def test_sweep_does_not_kill_itself_for_members_that_it_cannot_see():
    """A member outside of our pid namespace is listed as 0, which to kill() means our own group."""
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); os.setsid()\n"
        "from sandbox.test_host_races import Group, cgroups\n"
        "cgroups._kill_members(Group(None, '0\\n')); print('alive')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parents[1])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


@pytest.mark.parametrize("name", ["u²", "u", "u-1", "ux", "..", "u1/../../x", "x1"])
def test_name_of_no_instance_is_nobodys_lease(directory, name):
    with leases.lease_of_the_dead(name, directory) as is_dead:
        assert not is_dead
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("file", ["status", "limits", "mountinfo", "cgroup", "net/route"])
def test_cell_whose_spawner_is_killed_while_it_is_looked_at_is_lost_and_not_at_fault(
    cells, monkeypatch, file
):
    """What is lost is run again; and a process that ends has no network, and no mounts, to show."""
    read = controls.read_kernel_file

    def end_and_read(path):
        if path.endswith(f"/{file}"):
            os.kill(cells.spawner_pid, signal.SIGKILL)
            until(lambda: not is_alive(int(path.split("/")[2])), 10)
        return read(path)

    monkeypatch.setattr(controls, "read_kernel_file", end_and_read)
    with pytest.raises(CellLostError):
        cells.run_argv("/bin/true")
    monkeypatch.undo()
    cells.assert_nothing_is_left()
    cells.assert_next_run_works()


def test_process_that_ends_while_it_is_looked_at_is_not_judged_by_who_comes_after(cells, monkeypatch):
    """Its number may be another's by then: what was read counts only where it is still there afterwards."""
    look = read_back.take_snapshot

    def look_and_end(pid, cgroup, meant):
        seen = look(pid, cgroup, meant)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}").exists(), 10)
        return seen

    monkeypatch.setattr(read_back, "take_snapshot", look_and_end)
    with pytest.raises(CellLostError, match="cell step read_back failed: the program ended"):
        cells.run_argv("/bin/true")
    monkeypatch.undo()
    cells.assert_nothing_is_left()
    cells.assert_next_run_works()


# ---- what a compiler's cell leaves for the program's ----

SWAPPING_COMPILER = """
import os, sys
os.chdir("/out")
os.mkdir("stock"); os.mkfifo("stock/fifo"); os.mkdir("stock/directory"); os.symlink("{canary}", "stock/link")
os.symlink("/proc/self/root{canary}", "stock/magic"); os.symlink("/etc", "stock/etc")
import shutil; shutil.copy("/bin/true", "stock/program"); shutil.copy("/bin/true", "program")
import ctypes, itertools
swap = ctypes.CDLL(None).renameat2
if os.fork() == 0:
    for name in itertools.cycle(os.listdir("stock")):
        swap(-100, b"program", -100, b"stock/" + name.encode(), 2)
import time; time.sleep({pause_s})
os._exit(0)
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("rounds", [10, pytest.param(1000, marks=pytest.mark.slow)])
def test_artifact_that_is_swapped_until_its_cell_ends_reaches_nothing_of_the_host(cells, canary, rounds):
    verdicts = Counter()
    for number in range(rounds):
        code = SWAPPING_COMPILER.format(canary=canary.file, pause_s=number % 10 / 1000)
        outcome = cells.run_commands(
            ["/out/program"],
            compiler=["/usr/bin/python3", "/box/it.py"],
            files=(SourceFile("it.py", code.encode()),),
        )
        assert outcome.verdict is not Verdict.IE, outcome.error_message
        assert b"secret" not in outcome.stdout + outcome.stderr
        verdicts[outcome.verdict] += 1
    assert canary.touched() == []
    if rounds > 10:  # of a few, all may meet the same
        assert verdicts.keys() == {Verdict.AC, Verdict.RE}, verdicts
    cells.assert_nothing_is_left()


# ---- the data directory, whose content is its user's ----


@pytest.mark.parametrize("rounds", [1, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.timeout(600)
def test_root_commands_open_nothing_in_the_data_directory_as_root(canary, directory, rounds):
    """The service's user puts links to root's own in the place of the database."""
    user = privileges.find_user(config.load({}, {}).service_user)
    data = directory / "data"
    privileges.give_directory(data, user)
    command = [sys.executable, "-m", "cellblock", "keys", "list", "--data-dir", str(data)]
    with swapped(data / "cellblock.db", canary.file, canary.directory, user.pw_uid):
        for _ in range(rounds):
            subprocess.run(command, capture_output=True, check=False, timeout=60 * TIME_SCALE)
    assert canary.touched() == []
