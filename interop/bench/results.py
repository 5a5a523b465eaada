"""What was measured, as JSON lines in ``interop/results/bench.jsonl``, and README's table of it.

A line is one work: the medians of both programs, the ratio, the goal, the versions and the
conditions. Measuring again replaces the line; older ones are in git.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "interop" / "results" / "bench.jsonl"
README = ROOT / "README.md"
BEGIN = "<!-- bench: made by `python -m interop.bench table --write` -->"
END = "<!-- /bench -->"


@dataclass(frozen=True, slots=True)
class Result:
    """One work. Times are medians in seconds.

    *kind* ``speed``: the ratio is the rival's time to ours and should reach *goal*. ``start``: the
    ratio is our time to the rival's and should stay within it. ``flat``: *kubo_s* is our own time
    at first. ``size``: both are bytes, ours as many times what it is measured by as is told.
    *kubo_s* is the rival's figure, whoever the *rival* is.
    """

    bench: str
    work: str
    kind: str
    goal: float
    ours_s: float
    kubo_s: float
    ours_all_s: tuple[float, ...]
    kubo_all_s: tuple[float, ...]
    pairs: int
    conditions: str
    when: str
    versions: dict[str, str]
    rival: str = "Kubo"

    @property
    def at_most(self) -> bool:
        """Whether *goal* is an upper bound."""
        return self.kind in ("start", "size")

    @property
    def ratio(self) -> float:
        return self.ours_s / self.kubo_s if self.at_most else self.kubo_s / self.ours_s

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    @property
    def slower(self) -> bool:
        return self.kind in ("speed", "start") and self.ours_s > self.kubo_s

    @property
    def shown(self) -> tuple[str, str]:
        """Both figures in words."""
        if self.kind == "size":
            return mebibytes(self.ours_s), mebibytes(self.kubo_s)
        theirs = seconds(self.kubo_s)
        return seconds(self.ours_s), f"itself at first: {theirs}" if self.kind == "flat" else theirs

    @property
    def goal_shown(self) -> str:
        """The goal in words."""
        return f"{'≤' if self.at_most else '≥'} {self.goal:g}×"

    def line(self) -> str:
        """Return the JSON line of this result."""
        row = asdict(self)
        row["ratio"], row["met"] = round(self.ratio, 3), self.met
        return json.dumps(row)


def of_line(line: str) -> Result:
    """Read one JSON line."""
    row = json.loads(line)
    del row["ratio"], row["met"]
    for name in ("ours_all_s", "kubo_all_s"):
        row[name] = tuple(row[name])
    return Result(**row)


def read() -> list[Result]:
    """Return the results in the order of the file; none when nothing was measured yet."""
    if not FILE.exists():
        return []
    return [of_line(line) for line in FILE.read_text().splitlines() if line]


def keep(results: Iterable[Result]) -> None:
    """Put *results* in the file, each in the place of an older one of the same work."""
    rows = {(r.bench, r.work): r for r in read()}
    rows.update({(r.bench, r.work): r for r in results})
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("".join(r.line() + "\n" for r in rows.values()))


def table(results: list[Result]) -> str:
    """Return the part of README between the markers, in Markdown."""
    if not results:
        return "Nothing was measured yet.\n"
    lines: list[str] = []
    for rival in dict.fromkeys(r.rival for r in results):
        chosen = [r for r in results if r.rival == rival]
        lines += [f"| work | jiaozi | {rival} | ratio | goal | |", "|---|---|---|---|---|---|"]
        for r in chosen:
            ours, theirs = r.shown
            lines.append(
                f"| {r.work} | {ours} | {theirs} | {r.ratio:.2f}× | {r.goal_shown} "
                f"| {'met' if r.met else '**missed**'} |"
            )
        lost = [r.work for r in chosen if r.slower]
        lines += ["", f"{rival} is faster at: {'; '.join(lost) if lost else 'none of these'}.", ""]
    stamps = {
        f"{r.when}: {', '.join(f'{k} {v}' for k, v in r.versions.items())}; {r.conditions}"
        for r in results
    }
    lines += [*(f"Measured {stamp}." for stamp in sorted(stamps))]
    return "\n".join(lines) + "\n"


def seconds(value: float) -> str:
    """Return a time in words: milliseconds below one second."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def mebibytes(value: float) -> str:
    """Return a number of bytes in words."""
    return f"{value / 1024 / 1024:.1f} MiB"


def in_readme(text: str) -> str:
    """Return what stands between the markers of README's *text*."""
    before, _, rest = text.partition(BEGIN + "\n")
    inside, found, _ = rest.partition(END)
    if not before or not found:
        raise ValueError("README.md has no markers for the table of measurements")
    return inside


def write_readme() -> None:
    """Put the table into README.md."""
    text = README.read_text()
    README.write_text(text.replace(BEGIN + "\n" + in_readme(text), BEGIN + "\n" + table(read())))
