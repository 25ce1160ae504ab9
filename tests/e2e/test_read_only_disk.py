"""A disk that becomes read-only below a running service: so the kernel answers errors in it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from e2e.disks import assert_all_came_out, mount, ready, wait_until_ready
from e2e.instance import running_instance
from pace import TIME_SCALE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a file system is mounted, as root")

IMAGE_BYTES = 64 * 1024 * 1024
CORRECTED = 1
"""What e2fsck answers where it mended something."""


class Disk:
    """An ext4 in a file, mounted at ``directory/data``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self._image = directory / "image"
        self.data.mkdir()
        with self._image.open("wb") as image:
            image.truncate(IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", self._image], check=True)
        self._mount()
        (self.data / "lost+found").rmdir()  # the service takes over directories that are empty

    def fail(self) -> None:
        """Have the kernel find an error: every write is EROFS from then on, also to open files."""
        device = Path(subprocess.check_output(["findmnt", "-no", "SOURCE", self.data], text=True).strip())
        Path("/sys/fs/ext4", device.name, "trigger_fs_error").write_text("1")

    def repair(self) -> None:
        """Do what an operator does, when no file is open any more."""
        subprocess.run(["umount", self.data], check=True)
        checked = subprocess.run(["e2fsck", "-p", "-f", self._image], capture_output=True, check=False)
        assert checked.returncode in {0, CORRECTED}, checked.stdout
        self._mount()

    def _mount(self) -> None:
        mount("-o", "loop,errors=remount-ro", self._image, self.data)


@pytest.fixture
def disk():
    with tempfile.TemporaryDirectory(prefix="cellblock-e2e-") as name:
        directory = Path(name)
        directory.chmod(0o711)
        made = Disk(directory)
        try:
            yield made
        finally:
            subprocess.run(["umount", "--lazy", made.data], check=True)


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json() == {"error": "the store is read-only, try again later"}


def test_disk_that_becomes_read_only_refuses_loses_nothing_and_is_used_again_when_repaired(
    disk, free_port, time_scale
):
    short = ("--drain-timeout-ms", "1000")  # it would wait for a store that takes results again
    with running_instance(free_port, *short, directory=disk.directory, time_scale=time_scale) as instance:
        wait_until_ready(instance, 30 * time_scale)
        finished = instance.submit("print('before')").json()["id"]
        accepted = {
            instance.submit(f"import time; time.sleep(1); print({number})", wait=False).json()[
                "id"
            ]: f"{number}\n"
            for number in range(8)
        }
        disk.fail()
        assert_refused(instance.submit("print(1)", wait=False))
        assert_refused(instance.submit("print(1)"))
        unready = ready(instance)
        assert (unready.status_code, unready.json()) == (503, {"error": "the store is read-only"})
        assert httpx.get(f"{instance.base_url}/api/health", timeout=60 * TIME_SCALE).status_code == 200
        # Behind the others in the queue: when it is answered, there are results that cannot be kept.
        executed = httpx.post(
            f"{instance.base_url}/v1/execute",
            json={"language": "python", "code": "print(6 * 7)"},
            timeout=30 * time_scale,
        )
        assert (executed.status_code, executed.json()["run"]["stdout"]) == (200, "42\n")
        record = httpx.get(f"{instance.base_url}/api/result/{finished}", timeout=60 * TIME_SCALE)
        assert (record.status_code, record.json()["stdout"]) == (200, "before\n")
        assert f"make {disk.data} and the files in it writable" in instance.log.read_text()

        assert instance.stop() == 0
        assert "Traceback" not in instance.log.read_text()
    disk.repair()
    with running_instance(free_port, directory=disk.directory, time_scale=time_scale) as instance:
        wait_until_ready(instance, 30 * time_scale)
        assert_all_came_out(instance, accepted | {finished: "before\n"}, 30 * time_scale)
        assert instance.submit("print('after')").status_code == 200
