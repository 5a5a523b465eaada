"""``jiaozi ipfs add``: options whose values Kubo reads in its own way."""

from pathlib import Path

from tests.commands.conftest import Run


def test_a_mode_given_keeps_its_nine_permission_bits_as_go_reads_it(
    jiaozi: Run, place: Path
) -> None:
    jiaozi("ipfs", "init")
    (place / "f").write_text("1\n")
    ran = jiaozi("ipfs", "add", "-nQ", "--mode=01747", "f")  # CID: Kubo 0.43's for the same words
    assert ran.out == "QmNyQmPiGkErjMCbQaxmMxFcGQaQ8w3Fsd7Uwm5vJdjaL7\n"
    assert jiaozi("ipfs", "add", "-nQ", "--mode=0747", "f").out == ran.out
