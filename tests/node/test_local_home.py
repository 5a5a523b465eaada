"""A home is made once, opened by one process, and refused when another version laid it out."""

import base64
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jiaozi_node.errors import Conflict, Locked, Refused
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.formats.peer_id import PeerId
from jiaozi_node.node.acts import acting
from jiaozi_node.node.config import Config
from jiaozi_node.node.home import HomeMissing, home_path
from jiaozi_node.node.layout import LAYOUT, OtherLayout
from jiaozi_node.node.local_home import HomeExists, LocalHome
from jiaozi_node.node.opening import open_or_make_home, refuse_database
from jiaozi_node.stores.lock import HomeLocked


def test_a_new_home_has_an_identity_that_fits_its_key(tmp_path: Path) -> None:
    home = LocalHome.create(tmp_path / "home")
    key = PrivateKey.from_protobuf(base64.b64decode(home.config.get("Identity.PrivKey")))
    assert home.config.get("Identity.PeerID") == str(PeerId.of(key.public()))
    home.close()
    assert (tmp_path / "home" / "version").read_text() == LAYOUT + "\n"
    assert (tmp_path / "home").stat().st_mode & 0o077 == 0


def test_what_is_put_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    block = Block.of(b"kept")
    home = LocalHome.create(tmp_path)
    with home.blocks.writer() as writer:
        writer.put([block])
    home.close()
    again = LocalHome.open(tmp_path)
    assert again.blocks.get(block.cid) == block
    again.close()
    again.close()


def test_threads_that_need_its_stores_at_once_share_them(tmp_path: Path) -> None:
    LocalHome.create(tmp_path / "home").close()
    for _ in range(10):
        home = LocalHome.open(tmp_path / "home")
        gate = threading.Barrier(4)

        def look(home: LocalHome = home, gate: threading.Barrier = gate) -> tuple[object, object]:
            gate.wait()
            return home.blocks, home.names

        with ThreadPoolExecutor(4) as pool:
            found = [one.result() for one in [pool.submit(look) for _ in range(4)]]
        assert len(set(found)) == 1
        home.close()


def test_a_home_is_not_made_over_another(tmp_path: Path) -> None:
    LocalHome.create(tmp_path).close()
    with pytest.raises(HomeExists):
        LocalHome.create(tmp_path)
    home, made = open_or_make_home(tmp_path)
    home.close()
    assert not made


def test_a_making_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    LocalHome.create(tmp_path).close()
    (tmp_path / "version").unlink()
    home, made = open_or_make_home(tmp_path)
    home.close()
    assert made


def test_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HomeMissing, match="jiaozi init"):
        LocalHome.open(tmp_path / "nowhere")


def test_another_layout_is_refused_by_its_name(tmp_path: Path) -> None:
    LocalHome.create(tmp_path).close()
    (tmp_path / "version").write_text("jiaozi 7\n")
    with pytest.raises(OtherLayout, match="needs a version of jiaozi that knows 'jiaozi 7'"):
        LocalHome.open(tmp_path)
    (tmp_path / "version").write_text("jiaozi 0\n")
    with pytest.raises(OtherLayout, match="dag export"):
        LocalHome.open(tmp_path)
    assert issubclass(OtherLayout, Refused)
    assert issubclass(HomeExists, Conflict)


def test_two_processes_cannot_hold_one_home(tmp_path: Path) -> None:
    home = LocalHome.create(tmp_path)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from jiaozi_node.node.local_home import LocalHome\n"
        "from jiaozi_node.errors import Locked\n"
        "try:\n"
        "    LocalHome.open(Path(sys.argv[1]), wait_s=0)\n"
        "except Locked as fault:\n"
        "    print(fault)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert f"process {os.getpid()}" in done.stdout
    with pytest.raises(HomeLocked):
        LocalHome.open(tmp_path, wait_s=0)
    home.close()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"JIAOZI_PATH": "/a/b"}, "/a/b"),
        ({"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/jiaozi"),
        ({"HOME": "/h"}, "/h/.local/share/jiaozi"),
    ],
)
def test_the_home_is_where_the_design_says(environ: dict[str, str], expected: str) -> None:
    assert home_path(environ) == Path(expected)


def test_a_database_url_is_refused_without_its_password(tmp_path: Path) -> None:
    refuse_database(None)
    with pytest.raises(Refused) as caught:
        refuse_database("postgres://user:secret@host/db")
    assert "secret" not in str(caught.value)
    assert tmp_path.exists()


def test_a_home_let_go_can_be_opened_by_others_and_is_had_back(tmp_path: Path) -> None:
    home = LocalHome.create(tmp_path / "home")
    block = Block.of(b"x")
    with home.blocks.writer() as writer:
        writer.put([block])
    with home.released():
        other = LocalHome.open(tmp_path / "home", 0)
        other.config.set("user.name", "Ada")
        other.config.save()
        other.close()
    assert home.blocks.get(block.cid) == block
    assert home.config.get("user.name") == "Ada"
    with pytest.raises(Locked):
        LocalHome.open(tmp_path / "home", 0)
    with pytest.raises(KeyError), home.released():
        raise KeyError
    home.close()
    LocalHome.open(tmp_path / "home", 0).close()
    with acting(home) as act, pytest.raises(RuntimeError):
        act.released()


def test_a_config_that_another_process_replaced_is_read_again(tmp_path: Path) -> None:
    home = LocalHome.create(tmp_path / "home")
    assert home.config.find("user.name") is None
    other = Config.load(tmp_path / "home" / "config")
    other.set("user", {"name": "Ada"})
    other.save()
    assert home.config.find("user.name") == "Ada"
    home.close()
