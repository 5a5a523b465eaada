"""``ipfs version``: the Kubo whose behaviour this face follows.

Clients read the number strictly as ``X.Y.Z`` and choose by it how they speak, so it is Kubo's; our
own name and version stand in the agent version (``ipfs id``) and in ``jiaozi version``.
"""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Answer, Call, Command, Kind, Needs, Option

KUBO_VERSION = "0.43.0"
REPO_VERSION = "18"  # of the fs-repo whose commands we answer; our own layout is `LAYOUT`


def version(_call: Call) -> Iterator[dict[str, Any]]:
    """Yield the one row of versions; *Golang* names what runs in Go's place."""
    import os
    import sys

    machine = os.uname().machine
    python = ".".join(str(part) for part in sys.version_info[:3])
    yield {
        "Version": KUBO_VERSION,
        "Commit": "",
        "Repo": REPO_VERSION,
        "System": f"{_GO_MACHINES.get(machine, machine)}/{sys.platform}",
        "Golang": f"python{python}",
    }


_GO_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def _text(value: dict[str, Any], call: Call) -> str:
    if call.option("all"):
        return (
            f"Kubo version: {value['Version']}\nRepo version: {value['Repo']}\n"
            f"System version: {value['System']}\nGolang version: {value['Golang']}\n"
        )
    if call.option("repo"):
        return f"{value['Repo']}\n"
    if call.option("number"):
        return f"{value['Version']}\n"
    return f"ipfs version {value['Version']}\n"


VERSION = Command(
    path=("ipfs", "version"),
    tagline="Show IPFS version information.",
    handler=version,
    options=(
        Option("number", Kind.BOOL, "Only show the version number.", ("n",)),
        Option("commit", Kind.BOOL, "Show the commit hash: there is none."),
        Option("repo", Kind.BOOL, "Show repo version."),
        Option("all", Kind.BOOL, "Show all version information."),
    ),
    answer=Answer.VALUE,
    needs=Needs.NOTHING,
    text=_text,
)
