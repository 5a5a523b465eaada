"""The guess of how much there is to read."""

from pathlib import Path

from jiaozi_node.worktree.measure import size_of


def test_files_at_and_below_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_bytes(b"12345")
    (tmp_path / "a" / "b" / "two").write_bytes(b"123")
    assert size_of(str(tmp_path)) == 8
    assert size_of(str(tmp_path / "a" / "one")) == 5


def test_what_is_not_there_counts_nothing(tmp_path: Path) -> None:
    assert size_of(str(tmp_path / "nowhere")) == 0
