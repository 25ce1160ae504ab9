"""What the machine boots: Debian's kernel, and an initramfs with the modules that reach the host's files."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUSYBOX = Path("/bin/busybox")
KERNEL_META_PACKAGE = "linux-image-amd64"  # the cloud image has no 9p
HOST_TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "newuidmap": "uidmap",
}
HOSTS_TOOLS = {
    "crun": "crun",
    "mmdebstrap": "mmdebstrap",
    "systemctl": "systemd",
    "apparmor_parser": "apparmor",
}
CONTAINER_PACKAGES = "python3,libseccomp2"
SERVICE_USER = "cellblock"
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")


class ImageError(Exception):
    """The kernel or a host tool could not be had; the message says which and what to do."""


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel package."""

    directory: Path
    release: str

    @property
    def vmlinuz(self) -> Path:
        """The bootable kernel."""
        return self.directory / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        """Where its modules and `modules.dep` are."""
        return self.directory / "lib" / "modules" / self.release


def install_host_tools(*, every_kind: bool) -> None:
    """Install from Debian what the machine is made of, and with ``every_kind`` what kinds of hosts are of."""
    if platform.machine() != "x86_64":
        raise ImageError(
            "its kernel is for x86_64, and the guest runs this host's own programs, "
            f"which are for {platform.machine()}: run it on x86_64"
        )
    tools = HOST_TOOLS | (HOSTS_TOOLS if every_kind else {})
    missing = [package for tool, package in tools.items() if shutil.which(tool) is None]
    if not missing:
        return
    if os.geteuid() != 0:
        raise ImageError(f"missing {' '.join(missing)}: run as root `apt-get install {' '.join(missing)}`")
    _run("apt-get", "update")
    _run("apt-get", "install", "-y", "--no-install-recommends", *missing)


def kernel(cache: Path, suite: str = "") -> Kernel:
    """Return the cached kernel of a Debian suite, the host's by default; fetch it where there is none.

    Nothing is installed on the host. Delete `cache` to get a newer kernel.
    """
    if not cache.exists():
        _fetch_kernel(cache, suite)
    releases = [path.name.removeprefix("vmlinuz-") for path in (cache / "boot").glob("vmlinuz-*")]
    if len(releases) != 1:
        raise ImageError(f"{cache} holds {len(releases)} kernels, wanted one: delete it to get a new one")
    return Kernel(cache, releases[0])


def container_root(target: Path) -> None:
    """Make the root of the containers under test, once: Debian with what a cellblock of this tree needs."""
    users = target / "etc" / "passwd"
    if users.exists() and SERVICE_USER in users.read_text().split(":"):
        return
    shutil.rmtree(target, ignore_errors=True)
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    _run("mmdebstrap", "--variant=minbase", f"--include={CONTAINER_PACKAGES}", "bookworm", part)
    _run("chroot", part, "useradd", "--system", "--user-group", SERVICE_USER)
    part.rename(target)


def compile_modules(project: Path) -> None:
    """Leave the bytecode of all modules and tests: the guest can keep none, and takes 25 times as long.

    What fails here fails there too, and is told there.
    """
    python = str(project / ".venv" / "bin" / "python")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for arguments in (("compileall", "-q", "src"), ("pytest", "--collect-only", "-q", "tests")):
        command = (python, "-m", *arguments)
        subprocess.run(command, cwd=project, env=environment, capture_output=True, check=False)


def write_initramfs(kernel: Kernel, target: Path) -> None:
    """Write an uncompressed cpio archive: `init`, BusyBox, and MODULES with what they need."""
    with tempfile.TemporaryDirectory(prefix="initramfs-", dir=target.parent) as name:
        tree = Path(name)
        module_tree = tree / "lib" / "modules" / kernel.release
        for module in _with_dependencies(kernel, MODULES):
            destination = module_tree / module
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kernel.modules / module, destination)
        for index in ("modules.dep", "modules.builtin"):
            shutil.copyfile(kernel.modules / index, module_tree / index)
        for directory in ("bin", "dev"):
            (tree / directory).mkdir()
        shutil.copy(BUSYBOX, tree / "bin" / "busybox")
        shutil.copyfile(HERE / "init", tree / "init")
        (tree / "init").chmod(0o755)
        names = sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))
        archive = _run(BUSYBOX, "cpio", "-o", "-H", "newc", cwd=tree, stdin="\n".join(names).encode())
        target.write_bytes(archive)


