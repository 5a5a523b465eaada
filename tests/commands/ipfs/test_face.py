"""The Kubo face by itself; CIDs, lines and refusals are what Kubo 0.43 answered to the same words.

`interop/kubo/test_face.py` asks both programs hundreds of lines; here are those that hold without.
"""

import gzip
import io
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest

from jiaozi_node.cli import main as cli
from jiaozi_node.commands.ipfs import dag
from tests.commands.conftest import Ran, Run

A = "QmZLRFWaz9Kypt2ACNMDzA5uzACDRiCqwdkNSP1UZsu56D"
Z = "QmTG2EDgd2JZh7M9iVSv85DtJwWTt5seY4dX6YAQmvvBGD"
SUB = "QmTzEHwL9G2dAGcxA6QnLqPXLisbXjbWjozoizpzUM2JYv"
EMPTY = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
TREE = "QmZgQeRtPa3VAenHfwqV93EFDN1Tq71YagvRLF6PdFb5hU"
MISSING = "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"
NODE = "bafyreieodio5vq3veqqjxsv5cigse4arszw5cjnxnomfqzx75couofbfnq"
ADDED = f"""\
added {A} d/a.txt
added QmdytmR4wULMd3SLo6ePF4s3WcRHWcpnJZ7bHhoj3QB13v d/b/q
added QmS9U51FvTAqDDVLJ5okMzeLjsEeg8JEG1rPmSq2oPahF6 d/lnk
added QmT5fzvjs1VSQWPRGSzYmTVZYNTjLS3LrFeSga1cQZjin6 d/new\\nline
added {Z} d/sub/z
added QmUNXr47Bja3aHUMfhXX5mMWTFJKuoUGETcA48vHG7dhag d/zz
added QmcpTTnvx2w4ncbRfSLjTUxrAuktiKVH3ddYtKjGorXCPT d/b
added {EMPTY} d/empty
added {SUB} d/sub
added {TREE} d
"""


@pytest.fixture
def ipfs(jiaozi: Run, place: Path) -> Run:
    """Run ``jiaozi ipfs`` in a new home, beside the tree ``d``."""
    (place / "d" / "sub").mkdir(parents=True)
    (place / "d" / "b").mkdir()
    (place / "d" / "empty").mkdir()
    for name, text in {
        "d/a.txt": "hi\n", "d/sub/z": "yo\n", "d/b/q": "1\n", "d/zz": "x\n", "d/.hid": ".h\n",
        "d/new\nline": "a\nb",
        "x.json": '{"a":1,"l":{"/":"' + A + '"},"b":{"/":{"bytes":"AQI"}}}\n',
    }.items():  # fmt: skip
        (place / name).write_text(text)
    (place / "d" / "lnk").symlink_to("a.txt")
    jiaozi("ipfs", "init", "--profile=test")

    def run(*words: str | os.PathLike[str], code: int | None = 0) -> Ran:
        return jiaozi("ipfs", *words, code=code)

    return run


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def first(ran: Ran) -> str:
    return ran.err.splitlines()[0]


def test_init_makes_a_home_alone_and_never_twice(jiaozi: Run, place: Path) -> None:
    told = jiaozi("ipfs", "init").out.splitlines()
    home = place.parent / "home"
    assert told[0] == "generating ED25519 keypair...done"
    assert told[1].startswith("peer identity: 12D3KooW")
    assert told[2] == f"initializing IPFS node at {home}"
    assert (home / "version").read_text() == "jiaozi 1\n"
    assert stat.S_IMODE((home / "config").stat().st_mode) == 0o600
    assert jiaozi("ipfs", "pin", "ls").out == f"{EMPTY} recursive\n"
    before = (home / "config").read_bytes()
    again = jiaozi("ipfs", "init", code=1)
    assert first(again) == "Error: ipfs configuration file already exists!"
    assert (home / "config").read_bytes() == before


def test_init_takes_a_configuration_with_its_identity(jiaozi: Run, place: Path) -> None:
    jiaozi("ipfs", "init")
    home = place.parent / "home"
    given = json.loads((home / "config").read_text())
    given["Import"]["CidVersion"] = 1
    (place / "given.json").write_text(json.dumps(given))
    home.rename(place.parent / "old")
    told = jiaozi("ipfs", "init", "given.json").out
    assert told == f"initializing IPFS node at {home}\n"
    assert jiaozi("ipfs", "config", "Identity.PeerID").out.strip() == given["Identity"]["PeerID"]
    assert jiaozi("ipfs", "config", "Import.CidVersion").out == "1\n"


