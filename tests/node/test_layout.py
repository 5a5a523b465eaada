"""Homes of earlier layouts are taken along step by step; whatever cuts a step short, it goes on."""

import subprocess
import sys
from pathlib import Path

import pytest

from jiaozi_node.errors import Refused
from jiaozi_node.node import layout
from jiaozi_node.node.layout import KubosRepository, OtherLayout
from jiaozi_node.node.local_home import LocalHome
from jiaozi_node.stores.lock import HomeLocked

# A later program: it knows the way from layout 1 over 2 to 3, and where its first step is cut.
LATER = """
import os, sys
from pathlib import Path
from jiaozi_node.node import layout
from jiaozi_node.node.local_home import LocalHome

def second(home):
    (home / "second").write_text("half")
    if sys.argv[2] == "cut":
        os.kill(os.getpid(), 9)
    (home / "second").write_text("whole")

def third(home):
    assert (home / "second").read_text() == "whole"
    (home / "second").rename(home / "third")

layout.LAYOUT = "jiaozi 3"
layout.STEPS = {1: second, 2: third}
home = LocalHome.open(Path(sys.argv[1]), 0)
assert home.names.version() > 0
home.close()
"""


def later(home: Path, how: str = "") -> int:
    return subprocess.run([sys.executable, "-c", LATER, str(home), how], check=False).returncode


@pytest.fixture
def home(tmp_path: Path) -> Path:
    LocalHome.create(tmp_path / "home").close()
    return tmp_path / "home"


def test_a_home_is_taken_over_every_step_to_the_layout_of_the_program(home: Path) -> None:
    assert later(home) == 0
    assert (home / "version").read_text() == "jiaozi 3\n"
    assert (home / "third").read_text() == "whole"
    assert later(home) == 0
    with pytest.raises(OtherLayout, match="needs a version of jiaozi that knows 'jiaozi 3'"):
        LocalHome.open(home)


def test_a_step_that_was_killed_is_begun_again(home: Path) -> None:
    assert later(home, "cut") == -9
    assert (home / "version").read_text() == "jiaozi 1\n"
    assert later(home, "cut") == -9
    assert later(home) == 0
    assert (home / "third").read_text() == "whole"


def test_a_step_that_fails_leaves_the_home_as_it_is_and_unlocked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(path: Path) -> None:
        raise Refused(f"{path.name} can't be taken along")

    monkeypatch.setattr(layout, "LAYOUT", "jiaozi 2")
    monkeypatch.setattr(layout, "STEPS", {1: failing})
    for _ in range(2):
        with pytest.raises(Refused, match="can't be taken along"):
            LocalHome.open(home, 0)
    monkeypatch.undo()
    LocalHome.open(home, 0).close()


def test_no_step_is_taken_while_another_process_holds_the_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = LocalHome.open(home, 0)
    taken: list[Path] = []
    monkeypatch.setattr(layout, "LAYOUT", "jiaozi 2")
    monkeypatch.setattr(layout, "STEPS", {1: taken.append})
    with pytest.raises(HomeLocked):
        LocalHome.open(home, 0)
    assert taken == []
    held.close()
    LocalHome.open(home, 0).close()
    assert taken == [home]


@pytest.mark.parametrize(
    "found", ["jiaozi 0", "jiaozi 2", "jiaozi 99999999", "jiaozi -1", "jiaozi ²", "kubo 1", ""]
)
def test_a_layout_without_a_way_here_is_refused_by_its_name(home: Path, found: str) -> None:
    (home / "version").write_text(found + "\n")
    with pytest.raises(OtherLayout) as caught:
        LocalHome.open(home, 0)
    assert repr(found) in str(caught.value)
    assert (home / "version").read_text() == found + "\n"


def test_a_layout_of_kubos_is_left_alone(home: Path) -> None:
    (home / "version").write_text("1\n")
    with pytest.raises(KubosRepository, match="is a repository of Kubo's"):
        LocalHome.open(home, 0)
    assert (home / "version").read_text() == "1\n"


def test_a_way_with_a_step_missing_is_no_way(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Path] = []
    monkeypatch.setattr(layout, "LAYOUT", "jiaozi 4")
    monkeypatch.setattr(layout, "STEPS", {1: taken.append, 3: taken.append})
    with pytest.raises(OtherLayout):
        LocalHome.open(home, 0)
    assert taken == []
