"""A working copy is known by two ids in a file, wherever below it one stands."""

import os
from pathlib import Path

import pytest

from jiaozi_node.errors import Malformed
from jiaozi_node.worktree import link
from jiaozi_node.worktree.link import Link

REPOSITORY = "k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r"


def test_what_is_written_is_found_from_below(tmp_path: Path) -> None:
    root = os.path.realpath(tmp_path)
    copy = Link(root, REPOSITORY, link.new_id())
    link.write(copy)
    link.write(copy)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert link.find(below) == link.find(tmp_path) == link.of(below) == link.read(root) == copy
    assert os.listdir(os.path.join(root, ".jiaozi")) == ["worktree.toml"]
    assert copy.index_path == os.path.join(root, ".jiaozi", "index.db")


def test_the_nearest_working_copy_counts(tmp_path: Path) -> None:
    root = os.path.realpath(tmp_path)
    inner = os.path.join(root, "inner")
    for path in (root, inner):
        link.write(Link(path, REPOSITORY, link.new_id()))
    found = link.find(inner)
    assert found is not None
    assert found.root == inner


def test_outside_there_is_none(tmp_path: Path) -> None:
    assert link.find(tmp_path) is None
    with pytest.raises(link.NoWorkingCopy, match="not in a working copy"):
        link.of(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'repository = "a"\n',
        'repository = "a"\nrepository = "b"\n',
        'repository = "../x"\nworking_copy = "b"\n',
        'repository = "a"\nworking_copy = "b"\nhook = "rm"\n',
        "\xff\xfe",
        "#" * 5000,
    ],
)
def test_a_damaged_link_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ".jiaozi").mkdir()
    (tmp_path / ".jiaozi" / "worktree.toml").write_text(text, encoding="latin-1")
    with pytest.raises(link.InvalidLink, match=r"worktree\.toml"):
        link.find(tmp_path)


def test_a_link_that_is_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".jiaozi").mkdir()
    (tmp_path / "real").write_text('repository = "a"\nworking_copy = "b"\n')
    (tmp_path / ".jiaozi" / "worktree.toml").symlink_to("../real")
    with pytest.raises(link.InvalidLink):
        link.find(tmp_path)


def test_an_id_that_could_break_the_file_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="not an id"):
        link.write(Link(str(tmp_path), 'a"\nx="', "b"))


def test_blank_lines_and_comments_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".jiaozi").mkdir()
    (tmp_path / ".jiaozi" / "worktree.toml").write_text(
        '# mine\n\nworking_copy = "b"  # two\n repository="a"\n'
    )
    assert link.read(tmp_path) == Link(str(tmp_path), "a", "b")
