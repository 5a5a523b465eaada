"""Gets the pinned peers of ``peers.toml`` into ``.peers/`` and says where they are.

Programs are built from Go modules; packages of Node and Python are installed from a lock file.

``python -m interop.peers`` installs what is missing; what is there and carries the stamp of its
pin is left alone, so a warm run costs milliseconds. ``find`` never installs anything.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "interop" / "peers.toml"
HOME = ROOT / ".peers"


class PeerMissing(Exception):
    """A peer is not installed, or could not be built; the text says what to do."""


class Kept:
    """What every peer has: a place of its own, and a stamp that says which pin stands there."""

    name: str

    @property
    def directory(self) -> Path:
        return HOME / self.name

    @property
    def program(self) -> Path:
        """What `find` answers: the program, or where the packages are."""
        raise NotImplementedError

    def pin(self) -> tuple[str, str]:
        """Return how the pin is shown, and all that it says."""
        raise NotImplementedError

    def stamp(self) -> str:
        """Return what the stamp of a finished build of this very pin says."""
        shown, said = self.pin()
        return f"{shown} {hashlib.sha256(said.encode()).hexdigest()}\n"

    @property
    def stamp_file(self) -> Path:
        return self.directory / "stamp"

    def ready(self) -> bool:
        """Tell whether this pin is there and stamped."""
        try:
            return self.program.exists() and self.stamp_file.read_text() == self.stamp()
        except FileNotFoundError:
            return False

    def build(self) -> None:
        """Get it there; whoever calls stamps it."""
        raise NotImplementedError


@dataclass(frozen=True)
class Peer(Kept):
    """One pinned program built from a Go module."""

    name: str
    module: str
    package: str
    version: str
    sum: str
    go: str
    binary: str
    says: tuple[str, ...]
    answer: str

    @property
    def program(self) -> Path:
        return self.directory / self.binary

    def pin(self) -> tuple[str, str]:
        said = [self.module, self.package, self.version, self.sum, self.binary]
        return self.version, json.dumps(said)

    def build(self) -> None:
        _build_go(self)


@dataclass(frozen=True)
class Packages(Kept):
    """What a lock file names, installed by *tool*: ``npm`` by integrity, ``pip`` by version."""

    name: str
    tool: str
    lock: str

    @property
    def program(self) -> Path:
        return self.directory / ("node_modules" if self.tool == "npm" else "bin/python")

    def pin(self) -> tuple[str, str]:
        return self.tool, (ROOT / self.lock).read_text()

    def build(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        lock = ROOT / self.lock
        if self.tool == "pip":
            venv.create(self.directory, with_pip=True)
            words = ("install", "--quiet", "--disable-pip-version-check", "-r", str(lock))
            _run(str(self.program), "-m", "pip", *words, cwd=ROOT)
            return
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            raise PeerMissing(f"{self.name} needs Node 20 or newer with npm (https://nodejs.org)")
        self.directory.mkdir(parents=True)
        for name in (lock.name, "package.json"):
            shutil.copy(lock.parent / name, self.directory)
        _run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
             cwd=self.directory)  # fmt: skip


def _run(*line: str, cwd: Path) -> None:
    subprocess.run(line, cwd=cwd, stdin=subprocess.DEVNULL, check=True)


def pinned() -> dict[str, Kept]:
    """Read ``peers.toml``."""
    table = tomllib.loads(PINS.read_text())
    return {
        name: Packages(name, **row)
        if "lock" in row
        else Peer(name, **{**row, "says": tuple(row["says"])})
        for name, row in table.items()
    }


def find(name: str) -> Path:
    """Return the program or packages of peer *name*; raises `PeerMissing` when they aren't here."""
    peer = pinned()[name]
    if not peer.ready():
        raise PeerMissing(f"{name} ({peer.pin()[0]}) is not built here: make peers")
    return peer.program


def build(peer: Kept) -> None:
    """Build *peer* and stamp it; the stamp is written last."""
    peer.stamp_file.unlink(missing_ok=True)
    peer.build()
    peer.stamp_file.write_text(peer.stamp())


def _build_go(peer: Peer) -> None:
    go = shutil.which("go")
    if go is None:
        raise PeerMissing(f"building {peer.name} needs Go; install it (https://go.dev/dl)")
    work = peer.directory / "build"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / "go.mod").write_text(
        f"module peers/{peer.name}\n\n"
        f"go {peer.go}\n\n"  # without it all of the module graph is read, far back
        f"require {peer.module} {peer.version}\n\n"
        f"tool {peer.package}\n"
    )
    # -buildvcs=false: the module sits inside another repository's work tree.
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false -mod=mod", "GOWORK": "off"}

    def run(*command: str) -> None:
        subprocess.run(
            [go, *command], cwd=work, env=environment, stdin=subprocess.DEVNULL, check=True
        )

    run("mod", "tidy")
    recorded = [
        line.split()[2]
        for line in (work / "go.sum").read_text().splitlines()
        if line.split()[:2] == [peer.module, peer.version]
    ]
    if recorded != [peer.sum]:
        raise PeerMissing(f"{peer.module} {peer.version} is {recorded}, pinned is {peer.sum}")
    run("build", "-o", peer.binary, peer.package)
    said = subprocess.run(
        [work / peer.binary, *peer.says], capture_output=True, text=True, check=True
    ).stdout.strip()
    if said != peer.answer:
        raise PeerMissing(f"{peer.name} says it is {said!r}, not {peer.answer!r}")
    (work / peer.binary).replace(peer.program)
    shutil.rmtree(work)


def main() -> int:
    for peer in pinned().values():
        if peer.ready():
            print(f"{peer.name} ({peer.pin()[0]}): built before")
            continue
        slow = ", this takes some minutes" if isinstance(peer, Peer) else ""
        print(f"{peer.name} ({peer.pin()[0]}): building{slow} …", flush=True)
        started = time.monotonic()
        try:
            build(peer)
        except (PeerMissing, subprocess.CalledProcessError) as fault:
            print(f"{peer.name}: {fault}", file=sys.stderr)
            return 1
        print(f"{peer.name}: built in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
