"""A data directory that is full, read-only, damaged or deleted: clear answers, nothing accepted is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cellblock.errors import StoreError
from cellblock.store import Database
from e2e.disks import assert_all_came_out, mount, ready, wait_until_ready
from e2e.instance import Instance, running_instance
from pace import TIME_SCALE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a whole instance is started as root")

DISK = "size=16m"
LEFT_BYTES = 1_000_000
LARGE = "print('x' * {size}, end='')"


@pytest.fixture
def disk():
    """A directory whose ``data`` is a disk of 16 MB."""
    with tempfile.TemporaryDirectory(prefix="cellblock-e2e-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        (directory / "data").mkdir()
        mount("-t", "tmpfs", "-o", DISK, "cellblock-test", directory / "data")
        try:
            yield directory
        finally:
            subprocess.run(["umount", "--lazy", directory / "data"], check=True)


@contextmanager
def ballast(directory: Path, left_bytes: int = LEFT_BYTES):
    """Fill the disk but for a little, and give the space back at the end."""
    path = directory / "data" / "ballast"
    try:
        with path.open("wb") as file:
            while True:
                try:
                    file.write(b"\0" * 65536)
                    file.flush()
                except OSError:
                    break
            file.truncate(os.fstat(file.fileno()).st_size - left_bytes)
        yield
    finally:
        path.unlink(missing_ok=True)


def submit_until_refused(instance: Instance, timeout_s: float) -> tuple[dict[str, str], httpx.Response]:
    """Stream submissions in; returns what each accepted one is to print, and the answer that ended it."""
    accepted: dict[str, str] = {}
    deadline_s = time.monotonic() + timeout_s
    number = 0
    while time.monotonic() < deadline_s:
        number += 1
        answer = instance.submit(f"print({number}) #{'x' * 60_000}", wait=False)
        if answer.status_code != 202:
            return accepted, answer
        accepted[answer.json()["id"]] = f"{number}\n"
    raise AssertionError(f"{number} were accepted by a full disk")


def test_full_disk_refuses_loses_nothing_and_goes_on_when_there_is_space(disk, free_port, time_scale):
    with running_instance(free_port, directory=disk, time_scale=time_scale) as instance:
        wait_until_ready(instance, 30 * time_scale)
        large = {
            instance.submit(f"import time; time.sleep(1); {LARGE.format(size=size)}", wait=False).json()[
                "id"
            ]: "x" * size
            for size in (2_000_000, 1_500_000)
        }
        with ballast(disk):
            accepted, refusal = submit_until_refused(instance, 20 * time_scale)
            assert refusal.status_code == 503
            assert refusal.headers["content-type"] == "application/json"
            assert int(refusal.headers["retry-after"]) >= 1
            assert refusal.json() == {"error": "the store's disk is full, try again later"}
            # Both results are there by now and cannot be kept; what keeps nothing runs all the same.
            deadline_s = time.monotonic() + 20 * time_scale
            while "store_failed" not in instance.log.read_text():
                assert time.monotonic() < deadline_s
                time.sleep(0.05)
            for _ in range(3):
                executed = httpx.post(
                    f"{instance.base_url}/v1/execute",
                    json={"language": "python", "code": "print(6 * 7)"},
                    timeout=20 * time_scale,
                )
                assert executed.status_code == 200, executed.text
                assert executed.json()["run"]["stdout"] == "42\n"
            unready = ready(instance)
            assert (unready.status_code, unready.json()) == (503, {"error": "the store's disk is full"})
            assert httpx.get(f"{instance.base_url}/api/health").status_code == 200
            for submission in large:
                record = httpx.get(f"{instance.base_url}/api/result/{submission}").json()
                assert record["completed_at"] is None
            service = instance.pid_of("service")
        assert len(accepted) > 2
        assert_all_came_out(instance, large | accepted, 20 * time_scale)
        wait_until_ready(instance, 10 * time_scale)
        assert instance.pid_of("service") == service
        assert instance.submit("print(1)").status_code == 200
        log = instance.log.read_text()
        assert f"free space on the disk of {disk / 'data'}" in log
        assert "Traceback" not in log


def test_service_killed_on_a_full_disk_finishes_what_it_accepted_once_there_is_space(
    disk, free_port, time_scale
):
    # Its log is on a full disk too.
    log = Path("/dev/full")
    with running_instance(free_port, directory=disk, time_scale=time_scale, log=log) as instance:
        wait_until_ready(instance, 30 * time_scale)
        with ballast(disk):
            accepted, _ = submit_until_refused(instance, 20 * time_scale)
            old = instance.pid_of("service")
            os.kill(old, signal.SIGKILL)
            instance.wait_for_other("service", old, timeout_s=5 * time_scale)
        assert len(accepted) > 2
        wait_until_ready(instance, 30 * time_scale)
        assert_all_came_out(instance, accepted, 30 * time_scale)
        assert instance.stop() == 0


def test_log_that_fills_the_disk_makes_room_again(disk):
    async def rewrite(database: Database, times: int) -> list[StoreError]:
        failures = []
        for number in range(times):
            try:
                await database.write(
                    lambda connection, number=number: connection.exec_driver_sql(
                        f"PRAGMA user_version={number}"
                    )
                )
            except StoreError as error:
                failures.append(error)
        return failures

    made = Database(disk / "data")
    made.open()
    made.close()
    database = Database(disk / "data")
    database.open()
    try:
        with ballast(disk):
            failures = asyncio.run(rewrite(database, 1000))  # of a page each: four times as much as is free
    finally:
        database.close()
    assert {failure.reason for failure in failures} == {"the store's disk is full"}
    assert len(failures) < 10


def test_start_on_a_full_disk_says_so(disk, free_port):
    give_to_service(disk / "data")
    with ballast(disk, left_bytes=0):
        said = refused_start(disk, free_port)
    assert "free space on the disk of" in said
    assert str(disk / "data" / "cellblock.db") in said


def test_start_on_a_read_only_disk_says_so(disk, free_port):
    mount("-o", "remount,ro", disk / "data")
    assert "make its file system writable" in refused_start(disk, free_port)
    mount("-o", "remount,rw", disk / "data")
    made = Database(disk / "data")
    made.open()
    made.close()
    give_to_service(disk / "data")
    (disk / "data").chmod(0o700)
    mount("-o", "remount,ro", disk / "data")
    said = refused_start(disk, free_port)
    assert f"make {disk / 'data'} and the files in it writable" in said


def test_start_with_damaged_files_names_them_and_what_to_do(disk, free_port):
    data = disk / "data"
    database, log = data / "cellblock.db", data / "cellblock.db-wal"
    opened = Database(data)
    opened.open()
    kept = {log: log.read_bytes()}
    opened.close()
    kept[database] = database.read_bytes()

    def damaged(path: Path, content: bytes) -> str:
        for changed, written in (kept | {path: content}).items():
            changed.write_bytes(written)
        give_to_service(data)
        said = refused_start(disk, free_port)
        assert str(path) in said
        return said

    garbage = os.urandom(4096)
    said = damaged(log, garbage + kept[log][4096:])
    assert f"move {log} away to go on without" in said
    kept[log] = b""
    said = damaged(database, garbage + kept[database][4096:])
    assert "restore a backup, or save what can be read" in said


def test_database_that_is_damaged_under_a_service_makes_it_wait_for_a_backup(disk, free_port, time_scale):
    data = disk / "data"
    with running_instance(free_port, directory=disk, time_scale=time_scale) as instance:
        wait_until_ready(instance, 30 * time_scale)
        accepted = {instance.submit("print(1)").json()["id"]: "1\n"}
        files = [data / f"cellblock.db{suffix}" for suffix in ("", "-wal", "-shm")]
        with halted(instance) as service:
            backup = {path: path.read_bytes() for path in files}
            for path in files:
                path.write_bytes(os.urandom(32768))
            os.kill(service, signal.SIGKILL)
        deadline_s = time.monotonic() + 20 * time_scale
        while instance.log.read_text().count("starts again") < 2:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        assert instance.process.poll() is None
        for path, whole in backup.items():
            path.write_bytes(whole)
        wait_until_ready(instance, 30 * time_scale)
        assert_all_came_out(instance, accepted, 20 * time_scale)
        log = instance.log.read_text()
        assert f"{files[1]} is damaged" in log
        assert "Traceback" not in log


def test_deleted_database_is_noticed_and_nothing_is_accepted_until_it_is_back(disk, free_port, time_scale):
    database = disk / "data" / "cellblock.db"
    with running_instance(free_port, directory=disk, time_scale=time_scale) as instance:
        wait_until_ready(instance, 30 * time_scale)
        accepted = {instance.submit("print(1)").json()["id"]: "1\n"}
        aside = database.rename(database.with_name("aside"))
        for answer in (instance.submit("print(2)", wait=False), instance.submit("print(2)")):
            assert answer.status_code == 503
            assert answer.json() == {"error": "the store's files are gone, try again later"}
        assert ready(instance).json() == {"error": "the store's files are gone"}
        executed = httpx.post(f"{instance.base_url}/v1/execute", json={"language": "python", "code": "1"})
        assert executed.status_code == 503
        assert executed.json()["error"]["code"] == "overloaded"
        assert not database.exists()
        aside.rename(database)
        wait_until_ready(instance, 5 * time_scale)
        assert instance.submit("print(3)").status_code == 200
        assert_all_came_out(instance, accepted, 5 * time_scale)

        for path in database.parent.glob("cellblock.db*"):
            path.unlink()
        assert instance.submit("print(4)").status_code == 503
        old = instance.pid_of("service")
        os.kill(old, signal.SIGTERM)
        instance.wait_for_other("service", old, timeout_s=10 * time_scale)
        wait_until_ready(instance, 30 * time_scale)
        assert instance.submit("print(5)").status_code == 200
        log = instance.log.read_text()
        assert f"{database} or its log was deleted or replaced" in log
        assert "Traceback" not in log


def give_to_service(directory: Path) -> None:
    """Make what root has put there the service's, which would refuse it otherwise."""
    for path in (directory, *directory.iterdir()):
        shutil.chown(path, "cellblock", "cellblock")


@contextmanager
def halted(instance: Instance):
    """Keep the service from touching its files meanwhile; yields its process id."""
    service = instance.pid_of("service")
    os.kill(service, signal.SIGSTOP)
    try:
        yield service
    finally:
        os.kill(service, signal.SIGCONT)


def refused_start(directory: Path, port: int) -> str:
    """Start ``cellblock serve``, which must end by itself; returns what it said."""
    command = [sys.executable, "-m", "cellblock", "serve", "--port", str(port)]
    command += ["--data-dir", str(directory / "data"), "--runtime-dir", str(directory / "run")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60 * TIME_SCALE, check=False)
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr
