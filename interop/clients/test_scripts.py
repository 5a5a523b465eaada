"""Clients of three kinds do the same to both daemons, and are told the same."""

import pytest

from interop.clients.scripts import Both, Line, Told, is_offered

# script → check → why we say something else
DIFFERENCES: dict[str, dict[str, str]] = {
    "methods.mjs": {
        "dag/import: not a CAR": "we say which byte is wrong",
    },
    "asyncclient.py": {},
}


@pytest.fixture(scope="module", params=[*DIFFERENCES])
def told(request: pytest.FixtureRequest, both: Both) -> tuple[str, Told, Told]:
    return request.param, *both.run(Line(request.param))


def test_all_checks_are_told_of(told: tuple[str, Told, Told]) -> None:
    script, theirs, ours = told
    assert list(theirs) == list(ours)
    assert len(ours) > 30, script
    assert set(DIFFERENCES[script]) <= set(ours)


def test_we_tell_what_kubo_tells(told: tuple[str, Told, Told]) -> None:
    script, theirs, ours = told
    differ = {
        name: (theirs[name], ours[name])
        for name in theirs
        if theirs[name] != ours[name] and (is_offered(name) or ":" not in name)
    }
    assert sorted(differ) == sorted(DIFFERENCES[script]), differ
