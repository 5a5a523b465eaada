"""``python -m interop.bench startup|chunk|add|… [--json] [--pairs N]``, ``… table [--write]``."""

import argparse
import sys

from interop.bench import gateway, measure, results, rivals, rpc, storage, vcs
from interop.peers import PeerMissing

BENCHES = {
    **measure.BENCHES,
    **storage.BENCHES,
    **vcs.BENCHES,
    **rpc.BENCHES,
    **gateway.BENCHES,
    **rivals.BENCHES,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m interop.bench", description=__doc__)
    parser.add_argument("what", choices=[*BENCHES, "table"])
    parser.add_argument("--json", action="store_true", help="print the JSON lines")
    parser.add_argument("--pairs", type=int, help="how often each program runs")
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    given = parser.parse_args()
    if given.what == "table":
        if given.write:
            results.write_readme()
        else:
            print(results.table(results.read()), end="")
        return 0
    try:
        for result in measure.run(BENCHES[given.what], given.pairs):
            results.keep([result])
            if given.json:
                print(result.line(), flush=True)
                continue
            ours, theirs = result.shown
            print(
                f"{result.work}: jiaozi {ours}, {result.rival} {theirs}, ratio {result.ratio:.2f}× "
                f"(goal {result.goal_shown}: {'met' if result.met else 'missed'})",
                flush=True,
            )
    except PeerMissing as missing:
        print(missing, file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
