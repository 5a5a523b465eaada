"""A table for one act: whatever was put is found, however little of it is held in memory."""

import random

import pytest

from jiaozi_node.stores.scratch import Scratch


@pytest.mark.parametrize("held", [1, 7, 1000])
def test_what_was_put_last_is_found(held: int) -> None:
    rng = random.Random(held)
    model: dict[bytes, bytes] = {}
    with Scratch(held) as table:
        for _ in range(3000):
            key = b"%d" % rng.randrange(400)
            if rng.random() < 0.5:
                model[key] = rng.randbytes(4)
                table.put(key, model[key])
            else:
                assert table.get(key) == model.get(key)
        for key, value in model.items():
            assert table.get(key) == value
        assert table.get(b"other") is None


def test_only_so_many_rows_are_held() -> None:
    with Scratch(10) as table:
        for number in range(1000):
            table.put(b"%d" % number, b"")
            assert len(table._young) + len(table._old) <= 20
