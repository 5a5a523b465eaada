"""Clients' scripts, run beside each other on the two daemons; what each check told, by its name."""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interop import peers
from interop.daemons import Daemon

HERE = Path(__file__).parent
TIMEOUT_S = 120

Told = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Both:
    """The two daemons."""

    kubo: Daemon
    ours: Daemon

    def run(self, line: "Line") -> tuple[Told, Told]:
        """Run the script of *line* on both; return what it told of Kubo and of us."""
        with ThreadPoolExecutor(1) as other:
            theirs = other.submit(line.told, API=line.address(self.kubo))
            ours = line.told(API=line.address(self.ours))
            return theirs.result(), ours


@dataclass(frozen=True, slots=True)
class Line:
    """How a script is run: by Node with the packages of npm, or by Python with those of pip."""

    script: str

    def told(self, **environ: str) -> Told:
        """Run it; return what each check told."""
        if self.script.endswith(".py"):
            argv = [str(peers.find("clients-pip")), str(HERE / self.script)]
        else:
            packages = peers.find("clients-npm").parent
            for one in (HERE / "npm").glob("*.mjs"):  # modules look for packages from their place
                shutil.copy(one, packages)
            argv = ["node", str(packages / self.script)]
        done = subprocess.run(
            argv, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environ},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{self.script}: {done.stderr.decode()[-2000:]}")
        rows = [json.loads(row) for row in done.stdout.decode().split("\n") if row]
        return {row.pop("name"): row for row in rows}

    def address(self, daemon: Daemon) -> str:
        """Return how the script wants to be told where *daemon* is."""
        return daemon.api if self.script.endswith(".py") else f"http://127.0.0.1:{daemon.port}"


def is_offered(name: str) -> bool:
    """Tell whether we have the RPC command that the *name* of a check begins with."""
    from jiaozi_node.commands import registry

    command = name.partition(":")[0]
    return ("ipfs", *command.split("/")) in registry.COMMANDS