def test_an_unknown_profile_makes_nothing(jiaozi: Run, place: Path) -> None:
    ran = jiaozi("ipfs", "init", "--profile=nope", code=1)
    assert first(ran) == "Error: invalid configuration profile: nope"
    assert not (place.parent / "home").exists()


def test_without_a_home_it_says_so(jiaozi: Run, place: Path) -> None:
    ran = jiaozi("ipfs", "cat", A, code=1)
    assert first(ran).startswith(f"Error: no IPFS repo found in {place.parent / 'home'}.")


def test_add_lists_files_then_directories(ipfs: Run) -> None:
    assert ipfs("add", "-r", "d").out == ADDED
    assert ipfs("add", "-rn", "d").out == ADDED
    quiet = ipfs("add", "-rq", "d").out.splitlines()
    assert quiet == [line.split()[1] for line in ADDED.splitlines()]
    assert ipfs("add", "-rQ", "d").out == f"{TREE}\n"
    assert ipfs("add", "-rQ", "--enc=json", "d").out == f"{TREE}\n"
    assert ipfs("add", "-r", "--silent", "d").out == ""
    assert ipfs("add", "-r", "d/").out == ADDED


def test_add_keeps_the_blocks_and_pins_the_root_only(ipfs: Run) -> None:
    ipfs("add", "-r", "d")
    assert ipfs("cat", f"{TREE}/sub/z").out == "yo\n"
    assert ipfs("pin", "ls", "-t", "recursive").out.split() == [
        EMPTY, "recursive", TREE, "recursive",
    ]  # fmt: skip
    assert ipfs("pin", "ls", f"{TREE}/sub/z").out == f"{Z} indirect through {TREE}\n"


def test_only_hash_writes_nothing(ipfs: Run) -> None:
    before = ipfs("refs", "local").out
    ipfs("add", "-rn", "d")
    assert ipfs("refs", "local").out == before
    assert ipfs("pin", "ls").out == f"{EMPTY} recursive\n"


@pytest.mark.parametrize(
    ("words", "cid"),
    [
        ("-Q d/a.txt", A),
        ("-Q --cid-version=1 d/a.txt",
         "bafkreiey5jxe6ilpf62lnh77tm5ejbbmhbugzjuf6p2v3remlu73ced34q"),
        ("-Q --raw-leaves d/a.txt", "bafkreiey5jxe6ilpf62lnh77tm5ejbbmhbugzjuf6p2v3remlu73ced34q"),
        ("-Q --cid-version=1 --raw-leaves=false d/a.txt",
         "bafybeifdmflkybo26fnmpxrcoakgaeax4yrt2kftctbcz3zz6uz3c5p3xy"),
        ("-Q --hash=blake3 d/a.txt", "bafkr4ialrnqcjd5npldn7lbcdn7adkfzdr3siinblm4h3up3fvvjjlxeha"),
        ("-Q --hash=sha1 d/a.txt", "bafkrcfcvzjriny7e6t52luceqmz7vgp4ljaeu4y"),
        ("-Q --inline d/a.txt", "bafyaacykbeeaeeqdnbuqugad"),
        ("-Q --mode=0644 d/a.txt", "QmZY2pWC1df1JEtwzkuD4DYZKyN9zXkG3DmxtZcswqJvLQ"),
        ("-Q --mtime=5 d/a.txt", "QmdBADex37VtSpnYWu8RKcN8NCvPySMbdEcYa4p5MWaKPS"),
        ("-Q --mtime=5 --mtime-nsecs=5 d/a.txt", "QmeTup2MD6niiZaq98PZhqUyfzdw6BYNaTZigAXEGWNFKp"),
        ("-Q --mtime=-5 d/a.txt", "QmbxMQKamNzXyGEMEGpMmprWJa7yszUJiziwooAn3nhk7Z"),
        ("-Qr -H d", "QmYFRhv6ZjeyAPzdZAtN6DScF3H9eAJiyWXZhNZCT2zpoW"),
        ("-Qr --empty-dirs=false d", "QmTbiaJUG5eScUWUyAjEBmBk2CYAagzHKkW9krphcE7znB"),
        ("-Qr --ignore=a.txt d", "QmZe69e8YQESmY6Nh8PPL7ZWpLgsGwp27mkHHdK3pLUvV1"),
        ("-Qr --max-directory-links=1 d", "QmWsp5qp7sGYjFhDxenFvhMHWdduK4zwvtpxzsrhHwL6rj"),
        ("-Qr --max-hamt-fanout=8 --max-directory-links=2 d",
         "QmddN9vF9TFS46F43pTwwkQXVumkdxNPAe6sxVn7WX68xs"),
        ("-Qr --inline d", "Qmem4jTfMRVfVToEf2fEmpavcSHqGQFHc3Rd1NX2icNhrz"),
        ("-Qr --dereference-symlinks d", "QmRCg7hYpW2e8NhwZJCC6aFFCCimTRCNM2pv6F2A8rcBDG"),
        ("-Q d/lnk", "QmS9U51FvTAqDDVLJ5okMzeLjsEeg8JEG1rPmSq2oPahF6"),
        ("-Q --dereference-args d/lnk", A),
        ("-Qw d/a.txt d/zz", "QmNo8ZPHMPKJoUPVG215Jb1AA6gG2Srq6snT57MaDBSATH"),
        ("-Qwr d", "QmfXLwhuYSYwoWojQ6mg5Zy1WYUsFyuUwcD45ksafr6MHh"),
        ("-Q --fscache --fast-provide-wait d/a.txt", A),
    ],
)  # fmt: skip
def test_options_of_add_make_kubos_cids(ipfs: Run, words: str, cid: str) -> None:
    assert ipfs("add", *words.split()).out == f"{cid}\n"
    assert ipfs("add", "-n", *words.split()).out == f"{cid}\n"


