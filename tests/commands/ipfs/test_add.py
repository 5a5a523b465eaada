"""``jiaozi ipfs add``: options whose values Kubo reads in its own way."""

from pathlib import Path

import pytest

from tests.commands.conftest import Run


def test_a_mode_given_keeps_its_nine_permission_bits_as_go_reads_it(
    jiaozi: Run, place: Path
) -> None:
    jiaozi("ipfs", "init")
    (place / "f").write_text("1\n")
    ran = jiaozi("ipfs", "add", "-nQ", "--mode=01747", "f")  # CID: Kubo 0.43's for the same words
    assert ran.out == "QmNyQmPiGkErjMCbQaxmMxFcGQaQ8w3Fsd7Uwm5vJdjaL7\n"
    assert jiaozi("ipfs", "add", "-nQ", "--mode=0747", "f").out == ran.out


@pytest.mark.parametrize("where", ["home", "home/segments", "."])
def test_the_home_with_its_keys_is_not_imported(jiaozi: Run, place: Path, where: str) -> None:
    jiaozi("ipfs", "init")
    home = place.parent / "home"
    before = jiaozi("ipfs", "refs", "local").out
    for words in (("ipfs", "add", "-r"), ("add",)):
        done = jiaozi(*words, place.parent / where, code=None)
        assert done.code in (1, 5)
        assert f"overlaps the node home {home}, which holds private keys" in done.err
    assert jiaozi("ipfs", "refs", "local").out == before
