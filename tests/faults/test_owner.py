"""One process owns a home: of two that open at once one wins, or the second waits its turn."""

import time
from pathlib import Path

from tests.faults.conftest import Show
from tests.faults.places import fresh_home
from tests.faults.sizes import SIZES
from tests.faults.zygote import Said, Zygote


def _both(place: Path, zygotes: tuple[Zygote, Zygote], wait_s: float) -> list[Said]:
    """Have two processes open one home at the same moment; return what they said of it."""
    gate, held = place / "gate", place / "held"
    gate.touch()
    held.touch()
    for name, zygote in zip("ab", zygotes, strict=True):
        zygote.start(
            "own", place / "at" / "home", place / "at" / "work",
            name=name, gate=str(gate), held=str(held), wait_s=wait_s,
        )  # fmt: skip
    for zygote in zygotes:
        assert "ready" in zygote.wait_said()[0]
    gate.unlink()
    said: list[Said] = []
    # The winner holds on until both were heard of, or where one waits, until it surely does.
    enough = 2 if not wait_s else 1
    deadline = time.monotonic() + 20
    while sum("got" in one for one in said) < enough and time.monotonic() < deadline:
        for zygote in zygotes:
            said += zygote.said()
        time.sleep(0.0005)
    held.unlink()
    for zygote in zygotes:
        assert zygote.wait() == 0
        said += zygote.said()
    return said


def test_with_wait_0_exactly_one_wins(
    place: Path, plain_zygote: Zygote, other_zygote: Zygote, show: Show
) -> None:
    began = time.monotonic()
    fresh_home(place / "at", None, plain_zygote)
    winners = []
    for _ in range(SIZES.rounds_lock):
        said = _both(place, (plain_zygote, other_zygote), 0)
        got = {one["name"]: one["got"] for one in said if "got" in one}
        assert sorted(got.values()) == [False, True], said
        (why,) = (one["why"] for one in said if "why" in one)
        assert "in use" in why
        winners.append(next(name for name, won in got.items() if won))
    show(
        f"two that open with wait 0: one won {len(winners)} times of {SIZES.rounds_lock} "
        f"(the first {winners.count('a')}, the second {winners.count('b')}) "
        f"in {time.monotonic() - began:.1f} s"
    )


def test_with_a_wait_the_second_goes_on_once_the_first_ends(
    place: Path, plain_zygote: Zygote, other_zygote: Zygote, show: Show
) -> None:
    began = time.monotonic()
    fresh_home(place / "at", None, plain_zygote)
    for _ in range(SIZES.rounds_lock):
        said = _both(place, (plain_zygote, other_zygote), 10)
        spans = sorted((one["began"], one["ended"]) for one in said if "began" in one)
        assert len(spans) == 2, said
        assert spans[0][1] <= spans[1][0], "both held the home at once"
    show(
        f"two that open with a wait: the second followed {SIZES.rounds_lock} times "
        f"in {time.monotonic() - began:.1f} s"
    )