def test_several_arguments_go_by_name_each_once(ipfs: Run) -> None:
    zz = "QmUNXr47Bja3aHUMfhXX5mMWTFJKuoUGETcA48vHG7dhag"
    assert ipfs("add", "d/zz", "d/a.txt", "d/zz").out == f"added {A} a.txt\nadded {zz} zz\n"
    rows = ipfs("add", "-r", "d/sub", "d/b").out.splitlines()
    assert [row.split(" ")[2] for row in rows] == ["b/q", "b", "sub/z", "sub"]
    ran = ipfs("add", "d/a.txt", "d/sub/../../d/a.txt")
    assert ran.out == f"added {A} a.txt\n"
    os.mkdir("other")
    os.link("d/a.txt", "other/a.txt")
    ran = ipfs("add", "other/a.txt", "d/a.txt", code=1)
    assert first(ran) == (
        "Error: file name a.txt repeated under different import directories: d and other"
    )


def test_standard_input_is_called_by_its_cid_or_its_name(
    ipfs: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    foo = "QmcJw6x4bQr7oFnVnF6i8SLcJvhXjaxWvj54FYXmZ4Ct6p"
    stdin(monkeypatch, b"foo")
    assert ipfs("add").out == f"added {foo} {foo}\n"
    stdin(monkeypatch, b"foo")
    assert ipfs("add", "-").out == f"added {foo} {foo}\n"
    stdin(monkeypatch, b"foo")
    assert ipfs("add", "-w", "--stdin-name=bar").out == (
        f"added {foo} bar\nadded QmQmVfg8auLchkhnWUY61kCRzL6cx5vCPpoKaim928WmUC \n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("add d", "'d' is a directory, use the '-r' flag to specify directories"),
        ("add nope", "lstat nope: no such file or directory"),
        ("add -r --ignore-rules-path=nope d", "open nope: no such file or directory"),
        ("add --pin=false --pin-name=x d/a.txt", "pin-name option requires pin to be set"),
        ("add --mtime-nsecs=5 d/a.txt",
         'option "mtime-nsecs" requires "mtime" to be provided as well'),
        ("cat nope", 'invalid path "nope": path does not have enough components'),
        ("cat /ipfs/foo",
         "invalid path \"/ipfs/foo\": invalid cid: encoding/hex: invalid byte: U+006F 'o'"),
        ("cat /foo/bar", 'invalid path "/foo/bar": unknown namespace: "foo"'),
        (f"cat {MISSING}",
         f"block was not found locally (offline): ipld: could not find {MISSING}"),
        (f"cat --offset=-1 {A}", "cannot specify negative offset"),
        (f"cat -l=-1 {A}", "cannot specify negative length"),
        ("cat /ipns/k51qzi5uqu5dgy5hwlxkgx9x02sw01pm02m2fadsgxrcfkwukmzp0667yimewb",
         "could not resolve name"),
        ("block put d", "invalid path 'd', argument 'data' does not support directories"),
        ("block put --mhlen=10 d/a.txt",
         "digest too small: sha2-256 digest got 10 bytes, minimum 20"),
        ("block put --mhlen=64 d/a.txt", "invalid cid: requested length was too large for digest"),
        ("block put --mhtype=foo d/a.txt", "unrecognized multihash function: foo"),
        ("block put --cid-codec=foo d/a.txt", 'unknown multicodec: "foo"'),
        ("block put --format=v0 --mhtype=sha2-512 d/a.txt",
         "only sha2-255-32 is allowed with CIDv0"),
        (f"block stat {MISSING}",
         f"block was not found locally (offline): ipld: could not find {MISSING}"),
        (f"pin add {MISSING}",
         f"pin: block was not found locally (offline): ipld: could not find {MISSING}"),
        (f"pin rm {MISSING}", "not pinned or pinned indirectly"),
        (f"pin ls {MISSING}", f"path '{MISSING}' is not pinned"),
        ("pin ls --type=foo",
         "invalid type 'foo', must be one of {direct, indirect, recursive, all}"),
        (f"pin add --name={'x' * 256} {EMPTY}", "pin name is 256 bytes (max 255 bytes)"),
        (f"refs -e --format=x {EMPTY}", "using format argument with edges is not allowed"),
        (f"get -C -l 10 {EMPTY}", "compression level must be between 1 and 9"),
        (f"get -C {EMPTY}", "file is not regular"),
        ("dag put --hash=foo x.json", 'unknown multicodec: "foo"'),
        ("dag put --input-codec=libp2p-key x.json",
         "no decoder registered for multicodec code 114 (0x72)"),
        ("config Nope", 'failed to get config value: "Nope not found"'),
        ("config Identity.PrivKey", "cannot show or change private key through API"),
        ("config Pinning.RemoteServices.x", "cannot show or change pinning services credentials"),
        ("config Import.CidVersion 1",
         "failed to set config value: failure to decode config: json: cannot unmarshal string into "
         "Go struct field Import.Import.CidVersion of type int64 (maybe use --json?)"),
        ("config --json Import.CidVersion {",
         "failed to unmarshal json. unexpected end of JSON input"),
        ("config profile apply foo", "foo is not a profile"),
        ("id foo", "invalid peer id"),
        ("repo verify --heal-timeout=x", 'invalid heal-timeout: time: invalid duration "x"'),
        ("cid format -f x Qm", 'invalid format string: "x"'),
        (f"cid format -f %z {A}", "unrecognized specifier in format string: %z"),
        (f"block stat --cid-base=foo {EMPTY}", "unsupported multibase encoding: foo"),
        (f"block stat {EMPTY} {EMPTY}", "expected 1 argument(s), got 2"),
    ],
    ids=lambda value: value[:60],
)  # fmt: skip
def test_refusals_are_kubos_first_lines(ipfs: Run, words: str, said: str) -> None:
    assert first(ipfs(*words.split(), code=1)) == f"Error: {said}"


