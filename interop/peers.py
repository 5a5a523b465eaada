"""Builds the pinned peers of ``peers.toml`` into ``.peers/`` and says where they are.

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
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "interop" / "peers.toml"
HOME = ROOT / ".peers"


class PeerMissing(Exception):
    """A peer is not installed, or could not be built; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Peer:
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
    def directory(self) -> Path:
        return HOME / self.name

    @property
    def program(self) -> Path:
        return self.directory / self.binary

    @property
    def stamp_file(self) -> Path:
        return self.directory / "stamp"

    def stamp(self) -> str:
        """Return what the stamp of a finished build of this very pin says."""
        pin = json.dumps([self.module, self.package, self.version, self.sum, self.binary])
        return f"{self.version} {hashlib.sha256(pin.encode()).hexdigest()}\n"

    def ready(self) -> bool:
        """Tell whether this pin is built and stamped."""
        try:
            return self.program.exists() and self.stamp_file.read_text() == self.stamp()
        except FileNotFoundError:
            return False


def pinned() -> dict[str, Peer]:
    """Read ``peers.toml``."""
    table = tomllib.loads(PINS.read_text())
    return {name: Peer(name, **{**row, "says": tuple(row["says"])}) for name, row in table.items()}


def find(name: str) -> Path:
    """Return the program of peer *name*; raises `PeerMissing` when it isn't built."""
    peer = pinned()[name]
    if not peer.ready():
        raise PeerMissing(f"{name} {peer.version} is not built here: make peers")
    return peer.program


def build(peer: Peer) -> None:
    """Build *peer* and stamp it; the stamp is written last."""
    go = shutil.which("go")
    if go is None:
        raise PeerMissing(f"building {peer.name} needs Go; install it (https://go.dev/dl)")
    work = peer.directory / "build"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    peer.stamp_file.unlink(missing_ok=True)
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
    peer.stamp_file.write_text(peer.stamp())


def main() -> int:
    for peer in pinned().values():
        if peer.ready():
            print(f"{peer.name} {peer.version}: built before")
            continue
        print(f"{peer.name} {peer.version}: building, this takes some minutes …", flush=True)
        started = time.monotonic()
        try:
            build(peer)
        except (PeerMissing, subprocess.CalledProcessError) as fault:
            print(f"{peer.name}: {fault}", file=sys.stderr)
            return 1
        print(f"{peer.name} {peer.version}: built in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
