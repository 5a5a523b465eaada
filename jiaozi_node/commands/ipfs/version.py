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
    import sys

    python = ".".join(str(part) for part in sys.version_info[:3])
    yield {
        "Version": KUBO_VERSION,
        "Commit": "",
        "Repo": REPO_VERSION,
        "System": f"{go_machine()}/{sys.platform}",
        "Golang": f"python{python}",
    }


def go_machine() -> str:
    """Return Go's name for what this machine is."""
    import os

    machine = os.uname().machine
    return _GO_MACHINES.get(machine, machine)


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


def check(call: Call) -> Iterator[dict[str, Any]]:
    """Refuse: there are no peers whose versions could be looked at."""
    from jiaozi_node.commands.ipfs import online

    return online.command(call)


def deps(_call: Call) -> Iterator[dict[str, str]]:
    """Yield what this program was put together from: itself, then what it depends on, by name."""
    import re
    from importlib.metadata import PackageNotFoundError, requires
    from importlib.metadata import version as version_of

    from jiaozi_node import __version__

    yield {"Path": "jiaozi", "Version": __version__, "ReplacedBy": "", "Sum": ""}
    names = {"jiaozi-node"}
    pending = ["jiaozi-node"]
    found: dict[str, str] = {}
    while pending:
        try:
            wanted = requires(pending.pop()) or ()
        except PackageNotFoundError:
            continue
        for text in wanted:
            name = re.split(r"[^\w.-]", text, maxsplit=1)[0]
            if name.lower() in names or "extra ==" in text:
                continue
            names.add(name.lower())
            try:
                found[name] = version_of(name)
            except PackageNotFoundError:
                continue
            pending.append(name)
    for name in sorted(found, key=str.lower):
        yield {"Path": name, "Version": found[name], "ReplacedBy": "", "Sum": ""}


CHECK = Command(
    path=("ipfs", "version", "check"),
    tagline="Checks Kubo version against connected peers.",
    handler=check,
    options=(
        Option("min-percent", Kind.INT, "Share of peers that must run a newer one.", ("t",), 5),
    ),
    answer=Answer.VALUE,
)

DEPS = Command(
    path=("ipfs", "version", "deps"),
    tagline="Shows information about dependencies used for build.",
    handler=deps,
    needs=Needs.NOTHING,
    text=lambda row, _call: f"{row['Path']}@{row['Version']}\n",
)