def test_cat_counts_over_all_arguments(ipfs: Run) -> None:
    ipfs("add", "-r", "d")
    assert ipfs("cat", A, f"{TREE}/sub/z").out == "hi\nyo\n"
    assert ipfs("cat", "-o", "1", "-l", "4", A, f"{TREE}/sub/z").out == "i\nyo"
    assert ipfs("cat", "-o", "4", A, f"{TREE}/sub/z").out == "o\n"
    assert ipfs("cat", "-o", "99", A).out == ""
    assert ipfs("cat", "-l", "0", MISSING).out == ""
    assert ipfs("cat", f"{TREE}/lnk").out == "a.txt"
    assert first(ipfs("cat", TREE, code=1)) == "Error: this dag node is a directory"
    assert first(ipfs("cat", f"{TREE}/nope", code=1)) == (
        f'Error: no link named "nope" under {TREE}'
    )


def test_ls_prints_a_table(ipfs: Run) -> None:
    ipfs("add", "-r", "d")
    lines = ipfs("ls", "-v", TREE).out.splitlines()
    assert lines[0] == "Hash                                           Size Name"
    assert lines[1] == f"{A} 3    a.txt"
    assert lines[3] == f"{EMPTY} -    empty/"
    assert ipfs("ls", "--enc=json", f"{TREE}/sub").out == f"{Z} 3 z\n"
    assert ipfs("ls", "--size=false", f"{TREE}/sub").out == f"{Z} z\n"
    assert ipfs("ls", "-s", f"{TREE}/sub").out == f"{Z} 3         z\n"
    assert ipfs("ls", "-l", f"{TREE}/sub").out == f"- {Z} 3 - z\n"
    assert ipfs("ls", f"{TREE}/sub", EMPTY).out == f"{TREE}/sub:\n{Z} 3 z\n\n{EMPTY}:\n"
    row = json.loads(ipfs("ls", "--json", f"{TREE}/sub").out)["Objects"][0]["Links"][0]
    assert row == {"Name": "z", "Hash": Z, "Size": 3, "Type": 2, "Target": "", "Mode": 0,
                   "ModTime": "0001-01-01T00:00:00Z"}  # fmt: skip


