"""The stock ``ipfs --api`` against both daemons: every command of Kubo's that a node needs.

`specs/vectors/kubo-commands/commands.tsv` is the contract: a row that is *must* or *should* has a
success and a refusal among `CASES`, or a line in `PENDING`, and a line there fails as soon as its
cases come out equal.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from interop.kubo.files import described, fill, paths_below
from interop.kubo.rpc import wire
from interop.kubo.rpc.cases import Case, Mask
from interop.kubo.rpc.content import LOOSE, PREPARED, WORDS, cars, configs, records
from interop.kubo.rpc.daemons import Both, Side, serving
from interop.kubo.rpc.pending import PENDING
from interop.kubo.rpc.requests import REQUESTS, Request
from interop.kubo.rpc.table import ALWAYS_REFUSED, CASES, ROWS, Row
from interop.programs import Answer, Pair
from tests import pinning_service as pinning

NEEDED = tuple(row for row in ROWS if row.priority in ("must", "should"))


@dataclass(frozen=True, slots=True)
class Ground:
    """The daemons, and the words for braces."""

    both: Both
    words: dict[str, str]


@pytest.fixture(scope="module")
def ground(
    template: Pair, tmp_path_factory: pytest.TempPathFactory, rng: Callable[[str], Random]
) -> Iterator[Ground]:
    root = tmp_path_factory.mktemp("rpc")
    # The files of --nocopy must be below the directory that the home is in.
    pair = Pair(
        template.kubo.copy(root / "kubo" / "home"), template.ours.copy(root / "jiaozi" / "home")
    )
    for program in (pair.kubo, pair.ours):
        program.run("config", "--json", "Experimental.FilestoreEnabled", "true").good()
    with serving(pair, root) as both, pinning.serving() as one, pinning.serving() as other:
        for side, server in ((both.kubo, one), (both.ours, other)):
            fill(side.place, rng("rpc"))
            side.ask(f"pin remote service add near {server.endpoint} {pinning.KEY}").good()
        words = dict(WORDS)
        for step in PREPARED:
            line = step.line.format_map(words)
            theirs, ours = both.ask(line, step.stdin % _bytes(words))
            assert theirs.good().text == ours.good().text, f"{line}: the stores don't begin equal"
            if step.keep:
                words[step.keep] = theirs.text
        made = cars(both.kubo, words) | records(both.kubo, words)
        for side in (both.kubo, both.ours):
            side.ask("repo gc").good()  # an import leaves blocks behind that belong to no root
            for name, data in (made | configs(side)).items():
                (side.place / name).write_bytes(data)
        for step in LOOSE:
            theirs, ours = both.ask(step.line, step.stdin)
            assert theirs.good().text == ours.good().text
            words[step.keep] = theirs.text
        yield Ground(both, words)


def _bytes(words: Mapping[str, str]) -> dict[bytes, bytes]:
    return {key.encode(): value.encode() for key, value in words.items()}


@pytest.mark.parametrize("row", NEEDED, ids=[row.endpoint for row in NEEDED])
def test_a_row_has_a_success_and_a_refusal(row: Row) -> None:
    if row.endpoint in PENDING:
        return
    cases = CASES.get(row.endpoint, ())
    if row.endpoint not in ALWAYS_REFUSED:
        assert any(not case.refused for case in cases), "no success is compared"
    assert any(case.refused for case in cases), "no refusal is compared"


def test_cases_and_pending_are_of_rows() -> None:
    endpoints = {row.endpoint for row in ROWS}
    assert set(CASES) <= endpoints
    assert set(PENDING) <= endpoints


@pytest.mark.parametrize("request_", REQUESTS, ids=[request.rule for request in REQUESTS])
def test_both_answer_a_request_alike(request_: Request, ground: Ground) -> None:
    with ThreadPoolExecutor(1) as other:
        theirs = other.submit(_answer, ground.both.kubo, request_, ground.words)
        ours = _answer(ground.both.ours, request_, ground.words)
        told = [
            f"{what}: kubo {_short(a, b)}, jiaozi {_short(b, a)}"
            for (what, a), b in zip(theirs.result().items(), ours.values(), strict=True)
            if a != b
        ]
    if told:
        pytest.fail("\n".join((request_.target, *told)), pytrace=False)


def _answer(side: Side, request: Request, words: Mapping[str, str]) -> dict[str, bytes]:
    raw = request.raw(side.port, words)
    return request.compared(wire.exchange(side.port, raw))


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.priority == "cli-only"],
    ids=lambda row: row.endpoint,
)
def test_what_is_only_for_the_command_line_is_not_found(row: Row, ground: Ground) -> None:
    request = Request(row.endpoint, f"/api/v0/{row.endpoint}?arg=x&arg=y")
    theirs = _answer(ground.both.kubo, request, ground.words)
    assert theirs["status"] == b"404"
    assert _answer(ground.both.ours, request, ground.words) == theirs


@pytest.mark.parametrize("endpoint", CASES)
def test_both_daemons_answer_alike(endpoint: str, ground: Ground) -> None:
    words = dict(ground.words)
    told: list[str] = []
    for case in CASES[endpoint]:
        told += _differing(case, ground.both, words)
    if endpoint in PENDING:
        if told:
            pytest.xfail(PENDING[endpoint])
        pytest.fail(f"{endpoint} is equal now: take it out of PENDING", pytrace=False)
    if told:
        pytest.fail("\n".join(told), pytrace=False)


def _differing(case: Case, both: Both, words: dict[str, str]) -> list[str]:
    """Ask both, and return a line for each way in which the answers differ."""
    line = case.line.format_map(words)
    sides = (both.kubo, both.ours)
    before = [paths_below(side.place) for side in sides]
    theirs, ours = both.ask(line, case.stdin)
    left = []
    for side, had in zip(sides, before, strict=True):
        made = paths_below(side.place) - had
        left.append(tuple(sorted(described(side.place, path) for path in made)))
        for path in made:
            shutil.rmtree(path, ignore_errors=True)
            Path(path).unlink(missing_ok=True)
    if case.keep:
        words[case.keep] = theirs.text
    told = []
    if (theirs.code != 0) != case.refused:
        told.append(f"kubo exits {theirs.code}: {theirs.err.decode(errors='replace')[:300]}")
    if theirs.code != ours.code:
        told.append(f"exit: kubo {theirs.code}, jiaozi {ours.code}")
    if left[0] != left[1]:
        told.append(f"files: kubo {left[0]}, jiaozi {left[1]}")
    told += _said(case, theirs, ours)
    return [f"ipfs {line}", *(f"    {text}" for text in told)] if told else []


def _said(case: Case, theirs: Answer, ours: Answer) -> list[str]:
    """Compare what was printed."""
    if case.differs:
        return [] if theirs.out != ours.out else [f"no longer differs, take out: {case.differs}"]
    told = []
    for what, a, b in (("out", theirs.out, ours.out), ("err", theirs.err, ours.err)):
        seen, met = _masked(a, case.masks), _masked(b, case.masks)
        if case.shuffled and what == "out":
            seen, met = (b"".join(sorted(text.splitlines(True))) for text in (seen, met))
        if seen != met:
            told.append(f"{what}: kubo   {_short(seen, met)}")
            told.append(f"{what}: jiaozi {_short(met, seen)}")
    for mask in case.masks:
        others = tuple(other for other in case.masks if other is not mask)
        if (
            not mask.now_and_then
            and not told
            and _masked(theirs.out + theirs.err, others) == _masked(ours.out + ours.err, others)
        ):
            told.append(f"{mask.field} no longer differs, take out: {mask.reason}")
    return told


def _masked(text: bytes, masks: tuple[Mask, ...]) -> bytes:
    for mask in masks:
        text = mask.apply(text)
    return text


def _short(text: bytes, other: bytes) -> str:
    """Return *text* about where it begins to differ from *other*."""
    at = next((i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), None)
    begin = max((min(len(text), len(other)) if at is None else at) - 60, 0)
    return repr(text[begin : begin + 300])
