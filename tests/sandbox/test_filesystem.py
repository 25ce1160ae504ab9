"""What a program sees of files: a read-only system, an /etc that tells nothing, one place to write."""

from __future__ import annotations

import pwd
import socket

import msgspec
import pytest

from cellblock.languages.needs import Need
from cellblock.model import Profile, SourceFile, Verdict
from cellblock.sandbox import features
from cellblock.sandbox.template import Root
from sandbox.cells import MIB, engine_for, opened

ATTEMPT = """
import errno, json, os, shutil, stat, subprocess

def attempt(action, *arguments):
    try:
        action(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
"""


def test_only_the_known_places_are_mounted_and_none_is_more_open_than_meant(cells):
    lines = cells.observe('import json; print(json.dumps(open("/proc/self/mountinfo").read().splitlines()))')
    options: dict[str, set[str]] = {}
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        options[fields[4]] = {*fields[5].split(","), right.split(" ")[0]}
    nodes = {point for point in options if point.startswith("/dev/")} - {"/dev/shm"}
    writable = {"/proc": "proc", "/tmp": "tmpfs", "/box": "tmpfs", "/dev/shm": "tmpfs"}
    layers = {"/", *Root().layers(None)}
    assert set(options) == {*writable, *layers, "/dev", *nodes}
    for point, filesystem in {**writable, **dict.fromkeys(layers, "overlay")}.items():
        assert filesystem in options[point], point
    assert bool(nodes) == ("overlay" not in options["/dev"]) == (not cells.host._features.makes_nodes)
    assert all("nosuid" in flags for flags in options.values())
    assert all("nodev" in options[point] for point in {*writable, *layers})
    assert {point for point, flags in options.items() if "rw" in flags} == set(writable)
    assert {point for point, flags in options.items() if "noexec" not in flags} == {*layers, "/box"}
    assert {"noexec", "rw"} <= options["/tmp"] & options["/dev/shm"]


def test_mounts_tell_nothing_of_where_the_files_come_from(cells):
    lines = cells.observe('import json; print(json.dumps(open("/proc/self/mountinfo").read().splitlines()))')
    for line in lines:
        left, _, right = line.partition(" - ")
        filesystem, source, options = right.split(" ")
        point = left.split(" ")[4]
        assert filesystem in {"overlay", "tmpfs", "proc"} or point.startswith("/dev/"), line
        assert "/" not in source, line
        layers = options.partition("lowerdir=")[2].partition(",")[0]
        assert layers in {"", f"{point}:/out", "/:/out"}, line


@pytest.mark.parametrize(
    "directory", ["/", "/usr", "/usr/bin", "/usr/lib", "/etc", "/dev", "/proc", "/proc/self", "/bin", "/lib"]
)
def test_nothing_can_be_written_outside_the_work_area(cells, directory):
    seen = cells.observe(
        ATTEMPT
        + """
import sys
where = sys.argv[1]
print(json.dumps([attempt(open, f"{where}/new", "w"), attempt(os.mkdir, f"{where}/newdir"),
                  attempt(os.symlink, "x", f"{where}/newlink"), attempt(os.chmod, where, 0o777),
                  attempt(os.rename, where, "/box/stolen"), attempt(os.utime, where)]))
""",
        args=(directory,),
    )
    assert set(seen) <= {"EROFS", "EACCES", "EPERM", "ENOENT", "EXDEV", "EBUSY"}, seen


def test_existing_files_of_the_system_cannot_be_changed(cells):
    seen = cells.observe(
        ATTEMPT
        + """
paths = ["/usr/bin/python3", "/etc/passwd", "/etc/hosts", "/etc/ld.so.cache", "/bin/sh"]
results = [attempt(os.link, "/etc/passwd", "/box/copy")]
for path in paths:
    results += [attempt(open, path, "r+"), attempt(os.unlink, path), attempt(os.truncate, path, 0)]
print(json.dumps(results))
"""
    )
    assert set(seen) <= {"EROFS", "EACCES", "EPERM", "EXDEV"}, seen