def test_ls_long_shows_what_was_preserved(ipfs: Run) -> None:
    os.mkdir("m")
    Path("m/x").write_text("x")
    os.chmod("m/x", 0o754)
    os.utime("m/x", (1_000_000_000, 1_000_000_000))
    cid = ipfs("add", "-Qr", "--preserve-mode", "--preserve-mtime", "m").out.strip()
    mode, _, size, *when, name = ipfs("ls", "-l", cid).out.split()
    assert (mode, size, when, name) == ("-rwxr-xr--", "1", ["Sep", "09", "2001"], "x")


def test_refs_follow_links_depth_first(ipfs: Run) -> None:
    ipfs("add", "-r", "d")
    all_of = ipfs("refs", "-r", TREE).out.split()
    assert len(all_of) == 9
    assert all_of[6:8] == [SUB, Z]
    assert ipfs("refs", "-e", f"{TREE}/sub").out == f"{SUB} -> {Z}\n"
    assert ipfs("refs", "--format=<linkname>", f"{TREE}/sub").out == "z\n"
    assert ipfs("refs", "-r", "--max-depth=0", TREE).out == ""
    assert ipfs("refs", "-ru", TREE, TREE).out.split() == all_of
    assert ipfs("refs", "--enc=json", f"{TREE}/sub").out == f'{{"Ref":"{Z}","Err":""}}\n'


def test_pins_are_named_replaced_and_removed(ipfs: Run) -> None:
    ipfs("add", "-r", "--pin=false", "d")
    assert ipfs("pin", "add", "-n", "mine", TREE).out == f"pinned {TREE} recursively\n"
    assert ipfs("pin", "ls", "--names", TREE).out == f"{TREE} recursive mine\n"
    assert ipfs("pin", "ls", "-n", "in").out == f"{TREE} recursive mine\n"
    assert ipfs("pin", "ls", "-s", "-n", "in", "--enc=json").out == (
        f'{{"Cid":"{TREE}","Name":"mine","Type":"recursive"}}\n'
    )
    ran = ipfs("pin", "add", "-r=false", TREE, code=1)
    assert first(ran) == f"Error: pin: {TREE} already pinned recursively"
    ran = ipfs("pin", "rm", "-r=false", TREE, code=1)
    assert first(ran) == f"Error: {TREE} is pinned recursively"
    assert ipfs("pin", "rm", TREE).out == f"unpinned {TREE}\n"
    assert ipfs("pin", "add", "--recursive=false", TREE).out == f"pinned {TREE} directly\n"
    assert ipfs("pin", "ls", "-t", "direct").out == f"{TREE} direct\n"


def test_get_writes_files_or_archives(ipfs: Run, place: Path) -> None:
    ipfs("add", "-r", "d")
    assert ipfs("get", TREE, "-o", "out").out == "Saving file(s) to out\n"
    assert (place / "out" / "sub" / "z").read_text() == "yo\n"
    assert os.readlink(place / "out" / "lnk") == "a.txt"
    assert ipfs("get", f"{TREE}/zz").out == "Saving file(s) to zz\n"
    assert ipfs("get", "-a", f"{TREE}/sub").out == "Saving archive to sub.tar\n"
    with tarfile.open(place / "sub.tar") as archive:
        assert archive.getnames() == ["sub", "sub/z"]
    assert ipfs("get", "-C", f"{TREE}/zz").out == "Saving archive to zz.gz\n"
    assert gzip.decompress((place / "zz.gz").read_bytes()) == b"x\n"
    assert ipfs("get", "-aC", f"{TREE}/sub").out == "Saving archive to sub.tar.gz\n"
    ran = ipfs("get", "-a", "-o", "none", MISSING, code=1)
    assert ran.out == ""
    assert not (place / "none.tar").exists()


