"""`specs/limits.md`: each row names a file that is there and a test that is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = sorted((ROOT / "specs" / "limits.d").glob("*.md"))
HEADER = "| field | limit | unit | enforced in | test |"


def rows() -> Iterator[tuple[str, list[str]]]:
    for part in PARTS:
        head, _, *body = [line for line in part.read_text().splitlines() if line.startswith("|")]
        assert head == HEADER, part.name
        for line in body:
            yield part.name, [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]


ROWS = list(rows())


@pytest.mark.parametrize(("part", "row"), ROWS, ids=[f"{p}: {r[0]} ({r[2]})" for p, r in ROWS])
def test_a_limit_is_enforced_somewhere_and_held_by_a_test(part: str, row: list[str]) -> None:
    assert len(row) == 5
    field, limit, _, enforced, test = row
    assert field
    assert limit
    for file in re.findall(r"[\w/]+\.py", enforced):
        assert (ROOT / "jiaozi_node" / file).is_file(), file
    named = re.findall(r"([\w/]+\.py)(?:::(\w+))?(?:\[([^\]]+)\])?", test)
    assert named
    directory = Path()
    for file, function, parameter in named:
        path = ROOT / file if "/" in file else directory / file
        directory = path.parent
        assert path.is_file(), file
        if function:
            assert f"def {function}(" in path.read_text(), function
        if "/" in parameter:
            assert (ROOT / "specs" / "vectors" / parameter).is_file(), parameter


def test_every_part_is_linked() -> None:
    text = (ROOT / "specs" / "limits.md").read_text()
    assert PARTS
    assert set(re.findall(r"limits\.d/([\w-]+\.md)", text)) == {part.name for part in PARTS}
