"""Every import of `cases.CASES`, by both programs: the same lines, the same CIDs, the same exit."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from interop.kubo.cases import CASES, Case
from interop.programs import Answer, Pair


@pytest.fixture(scope="module")
def configured(
    template: Pair, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Mapping[str, str]], Pair]:
    """Give the pair of homes with the settings asked for, made once for each setting."""
    made: dict[tuple[tuple[str, str], ...], Pair] = {}

    def get(settings: Mapping[str, str]) -> Pair:
        key = tuple(sorted(settings.items()))
        if key not in made:
            made[key] = template.copy(tmp_path_factory.mktemp("configured"))
            for name, value in key:
                words = (
                    ("config", "profile", "apply", value)
                    if name == "profile"
                    else ("config", "--json", name, value)
                )
                for answer in made[key].run(*words):
                    answer.good()
        return made[key]

    return get


def in_order(answer: Answer) -> Answer:
    """Return *answer* with its lines sorted."""
    return replace(answer, out=b"\n".join(sorted(answer.out.split(b"\n"))))


def differences(theirs: Answer, ours: Answer) -> list[str]:
    """Return what differs between Kubo's answer and ours, a line each, at most twenty."""
    if (theirs.code, theirs.out, theirs.complaint) == (ours.code, ours.out, ours.complaint):
        return []
    report = []
    if theirs.code != ours.code:
        report.append(f"exit: kubo {theirs.code}, jiaozi {ours.code}")
    if theirs.complaint != ours.complaint:
        said = ours.complaint or ours.err[-300:].decode(errors="replace")
        report.append(f"complaint: kubo {theirs.complaint!r}, jiaozi {said!r}")
    left, right = theirs.out.split(b"\n"), ours.out.split(b"\n")
    report += [
        f"line: kubo {a!r}, jiaozi {b!r}" for a, b in zip(left, right, strict=False) if a != b
    ]
    if len(left) != len(right):
        report.append(f"lines: kubo {len(left)}, jiaozi {len(right)}")
    return report[:20]


@pytest.mark.parametrize("case", CASES, ids=[f"{c.rule}" for c in CASES])
def test_both_make_the_same_cids(
    case: Case,
    configured: Callable[[Mapping[str, str]], Pair],
    rng: Callable[[str], Random],
    tmp_path: Path,
) -> None:
    (tmp_path / "t").mkdir()
    case.recipe(tmp_path / "t", rng(case.rule))
    words = ["add", "-r", *shlex.split(case.options), *([] if case.store else ["-n"]), "t"]
    theirs, ours = configured(case.settings).run(*words, cwd=tmp_path)
    if case.any_order:
        theirs, ours = in_order(theirs), in_order(ours)
    if case.differs:
        assert theirs.code == ours.code == 0
        assert theirs.out != ours.out, f"no longer true, take it out: {case.differs}"
    elif found := differences(theirs, ours):
        pytest.fail("\n".join(found), pytrace=False)


def test_rules_are_told_apart() -> None:
    assert len({case.rule for case in CASES}) == len(CASES)