def test_blocks_are_put_got_told_of_and_removed(ipfs: Run) -> None:
    cid = "bafkreiey5jxe6ilpf62lnh77tm5ejbbmhbugzjuf6p2v3remlu73ced34q"
    assert ipfs("block", "put", "d/a.txt").out == f"{cid}\n"
    assert ipfs("block", "put", "--format=v0", "d/a.txt").out == (
        "QmYda1cqUPQuG16zUhQ13rkjm8D5CNnhhNWXRoSKZm3wnB\n"
    )
    assert ipfs("block", "put", "--mhlen=20", "d/a.txt").out == (
        "bafkrefey5jxe6ilpf62lnh77tm5ejbbmhbugzjq\n"
    )
    assert ipfs("block", "put", "--mhtype=identity", "d/a.txt").out == "bafkqaa3inefa\n"
    assert ipfs("block", "get", cid).out == "hi\n"
    assert ipfs("block", "stat", cid).out == f"Key: {cid}\nSize: 3\n"
    assert ipfs("block", "stat", "--enc=json", "bafkqaaik").out == '{"Key":"bafkqaaik","Size":1}\n'
    assert ipfs("block", "rm", cid).out == f"removed {cid}\n"
    ran = ipfs("block", "rm", cid, code=1)
    assert ran.err == (
        f"cannot remove {cid}: ipld: could not find {cid}\nError: some blocks not removed\n"
    )
    assert ipfs("block", "rm", "-f", cid).out == f"removed {cid}\n"


def test_pinned_blocks_are_kept(ipfs: Run) -> None:
    ipfs("add", "-r", "d")
    ran = ipfs("block", "rm", TREE, Z, code=1)
    assert f"cannot remove {TREE}: pinned: recursive\n" in ran.err
    assert f"cannot remove {Z}: pinned via {TREE}\n" in ran.err
    assert ipfs("cat", f"{TREE}/sub/z").out == "yo\n"


def test_a_big_block_is_refused_before_it_is_stored(ipfs: Run, place: Path) -> None:
    (place / "big").write_bytes(bytes(2 * 1024 * 1024 + 1))
    before = ipfs("refs", "local").out
    assert "produced block is over 2MiB" in first(ipfs("block", "put", "big", code=1))
    assert ipfs("refs", "local").out == before
    ipfs("block", "put", "--allow-big-block", "big")


def test_dag_values_go_in_and_out(ipfs: Run) -> None:
    ipfs("add", "-r", "d")
    assert ipfs("dag", "put", "x.json").out == f"{NODE}\n"
    assert ipfs("dag", "put", "--enc=json", "x.json").out == f'{{"Cid":{{"/":"{NODE}"}}}}\n'
    assert ipfs("dag", "get", NODE).out == (
        '{"a":1,"b":{"/":{"bytes":"AQI"}},"l":{"/":"' + A + '"}}'
    )
    assert ipfs("dag", "get", f"{NODE}/a").out == "1"
    assert (
        ipfs("dag", "get", f"{NODE}/l").out == '{"Data":{"/":{"bytes":"CAISA2hpChgD"}},"Links":[]}'
    )
    assert ipfs("dag", "get", "--output-codec=raw", f"{NODE}/b").raw == b"\x01\x02"
    assert first(ipfs("dag", "get", f"{NODE}/nope", code=1)) == 'Error: key not found: "nope"'
    assert ipfs("dag", "resolve", f"{NODE}/a").out == f"{NODE}/a"
    assert ipfs("dag", "resolve", f"{TREE}/sub/z", "--enc=json").out == (
        f'{{"Cid":{{"/":"{Z}"}},"RemPath":""}}\n'
    )
    assert json.loads(ipfs("dag", "stat", "--enc=json", TREE, f"{TREE}/sub").out) == {
        "UniqueBlocks": 10, "TotalSize": 487, "SharedSize": 58, "Ratio": 1.1190965,
        "DagStats": [{"Cid": TREE, "Size": 487, "NumBlocks": 10},
                     {"Cid": SUB, "Size": 58, "NumBlocks": 2}],
    }  # fmt: skip


def test_the_input_of_dag_put_is_limited(
    ipfs: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dag, "MAX_INPUT_BYTES", 10)
    (place / "long.json").write_text('"12345678901"')
    assert "over the limit of 10" in first(ipfs("dag", "put", "long.json", code=1))


