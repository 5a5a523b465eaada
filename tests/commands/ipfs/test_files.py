"""``jiaozi ipfs files`` as in a shell: with the home at hand, and beside the daemon that has it."""

import io
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from jiaozi_node.node.local_home import LocalHome
from tests.commands.conftest import Ran, Run

EMPTY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


@pytest.fixture
def files(jiaozi: Run, place: Path) -> Run:
    """Run ``jiaozi ipfs files`` in a new home."""
    jiaozi("ipfs", "init")

    def run(*words: str, code: int | None = 0) -> Ran:
        return jiaozi("ipfs", "files", *words, code=code)

    return run


def write(files: Run, path: str, text: str, place: Path, *words: str) -> None:
    source = place / "source"
    source.write_text(text)
    files("write", "-e", "-p", *words, path, str(source))


def root(files: Run) -> str:
    return str(files("stat", "--hash", "/").out)


def test_a_tree_is_made_listed_read_moved_and_removed(files: Run, place: Path) -> None:
    assert files("ls").out == ""
    assert files("stat", "--hash", "/").out == f"{EMPTY}\n"
    files("mkdir", "-p", "/a/b")
    write(files, "/a/b/f", "hello", place)
    assert files("read", "/a/b/f").out == "hello"
    assert files("read", "-o", "1", "-n", "3", "/a/b/f").out == "ell"
    write(files, "/a/b/f", "HE", place, "-o", "3")
    assert files("read", "/a/b/f").out == "helHE"
    write(files, "/a/b/f", "cut", place, "--truncate")
    assert files("read", "/a/b/f").out == "cut"
    files("cp", "/a/b/f", "/copy")
    files("mv", "/a/b/f", "/a/moved")
    assert files("ls", "/").out == "a\ncopy\n"
    assert files("ls", "/a").out == "b\nmoved\n"
    cid = files("stat", "--hash", "/a/moved").out.strip()
    assert files("ls", "-l", "/a").out == f"b/\t{EMPTY}\t0\nmoved\t{cid}\t3\n"
    files("rm", "-r", "/a")
    files("rm", "/copy")
    assert files("stat", "--hash", "/").out == f"{EMPTY}\n"


def test_content_is_linked_and_its_blocks_are_not_copied(
    files: Run, jiaozi: Run, place: Path
) -> None:
    (place / "f").write_text("content")
    cid = jiaozi("ipfs", "add", "-Q", "f").out.strip()
    blocks = jiaozi("ipfs", "repo", "ls").out
    files("cp", f"/ipfs/{cid}", "/linked")
    assert files("stat", "--hash", "/linked").out == f"{cid}\n"
    assert files("read", "/linked").out == "content"
    assert jiaozi("ipfs", "repo", "ls").out == blocks
    files("cp", "--parents", f"ipfs://{cid}", "/new/dir/")
    assert files("ls", "/new/dir").out == f"{cid}\n"
    jiaozi("ipfs", "pin", "rm", cid)
    jiaozi("ipfs", "repo", "gc")
    assert files("read", "/linked").out == "content"


def test_modes_and_times_are_recorded_and_told(files: Run, place: Path) -> None:
    write(files, "/f", "x", place)
    files("chmod", "0640", "/f")
    files("touch", "--mtime=1630937926", "--mtime-nsecs=7", "/f")
    told = files("stat", "/f").out.splitlines()
    assert told[-2:] == ["Mode: -rw-r----- (0640)", "Mtime: 6 Sep 2021, 14:18:46 UTC"]
    row = json.loads(files("stat", "--enc=json", "/f").out)
    assert (row["Mode"], row["Mtime"], row["MtimeNsecs"]) == ("0640", 1630937926, 7)
    assert files("read", "/f").out == "x"
    files("chmod", "755", "/")
    assert "Mode: drwxr-xr-x (0755)" in files("stat", "/").out
    files("touch", "/")
    assert "not set" not in files("stat", "/").out