@pytest.mark.parametrize(
    "path",
    [
        *("/sys", "/root", "/home", "/var", "/run", "/run/cellblock", "/boot", "/mnt", "/srv", "/opt"),
        *("/etc/shadow", "/etc/machine-id", "/etc/resolv.conf", "/etc/ssh", "/etc/ssl"),
        *("/proc/sys", "/proc/sysrq-trigger", "/proc/kmsg", "/proc/meminfo", "/proc/cpuinfo", "/proc/keys"),
        *(
            "/proc/1",
            "/proc/mounts/..",
            "/dev/mem",
            "/dev/kmsg",
            "/dev/tty",
            "/dev/console",
            "/dev/ptmx",
            "/dev/mqueue",
        ),
    ],
)
def test_what_a_program_has_no_business_with_is_not_there(cells, path):
    outcome = cells.run("import os, sys; os.stat(sys.argv[1])", args=(path,))
    assert outcome.verdict is Verdict.RE
    assert b"FileNotFoundError" in outcome.stderr or b"NotADirectoryError" in outcome.stderr


def test_devices_are_the_harmless_ones(cells):
    seen = cells.observe(
        ATTEMPT
        + """
numbers = {name: [os.major(os.stat(f"/dev/{name}").st_rdev), os.minor(os.stat(f"/dev/{name}").st_rdev)]
           for name in os.listdir("/dev") if stat.S_ISCHR(os.lstat(f"/dev/{name}").st_mode)}
full = attempt(lambda: os.write(os.open("/dev/full", os.O_WRONLY), b"x"))
read = [len(os.urandom(8)), len(open("/dev/zero", "rb").read(5)), open("/dev/null").read()]
print(json.dumps([sorted(os.listdir("/dev")), numbers, full, *read]))
"""
    )
    assert seen[0] == sorted(
        ["null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr", "shm"]
    )
    assert seen[1] == {"null": [1, 3], "zero": [1, 5], "full": [1, 7], "random": [1, 8], "urandom": [1, 9]}
    assert seen[2:] == ["ENOSPC", 8, 5, ""]


def test_without_the_right_to_make_nodes_devices_are_the_hosts_own(monkeypatch, time_scale):
    monkeypatch.setattr(features, "_has_capability", lambda number: number != features._MKNOD)
    with opened(time_scale) as cells:
        assert cells.host.problems == ()
        test_devices_are_the_harmless_ones(cells)
        test_a_devices_times_which_everybody_sees_cannot_be_changed(cells)
        test_only_the_known_places_are_mounted_and_none_is_more_open_than_meant(cells)


def test_of_the_further_directories_a_cell_has_those_of_its_runtime(time_scale, tmp_path):
    for name in ("one", "two"):
        tmp_path.joinpath(name).mkdir()
        tmp_path.joinpath(name, "file").write_text("content")
    root = Root(binds=tuple((str(tmp_path / name), f"/opt/{name}") for name in ("one", "two")))
    with opened(time_scale) as cells:
        cells.call(cells.host.set_roots({"further": root}))
        runtime = cells._runtime(Profile.JUDGE, {})
        file = msgspec.structs.replace(runtime.file, root="further", needs=(Need(component="one"),))
        runtime = msgspec.structs.replace(runtime, file=file)
        engine = engine_for(cells.settings, cells.host, runtime)
        listing = msgspec.structs.replace(
            runtime.version_command(), argv=("/bin/ls", "/opt/one", "/opt/two", "/opt")
        )
        outcome = cells.call(engine.run_command(runtime, listing))
    assert outcome.stdout == b"/opt:\none\ntwo\n\n/opt/one:\nfile\n\n/opt/two:\n"


def test_a_devices_times_which_everybody_sees_cannot_be_changed(cells):
    seen = cells.observe(
        ATTEMPT
        + """
names = ("null", "zero", "full", "random", "urandom")
print(json.dumps([attempt(os.utime, f"/dev/{name}") for name in names]))
"""
    )
    assert set(seen) <= {"EROFS", "EPERM", "EACCES"}


def test_etc_is_made_up_and_names_neither_host_nor_users(cells):
    seen = cells.observe(
        ATTEMPT
        + """
print(json.dumps({name: open(f"/etc/{name}", errors="replace").read() for name in os.listdir("/etc")
                  if os.path.isfile(f"/etc/{name}") and name not in ("ld.so.cache", "localtime", "gate.so")}))
"""
    )
    assert set(seen) == {"passwd", "group", "hosts", "hostname", "nsswitch.conf", "debian_version"} & {
        *seen,
        "passwd",
    }
    users = {line.split(":")[0] for line in seen["passwd"].splitlines()}
    hosts_users = {entry.pw_name for entry in pwd.getpwall()} - {"root"}
    assert users.isdisjoint(hosts_users)
    assert {name for name in users if name != "root"} == {
        f"cell{uid}" for uid in cells.host._block.program_uids
    }
    assert seen["hostname"] == "cellblock\n"
    assert socket.gethostname() not in seen["hosts"].split()
    assert set(seen["hosts"].split()) == {"127.0.0.1", "::1", "localhost"}