def test_a_car_goes_from_home_to_home(ipfs: Run, place: Path) -> None:
    ipfs("add", "-r", "d")
    (place / "d.car").write_bytes(ipfs("dag", "export", TREE).raw)
    here = place.parent / "home"
    here.rename(place.parent / "other")
    ipfs("init")
    assert ipfs("dag", "import", "--stats", "d.car").out == (
        f"Pinned root\t{TREE}\tsuccess\nImported 10 blocks (487 bytes)\n"
    )
    assert ipfs("cat", f"{TREE}/sub/z").out == "yo\n"
    assert ipfs("dag", "import", "--silent", "d.car").out == ""


@pytest.mark.parametrize("how", ["cut", "flipped", "not a car"])
def test_a_broken_car_changes_nothing(ipfs: Run, place: Path, how: str) -> None:
    ipfs("add", "-r", "d")
    whole = ipfs("dag", "export", TREE).raw
    broken = {"cut": whole[:-5], "flipped": whole[:-1] + b"\0", "not a car": b"hello"}[how]
    (place / "broken.car").write_bytes(broken)
    (place.parent / "home").rename(place.parent / "other")
    ipfs("init")
    before = ipfs("refs", "local").out
    ran = ipfs("dag", "import", "broken.car", code=1)
    assert first(ran).startswith("Error: import failed")
    assert len(ran.err.splitlines()) == 1
    assert ipfs("refs", "local").out == before
    assert ipfs("pin", "ls").out == f"{EMPTY} recursive\n"


def test_a_partial_dag_is_exported_when_asked_for(ipfs: Run, place: Path) -> None:
    ipfs("add", "-r", "--pin=false", "d")
    ipfs("block", "rm", Z)
    whole = ipfs("dag", "export", TREE, code=1)
    assert first(whole).endswith(
        "(currently offline, perhaps retry after attaching to the network)"
    )
    (place / "part.car").write_bytes(ipfs("dag", "export", "--local-only", TREE).raw)
    assert ipfs("dag", "import", "--local-only", "--stats", "part.car").out == (
        "Imported 9 blocks (476 bytes)\n"
    )
    ran = ipfs("dag", "import", "part.car", code=1)
    assert first(ran).startswith(f'Error: pinning root "{TREE}" FAILED: ')


def test_the_config_is_read_set_and_checked(ipfs: Run, place: Path) -> None:
    assert ipfs("config", "Import.CidVersion").out == "null\n"
    assert ipfs("config", "--json", "Import.CidVersion", "1").out == ""
    assert ipfs("config", "Import.CidVersion", "--enc=json").out == (
        '{"Key":"Import.CidVersion","Value":1}\n'
    )
    assert ipfs("add", "-Q", "d/a.txt").out.startswith("bafkrei")
    ipfs("config", "user.name", "Ada")
    assert ipfs("config", "user.name").out == "Ada\n"
    assert "PrivKey" not in ipfs("config", "show").out
    shown = json.loads(ipfs("config", "show").out)
    shown["Import"]["CidVersion"] = 0
    (place / "new.json").write_text(json.dumps(shown))
    ipfs("config", "replace", "new.json")
    assert ipfs("config", "Import.CidVersion").out == "0\n"
    shown["Identity"]["PrivKey"] = "x"
    (place / "new.json").write_text(json.dumps(shown))
    ran = ipfs("config", "replace", "new.json", code=1)
    assert first(ran) == "Error: setting private key with API is not supported"


def test_a_profile_is_shown_or_applied_with_a_copy_kept(ipfs: Run, place: Path) -> None:
    home = place.parent / "home"
    before = (home / "config").read_bytes()
    assert (
        '** "CidVersion": 1,'
        in ipfs("config", "profile", "apply", "--dry-run", "unixfs-v1-2025").out
    )
    assert (home / "config").read_bytes() == before
    ipfs("config", "profile", "apply", "unixfs-v1-2025")
    [kept] = home.glob("config-pre-unixfs-v1-2025-*")
    assert kept.read_bytes() == before
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert ipfs("config", "Import.UnixFSChunker").out == "size-1048576\n"


