"""``interop/gateway_conformance/run BIN [--write]``: what passes of gateway-conformance, twice.

BIN is an installed `gateway-conformance <https://github.com/ipfs/gateway-conformance>`_ (v0.13.2);
nothing of it is in this repository but its fixtures, which both nodes are given. The table counts
leaf checks by test. The exit code is 0 when jiaozi passes as many as Kubo and skips none.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from interop import gateways, peers, programs
from interop.programs import Program

ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "specs" / "vectors" / "gateway"
RESULTS = Path(__file__).with_name("RESULTS.md")
TIMEOUT_S = 600
HOST = {"UseSubdomains": True, "InlineDNSLink": True, "Paths": ["/ipfs", "/ipns"]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path, help="an installed gateway-conformance")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    parser.add_argument("--failed", action="store_true", help="print what failed of jiaozi's")
    given = parser.parse_args()
    if not given.program.is_file():
        print(f"{given.program} is no file: install gateway-conformance first", file=sys.stderr)
        return 2
    try:
        kubo = peers.find("kubo")
    except peers.PeerMissing as missing:
        print(missing, file=sys.stderr)
        return 4
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        theirs = checks(given.program, programs.new_kubo(kubo, place / "kubo" / "home"), place)
        ours = checks(given.program, programs.new_jiaozi(place / "jiaozi" / "home"), place)
    text = table(ours, theirs)
    print(text, end="")
    if given.failed:
        print("\n".join(sorted(name for name, end in ours.items() if end != "pass")))
    if given.write:
        head = (
            "# gateway-conformance v0.13.2\n\nMade by `interop/gateway_conformance/run BIN --write`"
        )
        RESULTS.write_text(f"{head}, {datetime.now(UTC):%Y-%m-%d}.\n\n{text}")
    passed = sum(end == "pass" for end in ours.values())
    return 0 if passed >= sum(end == "pass" for end in theirs.values()) and (
        "skip" not in ours.values()
    ) else 1  # fmt: skip


def table(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """Return how many leaf checks of each test passed, of both."""
    lines = ["| test | jiaozi | Kubo |", "|---|---|---|"]
    tests = dict.fromkeys(name.partition("/")[0] for name in (*theirs, *ours))

    def told(ends: dict[str, str], test: str = "") -> str:
        counts = Counter(
            end for name, end in ends.items() if not test or name.partition("/")[0] == test
        )
        skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
        return f"{counts['pass']} of {counts.total()}{skipped}"

    lines += [f"| {test} | {told(ours, test)} | {told(theirs, test)} |" for test in tests]
    lines.append(f"| **all** | **{told(ours)}** | **{told(theirs)}** |")
    return "\n".join(lines) + "\n"


def checks(program: Path, node: Program, place: Path) -> dict[str, str]:
    """Run the suite against *node*; return how each leaf check ended, by its name."""
    report = place / f"{node.name}.json"
    with serving(replace(node, environment={"IPFS_NS_MAP": dnslinks()})) as port:
        subprocess.run(
            [program, "test", "--gateway-url", f"http://127.0.0.1:{port}",
             "--subdomain-url", f"http://localhost:{port}", "--json", report],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
    ends: dict[str, str] = {}
    for line in report.read_text().splitlines():
        event = json.loads(line)
        if event.get("Test") and event["Action"] in ("pass", "fail", "skip"):
            ends[event["Test"]] = event["Action"]
    inner = {name[:at] for name in ends for at, char in enumerate(name) if char == "/"}
    return {name: end for name, end in ends.items() if name not in inner}


def dnslinks() -> str:
    """Return the DNSLinks of the fixtures as ``IPFS_NS_MAP`` has them."""
    pairs = []
    for file in sorted(FIXTURES.glob("*/dnslink.yml")):
        text = file.read_text()
        for found in re.finditer(r"domain:\s*(\S+)(?:\s*#.*)*\s*path:\s*(\S+)", text):
            pairs.append(f"{found[1]}:{found[2]}")  # noqa: PERF401
    return ",".join(pairs)


@contextmanager
def serving(node: Program) -> Iterator[int]:
    """Run *node*'s daemon with the fixtures in it; hand out the port of its gateway."""
    node.run("config", "--json", "Gateway.PublicGateways",
             json.dumps({"example.com": HOST, "localhost": HOST})).good()  # fmt: skip
    for car in sorted(FIXTURES.rglob("*.car")):
        node.run("dag", "import", "--pin-roots=false", str(car)).good()
    with gateways.listening(node) as port:
        for record in sorted(FIXTURES.rglob("*.ipns-record")):
            key = record.name.partition(".")[0].partition("_")[0]
            node.run("routing", "put", "--allow-offline", f"/ipns/{key}", str(record))
        yield port


if __name__ == "__main__":
    sys.exit(main())