def test_programs_user_has_a_name(cells):
    seen = cells.observe(
        "import json, os, pwd; e = pwd.getpwuid(os.getuid()); print(json.dumps([e.pw_name, e.pw_dir]))"
    )
    assert seen[0].startswith("cell")
    assert seen[1] == "/box"


def test_program_starts_in_a_work_area_that_holds_just_its_files(cells):
    seen = cells.observe(
        ATTEMPT
        + """
found = sorted(os.path.join(where, name) for where, _, names in os.walk("/box") for name in names)
others = os.listdir("/tmp") + os.listdir("/dev/shm")
owners = {os.stat(path).st_uid for path in ["/box", "/box/data/deep", *found]}
print(json.dumps([os.getcwd(), found, open("data/deep/x.txt").read(), others, owners == {os.getuid()}]))
""",
        files=(SourceFile("data/deep/x.txt", b"content"), SourceFile("empty", b"")),
    )
    assert seen == ["/box", ["/box/data/deep/x.txt", "/box/empty", "/box/main.py"], "content", [], True]


def test_files_can_be_executed_in_the_work_area_only(cells):
    seen = cells.observe(
        ATTEMPT
        + """
found = {}
for where in ("/box", "/tmp", "/dev/shm"):
    shutil.copy("/bin/true", f"{where}/program")
    found[where] = attempt(subprocess.run, [f"{where}/program"])
print(json.dumps(found))
"""
    )
    assert seen == {"/box": "done", "/tmp": "EACCES", "/dev/shm": "EACCES"}


def test_files_outside_the_work_area_cannot_be_mapped_executable(cells):
    seen = cells.observe(
        ATTEMPT
        + """
import mmap
found = {}
for where in ("/box", "/tmp", "/dev/shm"):
    with open(f"{where}/code", "wb+") as file:
        file.write(bytes(4096))
        file.flush()
        protection = mmap.PROT_READ | mmap.PROT_EXEC
        found[where] = attempt(mmap.mmap, file.fileno(), 4096, mmap.MAP_PRIVATE, protection)
print(json.dumps(found))
"""
    )
    assert seen == {"/box": "done", "/tmp": "EPERM", "/dev/shm": "EPERM"}


def test_one_size_limit_holds_for_all_writable_places_together(cells):
    outcome = cells.observe(
        ATTEMPT
        + """
written, refused = {}, []
for where in ("/box", "/tmp", "/dev/shm"):
    written[where] = 0
    for number in range(12 if where != "/dev/shm" else 100):
        try:
            with open(f"{where}/{number}", "wb", buffering=0) as file:
                written[where] += file.write(bytes(256 * 1024))
        except OSError as error:
            refused.append(errno.errorcode[error.errno])
            break
print(json.dumps([written, refused]))
""",
        work_area_bytes=8 * MIB,
    )
    written, refused = outcome
    assert refused == ["ENOSPC"]
    assert written["/box"] == written["/tmp"] == 3 * MIB
    assert 7 * MIB <= sum(written.values()) <= 8 * MIB


def test_one_inode_limit_holds_for_all_writable_places_together(cells):
    made = cells.observe(
        ATTEMPT
        + """
made = {}
for where in ("/box", "/tmp", "/dev/shm"):
    made[where] = 0
    for number in range(30 if where != "/dev/shm" else 1000):
        if attempt(os.mkdir, f"{where}/{number}") != "done":
            break
        made[where] += 1
print(json.dumps(made))
""",
        work_area_inodes=100,
    )
    assert made["/box"] == made["/tmp"] == 30
    assert 90 <= sum(made.values()) < 100


def test_files_of_one_run_are_not_there_for_the_next(cells):
    left = cells.run('[open(f"{where}/left", "w").write("secret") for where in ("/box", "/tmp", "/dev/shm")]')
    assert left.verdict is Verdict.AC
    seen = cells.observe(
        'import json, os; print(json.dumps([os.listdir(w) for w in ("/box", "/tmp", "/dev/shm")]))'
    )
    assert seen == [["main.py"], [], []]
