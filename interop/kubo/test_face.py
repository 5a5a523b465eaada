"""Every command line of `face.SCENARIOS`, by both programs, on stores that begin equal."""

import os
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import pytest

from interop.kubo.face import MISSING, MISSING_V0, NODE, SCENARIOS, START, Scenario, Step
from interop.kubo.files import described, fill, paths_below, without_last_section
from interop.programs import Answer, Pair, Program


@dataclass(frozen=True, slots=True)
class Ground:
    """Where scenarios start: a pair of stores, the files beside them, and the words for braces."""

    pair: Pair
    files: Path
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What both programs answered to one step, and what `get` left on disk."""

    step: Step
    line: str
    kubo: Answer
    ours: Answer
    kubo_files: tuple[str, ...]
    our_files: tuple[str, ...]


@pytest.fixture(scope="module")
def ground(
    template: Pair, tmp_path_factory: pytest.TempPathFactory, rng: Callable[[str], Random]
) -> Ground:
    root = tmp_path_factory.mktemp("face")
    files = root / "files"
    files.mkdir()
    fill(files, rng("face"))
    pair = template.copy(root / "homes")
    words = {
        "missing": MISSING,
        "missing0": MISSING_V0,
        "v0": MISSING_V0,
        "v1": "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
        "raw_v1": MISSING,
        "upper": MISSING.upper(),
        "inline": "bafkqablimvwgy3y",
        "peer": "12D3KooWSs1QRrUcjUcTFe465BG5Vf2NCra7N74gnYBpyguLbXM9",
        "peer36": "k51qzi5uqu5dmhu1l8inn5u6kefhzezdepfwzcbzdlodw2qzwfgbebfnimewso",
    }
    for step in (*START, None):
        line = step.line if step else "dag put --pin"
        stdin = step.stdin if step else NODE % {k.encode(): v.encode() for k, v in words.items()}
        theirs, ours = pair.run(*shlex.split(line), stdin=stdin, cwd=files)
        assert theirs.good().text == ours.good().text, f"{line}: the stores don't begin equal"
        words[step.keep if step else "node"] = theirs.text
    words.update(_cars(pair.kubo, files, words))
    return Ground(pair, files, words)


def _cars(kubo: Program, files: Path, words: dict[str, str]) -> dict[str, str]:
    """Write the CAR files that ``dag import`` is given: whole, cut short, with a bit flipped."""
    tree = kubo.run("dag", "export", words["tree"]).good().out
    made = {
        "car": tree,
        "car2": kubo.run("dag", "export", words["node"]).good().out,
        "cut": tree[:-100],
        "flipped": tree[:-1] + bytes([tree[-1] ^ 1]),
        "partial": without_last_section(tree),
    }
    for name, data in made.items():
        (files / f"{name}.car").write_bytes(data)
    return {name: f"{name}.car" for name in made}


@pytest.fixture(scope="module")
def told(
    ground: Ground, template: Pair, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Scenario], tuple[Told, ...]]:
    """Give what both programs answered in a scenario; it runs once, whichever of its tests asks."""

    @cache
    def play(scenario: Scenario) -> tuple[Told, ...]:
        root = tmp_path_factory.mktemp("scenario")
        pair = (template if scenario.empty else ground.pair).copy(root / "homes")
        places = (root / "kubo" / "here", root / "jiaozi" / "here")
        for place in places:
            place.mkdir(parents=True)
            for path in ground.files.iterdir():
                if path.is_dir():
                    shutil.copytree(path, place / path.name, symlinks=True)
                else:
                    (place / path.name).write_bytes(path.read_bytes())
        words = dict(ground.words)
        answers = []
        for step in scenario.steps:
            line = step.line.format_map(words)
            argv = shlex.split(line)
            before = [paths_below(place) for place in places]
            theirs = pair.kubo.run(*argv, stdin=step.stdin, cwd=places[0])
            ours = pair.ours.run(*argv, stdin=step.stdin, cwd=places[1])
            left = [
                tuple(sorted(described(place, path) for path in paths_below(place) - had))
                for place, had in zip(places, before, strict=True)
            ]
            answers.append(Told(step, line, theirs, ours, left[0], left[1]))
            if step.keep:
                words[step.keep] = theirs.text
        return tuple(answers)

    return play


def seen(answer: Answer, step: Step) -> object:
    """Return what of standard output is compared."""
    match step.how:
        case "bytes":
            return answer.out
        case "sorted":
            return sorted(answer.out.splitlines())
        case "masked":
            return MASKED.sub("…", os.fsdecode(answer.out))
        case "nothing":
            return None


def complaint(answer: Answer, step: Step) -> str:
    """Return what of standard error is compared."""
    if step.how == "nothing":
        return ""
    return "Error: …" if step.loose and answer.complaint else answer.complaint


def shown(value: object) -> str:
    """Return *value* short enough to read."""
    text = repr(value)
    return text if len(text) <= 700 else text[:400] + " … " + text[-300:]


MASKED = re.compile(
    r"12D3Koo\w{45}|\bk51\w+|\bbafz\w+|CAESI\w+[\w+/]*=*|(kubo|jiaozi|ipfs)[ /]version|"
    r"(kubo|jiaozi)/|\d[\d.]*(-dev)?|fs-repo@|/\S+"
)

STEPS = [
    pytest.param(
        scenario, number, id=f"{scenario.name}: {step.line}" + f" #{number}" * bool(step.stdin)
    )
    for scenario in SCENARIOS
    for number, step in enumerate(scenario.steps)
]


@pytest.mark.parametrize(("scenario", "number"), STEPS)
def test_both_answer_alike(
    scenario: Scenario, number: int, told: Callable[[Scenario], tuple[Told, ...]]
) -> None:
    one = told(scenario)[number]
    theirs, ours, step = one.kubo, one.ours, one.step
    if step.differs:
        assert theirs.code == ours.code
        assert theirs.out != ours.out, f"no longer true, take it out: {step.differs}"
        return
    differing = [
        f"{what}: kubo {shown(a)}, jiaozi {shown(b)}"
        for what, a, b in (
            ("exit", theirs.code, ours.code),
            ("output", seen(theirs, step), seen(ours, step)),
            ("files", one.kubo_files, one.our_files),
            ("complaint", complaint(theirs, step), complaint(ours, step)),
        )
        if a != b
    ]
    if differing:
        differing.append(f"standard error: {ours.err[-600:].decode(errors='replace')}")
        pytest.fail("\n".join((one.line, *differing)), pytrace=False)