def test_the_editor_of_config_edit_gets_the_file(
    ipfs: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDITOR", raising=False)
    assert first(ipfs("config", "edit", code=1)) == "Error: ENV variable $EDITOR not set"
    monkeypatch.setenv("EDITOR", "sed -i s/10GB/11GB/")
    ipfs("config", "edit")
    assert ipfs("config", "Datastore.StorageMax").out == "11GB\n"


def test_ids_and_versions_answer_as_kubos_do(ipfs: Run) -> None:
    shown = json.loads(ipfs("id").out)
    assert list(shown) == ["ID", "PublicKey", "Addresses", "AgentVersion", "Protocols"]
    assert shown["AgentVersion"].startswith("jiaozi/")
    assert ipfs("id", "-f", r"<id>\t<aver>\n").out == f"{shown['ID']}\t{shown['AgentVersion']}\n"
    assert ipfs("id", "--peerid-base=k", "-f", "<id>").out.startswith("k51")
    assert ipfs("version").out == "ipfs version 0.43.0\n"
    assert ipfs("version", "-n").out == "0.43.0\n"
    assert ipfs("version", "--repo").out == "18\n"
    assert ipfs("repo", "version", "-q").out == "fs-repo@18\n"


def test_the_repo_is_measured_and_verified(ipfs: Run, place: Path) -> None:
    ipfs("add", "-r", "d")
    told = ipfs("repo", "stat").out.splitlines()
    assert told[0] == "NumObjects: 10"
    assert told[3] == f"RepoPath:   {place.parent / 'home'}"
    assert ipfs("repo", "verify").out.endswith("verify complete, all blocks validated.\n")
    assert ipfs("repo", "verify", "--json").out.count("\n") == 11


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (f"format -v 1 {TREE}", "zdj7Wgmf1rxF3X63N6DQgo71R4oqaCuYeRgT1Kx13V4Sh9ysQ"),
        (f"format -b base36 {TREE}", "k2jmtxvkast9r9xlkti5rmj8jk5mkchdfbyh617lk64qcxeblosdx2zv"),
        (f"format --mc=raw {TREE}", "zb2rhhz38V6dRJW7qdqf3bmpwchydixYbLHVTiVduyyPXZFuC"),
        (f"format -f %P {TREE}", "cidv0-dag-pb-sha2-256-32"),
        (f"format -f %%-%b-%B-%v-%V-%c-%C-%h-%H-%L {TREE}",
         "%-base58btc-z-cidv0-0-dag-pb-112-sha2-256-18-32"),
        ("format -v 0 bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34", MISSING),
        ("base32 zdj7WWeQ43G6JJvLWQWZpyHuAMq6uYWRjkBXFad11vE2LHhQ7",
         "bafybeiasb5vpmaounyilfuxbd3lryvosl4yefqrfahsb2esg46q6tu6y5q"),
    ],
)  # fmt: skip
def test_cids_are_converted(jiaozi: Run, words: str, out: str) -> None:
    assert jiaozi("ipfs", "cid", *words.split()).out == f"{out}\n"


def test_what_is_no_cid_is_told_of_and_the_rest_goes_on(jiaozi: Run) -> None:
    ran = jiaozi("ipfs", "cid", "format", "foo", TREE, "x", code=1)
    assert ran.out == f"{TREE}\n"
    assert ran.err.splitlines() == [
        "foo: invalid cid: encoding/hex: invalid byte: U+006F 'o'",
        "x: invalid cid: cid too short",
        "Error: errors while displaying some entries",
    ]


def test_a_peer_id_is_pointed_to_its_cid(jiaozi: Run) -> None:
    peer = "12D3KooWBGZzUXEFrPp3MADHbFRvgRMpgEdjfJjRs1h5wBByq4Ty"
    ran = jiaozi("ipfs", "cid", "inspect", peer, code=1)
    assert ran.err.splitlines()[2].strip() == (
        "k51qzi5uqu5dgpxzjr5y084tg6ui194yh646q2oizybze8zewsmwnkvn2d0c3s"
    )


def test_tables_of_codes_are_those_of_kubo(jiaozi: Run) -> None:
    assert len(jiaozi("ipfs", "cid", "codecs").out.splitlines()) == 44
    hashes = jiaozi("ipfs", "cid", "hashes", "-n").out.splitlines()
    assert len(hashes) == 73
    assert hashes[-1] == "45664  blake2s-256"
    assert jiaozi("ipfs", "cid", "bases", "--prefix", "--numeric").out.splitlines()[:2] == [
        "        0  identity",
        "0      48  base2",
    ]


def test_arguments_come_from_standard_input(ipfs: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ipfs("add", "-r", "d")
    stdin(monkeypatch, f"{A}\n{TREE}/sub/z\n".encode())
    assert ipfs("cat").out == "hi\nyo\n"
    stdin(monkeypatch, b"")
    assert first(ipfs("cat", code=1)) == 'Error: argument "ipfs-path" is required'
    monkeypatch.setattr(cli, "MAX_STDIN_ARGUMENT_BYTES", 10)
    stdin(monkeypatch, b"x" * 11)
    assert "over the limit of 10" in first(ipfs("cat", code=1))