def _fetch_kernel(cache: Path, suite: str) -> None:
    """Unpack the kernel package beside `cache`, then rename: a half-unpacked kernel is never used."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kernel-", dir=cache.parent) as name:
        directory = Path(name)
        apt = _apt_of(suite, directory / "apt") if suite else ()
        if suite or os.geteuid() == 0:
            _run("apt-get", *apt, "update")
        depends = _run("apt-cache", *apt, "depends", "--important", KERNEL_META_PACKAGE).decode()
        package = re.search(r"Depends: (linux-image-\S+)", depends)
        if package is None:
            raise ImageError(
                f"apt knows no {KERNEL_META_PACKAGE}: on Debian 12, run `apt-get update` as root"
            )
        _run("apt-get", *apt, "download", package[1], cwd=directory)
        deb = next(directory.glob("*.deb"))
        _verify(deb, package[1], apt)
        root = directory / "root"
        _run("dpkg-deb", "-x", deb, root)
        if not (root / "lib").exists():  # from Debian 13 on
            (root / "usr" / "lib").rename(root / "lib")
        release = next((root / "lib" / "modules").iterdir()).name
        _run("find", root / "lib" / "modules", "-name", "*.ko.xz", "-exec", "unxz", "{}", "+")
        _run(BUSYBOX, "depmod", "-b", root, release)
        root.rename(cache)


def _apt_of(suite: str, directory: Path) -> tuple[str, ...]:
    """Return the options of an apt that knows this suite alone, of the mirror that the host's apt has."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (directory / name).mkdir(parents=True)
    lines = (
        f"from cellblock.toolchains.mirrors import sources_for; print(*sources_for({suite!r}, ''), sep='\\n')"
    )
    python = HERE.parents[1] / ".venv" / "bin" / "python"
    sources = directory / "sources.list"
    sources.write_bytes(_run(python, "-c", lines, cwd=HERE.parents[1] / "src"))
    settings = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": directory / "state",
        "Dir::State::Status": "/dev/null",
        "Dir::Cache": directory / "cache",
        "APT::Sandbox::User": "root",
    }
    return tuple(f"--option={name}={value}" for name, value in settings.items())


def _verify(deb: Path, package: str, apt: tuple[str, ...]) -> None:
    """Compare with the digest in Debian's signed index."""
    version = _run("dpkg-deb", "--field", deb, "Version").decode().strip()
    record = _run("apt-cache", *apt, "show", f"{package}={version}").decode()
    expected = re.search(r"^SHA256: ([0-9a-f]{64})$", record, re.MULTILINE)
    found = hashlib.sha256(deb.read_bytes()).hexdigest()
    if expected is None or expected[1] != found:
        wanted = "no digest" if expected is None else expected[1]
        raise ImageError(f"{deb.name} has SHA-256 {found}, the index of Debian says {wanted}: not used")


def _with_dependencies(kernel: Kernel, modules: tuple[str, ...]) -> set[str]:
    """Return the paths, relative to `kernel.modules`, of the named modules and all that they need."""
    needs: dict[str, list[str]] = {}
    for line in (kernel.modules / "modules.dep").read_text().splitlines():
        module, _, dependencies = line.partition(":")
        needs[module] = [module, *dependencies.split()]  # depmod writes the whole closure
    by_name = {Path(module).stem: module for module in needs}
    built_in = {Path(line).stem for line in (kernel.modules / "modules.builtin").read_text().splitlines()}
    modules = tuple(module for module in modules if module not in built_in)
    unknown = [module for module in modules if module not in by_name]
    if unknown:
        raise ImageError(f"{kernel.directory} has no module {', '.join(unknown)}: delete it to get a new one")
    return {path for module in modules for path in needs[by_name[module]]}


def _run(*argv: str | Path, cwd: Path | None = None, stdin: bytes | None = None) -> bytes:
    """Run a command to its end and return its output; its standard error is shown when it fails."""
    done = subprocess.run(argv, cwd=cwd, input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        command = " ".join(map(str, argv))
        raise ImageError(f"`{command}` ended with {done.returncode}:\n{done.stderr.decode(errors='replace')}")
    return done.stdout