def test_a_directory_gets_another_cid(files: Run) -> None:
    files("mkdir", "/d")
    files("chcid", "--cid-version=1", "/d")
    assert files("stat", "--hash", "/d").out.startswith("bafy")
    files("mkdir", "--hash=sha2-512", "/s")
    assert files("stat", "--hash", "/s").out.startswith("bafyb")


def test_standard_input_is_written(files: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from stdin")))
    files("write", "--create", "/f")
    assert files("read", "/f").out == "from stdin"


def test_large_content_goes_in_and_comes_out(files: Run, place: Path) -> None:
    data = "0123456789abcdef" * 300_000
    write(files, "/large", data, place)
    assert files("read", "/large").out == data
    assert files("stat", "--format=<size>", "/large").out == f"{len(data)}\n"


def test_how_much_is_here_is_told(files: Run, jiaozi: Run, place: Path) -> None:
    (place / "f").write_bytes(bytes(range(256)) * 2000)
    cid = jiaozi("ipfs", "add", "-Q", "--pin=false", "f").out.strip()
    leaf = jiaozi("ipfs", "refs", cid).out.splitlines()[0]
    files("cp", f"/ipfs/{cid}", "/f")
    assert files("stat", "--with-local", "/f").out.endswith("(100.00%)\n")
    files("rm", "/f")
    jiaozi("ipfs", "block", "rm", leaf)
    files("cp", f"/ipfs/{cid}", "/f")
    row = json.loads(files("stat", "--enc=json", "--with-local", "/f").out)
    assert row["WithLocality"]
    assert "Local" not in row
    assert 0 < row["SizeLocal"] < row["CumulativeSize"]


def test_a_format_may_be_asked_for_once(files: Run) -> None:
    assert files("stat", "--format=<type> <childs> <cumulsize>", "/").out == "directory 0 4\n"
    assert files("stat", "--size", "/").out == "4\n"
    refused = files("stat", "--size", "--hash", "/", code=1)
    assert refused.err == (
        "Error: invalid parameters: format was set by multiple options. "
        "Only one format option is allowed\n"
    )


def test_what_is_not_flushed_is_there_and_flushed_at_the_end(files: Run) -> None:
    files("mkdir", "--flush=false", "/d")
    files("-f=false", "mkdir", "/d/e")
    files("--flush=false", "--enc=json", "mkdir", "/d/e/f")
    files("rm", "-r", "/d/e")
    assert files("ls").out == "d\n"
    assert json.loads(files("flush", "/d").out) == {"Cid": EMPTY}


REFUSALS = [
    (["mkdir", "relative"], "paths must start with a leading slash"),
    (["mkdir", ""], "paths must not be empty"),
    (["mkdir", "/"], "cannot create directory '/': Already exists"),
    (["mkdir", "/d"], "file already exists"),
    (["mkdir", "/none/d"], "file does not exist"),
    (["mkdir", "--cid-version=2", "/x"], "unknown CID version: 2"),
    (["mkdir", "--hash=nope", "/x"], 'unrecognized hash function: "nope"'),
    (["ls", "/none"], "file does not exist"),
    (["ls", "/f/x"], "cannot access f/x: Not a directory"),
    (["read", "/none"], "/none: file does not exist"),
    (["read", "/d"], "/d was not a file"),
    (["read", "-o", "-1", "/f"], "cannot specify negative offset"),
    (["read", "-n", "-1", "/f"], "cannot specify negative 'count'"),
    (["read", "-o", "99", "/f"], "offset was past end of file (99 > 1)"),
    (["write", "/none", "source"], "file does not exist"),
    (["write", "/d", "source"], "/d was not a file"),
    (["write", "-e", "/none/x", "source"], "file does not exist"),
    (["write", "-o", "-1", "/f", "source"], "cannot have negative write offset"),
    (["write", "-n", "-1", "/f", "source"], "cannot have negative byte count"),
    (["write", "-e", "-p", "/new/dir/x", "missing"], "lstat missing: no such file or directory"),
    (["cp", "/none", "/x"], "cp: cannot get node from path /none: file does not exist"),
    (["cp", "/f", "relative"], "paths must start with a leading slash"),
    (
        ["cp", "/f", "/d"],
        "cp: cannot put node in path /d: directory already has entry by that name",
    ),
    (["cp", "/f", "/none/x"], "cp: cannot put node in path /none/x: file does not exist"),
    (["cp", "--force", "/f", "/d"], "cp: cannot unlink existing file: not a file: /d"),
    (
        ["cp", "/ipfs/bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua", "/x"],
        "cp: cannot get node from path "
        "/ipfs/bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua: "
        "block was not found locally (offline): ipld: could not find "
        "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
    ),
    (
        ["cp", "/ipfs/bafyqaaa", "/x"],  # an empty dag-pb node in its CID
        None,
    ),
    (["mv", "/none", "/x"], "file does not exist"),
    (["mv", "/d", "/d"], "cannot move /d into itself"),
    (["mv", "/f", "/none/x"], "file does not exist"),
    (["rm", "--flush=false", "/f"], "files rm always flushes for safety. The --flush flag cannot "
     "be set to false for this command"),
    (["rm", "/none"], "can't remove some files"),
    (["rm", "/d"], "can't remove some files"),
    (["rm", "-r", "/"], "can't remove some files"),
    (["chmod", "9", "/f"], 'strconv.ParseInt: parsing "9": invalid syntax'),
    (["chmod", "77777777777", "/f"],
     'strconv.ParseInt: parsing "77777777777": value out of range'),
    (["chmod", "644", "/none"], "file does not exist"),
    (["touch", "/none"], "file does not exist"),
    (["chcid", "--cid-version=1", "/"], "cannot change CID format of the MFS root; use 'ipfs "
     "config Import.CidVersion' and 'ipfs config Import.HashFunction' instead"),
    (["chcid", "--cid-version=1", "/f"], "can only update directories"),
    (["chcid", "/none"], "file does not exist"),
    (["flush", "/none"], "file does not exist"),
    (["stat", "relative"], "paths must start with a leading slash"),
    (["chroot"], "this is a potentially destructive operation; pass --confirm to proceed"),
]  # fmt: skip


def test_refusals_say_a_line_and_change_nothing(files: Run, place: Path) -> None:
    (place / "source").write_text("content")
    files("mkdir", "/d")
    write(files, "/f", "x", place)
    before = root(files)
    for words, said in REFUSALS:
        refused = files(*words, code=1)
        lines = refused.err.splitlines()
        assert len(lines) == 1, words
        assert lines[0].startswith("Error: "), words
        assert said is None or lines[0] == f"Error: {said}", words
        assert root(files) == before, words


def test_each_path_that_can_not_be_removed_is_said(files: Run) -> None:
    files("mkdir", "/d")
    ran = files("rm", "/none", "relative", "/d", code=1)
    assert [json.loads(line) for line in ran.out.splitlines()] == [
        "/none: file does not exist",
        "relative is not a valid path: paths must start with a leading slash",
        "/d: path is a directory, use -r to remove directories",
    ]
    files("rm", "--force", "/none", "/d")
    assert files("ls").out == ""


def test_a_symlink_is_not_copied_and_flushed(files: Run, jiaozi: Run, place: Path) -> None:
    (place / "link").symlink_to("target")
    cid = jiaozi("ipfs", "add", "-Q", "link").out.strip()
    refused = files("cp", f"/ipfs/{cid}", "/link", code=1)
    assert refused.err == (
        "Error: cp: cannot flush the created file /link: symlinks not yet supported\n"
    )
    assert files("ls").out == ""
    files("cp", "--flush=false", f"/ipfs/{cid}", "/link")
    assert "Mode: lrwxrwxrwx (0777)" in files("stat", "/link").out
    assert files("read", "/link", code=1).err == "Error: symlinks not yet supported\n"
    assert files("write", "/link", "link", code=1).err == "Error: symlinks not yet supported\n"


@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_the_root_is_replaced(files: Run, jiaozi: Run, place: Path) -> None:
    (place / "tree").mkdir()
    (place / "tree" / "f").write_text("x")
    tree = jiaozi("ipfs", "add", "-r", "-Q", "tree").out.strip()
    file = jiaozi("ipfs", "add", "-Q", "tree/f").out.strip()
    files("mkdir", "/old")
    before = root(files).strip()
    for cid, said in (
        ("no-cid", None),
        (file, "new root must be a directory, got File"),
        (
            "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
            "new root bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi does not exist "
            "locally; fetch it first with 'ipfs block get'",
        ),
    ):
        refused = files("chroot", "--confirm", cid, code=1)
        assert said is None or refused.err == f"Error: {said}\n"
        assert root(files).strip() == before
    assert files("chroot", "--confirm", tree).out == (
        f"MFS root changed from {before} to {tree}\n"
        f"The old root {before} will be garbage collected unless pinned.\n"
    )
    assert files("read", "/f").out == "x"
    files("chroot", "--confirm")
    assert root(files).strip() == EMPTY


@pytest.mark.parametrize("held", ["alone"], indirect=True)
def test_a_root_that_is_lost_is_told_and_replaced(files: Run, jiaozi: Run, place: Path) -> None:
    files("mkdir", "/d")
    lost = root(files).strip()
    with closing(LocalHome.open(place.parent / "home")) as home:
        from jiaozi_node.formats.cid import Cid

        home.blocks.drop([Cid.parse(lost)])
    told = files("ls", code=1).err
    assert told.startswith(f"Error: failed to initialize MFS root from {lost} stored at ")
    assert told.endswith("If corrupted, use 'ipfs files chroot' to reset (see --help)\n")
    assert f"MFS root changed from {lost} to {EMPTY}" in files("chroot", "--confirm").out
    files("mkdir", "/d")


@pytest.mark.slow
@pytest.mark.parametrize("held", ["daemon"], indirect=True)
def test_the_root_is_not_replaced_beside_a_daemon(
    files: Run, held: Callable[[], AbstractContextManager[None]]
) -> None:
    refused = files("chroot", "--confirm", code=1)
    assert refused.err.startswith("Error: opening repo (is the daemon running?): ")


def test_what_is_added_gets_a_name(files: Run, jiaozi: Run, place: Path) -> None:
    (place / "a").write_text("a")
    (place / "b").write_text("b")
    (place / "link").symlink_to("a")
    files("mkdir", "/dir")
    added = jiaozi("ipfs", "add", "-Q", "--to-files", "/dir/", "a", "b").out
    assert files("ls", "/dir").out == "a\nb\n"
    assert files("stat", "--hash", "/dir/b").out == added
    jiaozi("ipfs", "add", "--to-files=/renamed", "a")
    assert files("read", "/renamed").out == "a"
    jiaozi("ipfs", "add", "--to-files=", "link")
    assert files("ls").out == "dir\nlink\nrenamed\n"


def test_a_name_that_can_not_be_given_is_said_and_the_content_stays(
    files: Run, jiaozi: Run, place: Path
) -> None:
    (place / "a").write_text("a")
    (place / "b").write_text("b")
    files("mkdir", "/dir")
    for words, said in (
        (["--to-files=rel", "a"], "to-files: paths must start with a leading slash"),
        (
            ["--to-files=/none/", "a"],
            'to-files: MFS destination directory "/none/" does not exist: file does not exist',
        ),
        (
            ["--to-files=/none/x", "a"],
            'to-files: MFS destination parent "/none/x" "/none" does not exist: '
            "file does not exist",
        ),
        (
            ["--to-files=/dir", "a"],
            'to-files: cannot put node in path "/dir": directory already has entry by that name',
        ),
    ):
        refused = jiaozi("ipfs", "add", *words, code=1)
        assert refused.err == f"Error: {said}\n"
        assert refused.out.startswith("added Qm")
        assert files("ls").out == "dir\n"
    twice = jiaozi("ipfs", "add", "--to-files=/one", "a", "b", code=1)
    assert twice.err == (
        'Error: to-files: MFS destination is a file: only one entry can be copied to "/one"\n'
    )
    for option in ("only-hash", "wrap-with-directory"):
        refused = jiaozi("ipfs", "add", f"--{option}", "--to-files=/x", "a", code=1)
        assert refused.err == f"Error: {option} and to-files options are not compatible\n"
        assert refused.out == ""
