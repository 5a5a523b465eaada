"""The path gateway on its fixtures: https://specs.ipfs.tech/http-gateways/path-gateway/."""

import io
import tarfile

import pytest

from jiaozi_node.formats import unixfs_pb
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import DAG_PB
from jiaozi_node.http.gateway.naming import MAX_NAME_CHARACTERS
from jiaozi_node.http.gateway.target import MAX_LINE_BYTES
from tests.http.gateway.wire import Node

pytestmark = pytest.mark.asyncio
IMMUTABLE = "public, max-age=29030400, immutable"
LISTING = "public, max-age=604800, stale-while-revalidate=2678400"


async def test_a_file_has_all_its_headers(node: Node) -> None:
    root = node.load("gateway-cache/fixtures")
    path = f"/ipfs/{root}/root2/root3/root4/index.html"
    got = await node.get(path)
    assert (got.status, got["cache-control"], got["x-ipfs-path"]) == (200, IMMUTABLE, path)
    roots = got["x-ipfs-roots"].split(",")
    assert (len(roots), roots[0]) == (5, str(root))
    assert got["etag"] == f'"{roots[-1]}"'
    assert got["content-type"] == "text/html"
    assert got["accept-ranges"] == "bytes"
    assert got["x-content-type-options"] == "nosniff"
    assert got["content-security-policy"].startswith("sandbox ")
    assert "allow-same-origin" not in got["content-security-policy"]
    assert got.get("last-modified") is None
    head = await node.head(path)
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


async def test_a_directory_is_its_index_or_a_listing(node: Node) -> None:
    root = node.load("gateway-cache/fixtures")
    base = f"/ipfs/{root}/root2/root3"
    moved = await node.get(f"{base}/root4")
    assert (moved.status, moved["location"]) == (301, f"{base}/root4/")
    index = await node.get(f"{base}/root4/")
    assert index.body == (await node.get(f"{base}/root4/index.html")).body
    assert index["cache-control"] == IMMUTABLE
    assert index["etag"] == f'"{index["x-ipfs-roots"].split(",")[-1]}"'
    listed = await node.get(f"{base}/")
    assert listed["etag"] == f'"DirIndex-jz1_CID-{listed["x-ipfs-roots"].split(",")[-1]}"'
    assert listed["cache-control"] == LISTING
    assert listed["content-security-policy"].startswith("default-src 'none'")
    assert f'<a href="{base}/root4">root4</a>' in listed.text
    assert f'<a href="{base}/..">..</a>' in listed.text
    assert '">..</a>' not in (await node.get(f"/ipfs/{root}/")).text
    assert (await node.head(f"{base}/"))["etag"] == listed["etag"]


async def test_names_of_any_script_are_listed_and_found(node: Node) -> None:
    root = node.load("dir_listing/fixtures")
    base = f"/ipfs/{root}/%C4%85/%C4%99"
    assert (await node.get(base))["location"] == f"{base}/"
    listed = (await node.get(f"{base}/")).text
    file = (await node.get(f"{base}/file-%C5%BA%C5%82.txt"))["x-ipfs-roots"].split(",")[-1]
    assert f'<a href="{base}/file-%C5%BA%C5%82.txt">file-źł.txt</a>' in listed
    assert f'href="/ipfs/{file}?filename=file-%25C5%25BA%25C5%2582.txt">' in listed
    crumbs = f'/ipfs/<a href="/ipfs/{root}">{root}</a>/<a href="/ipfs/{root}/%C4%85">ą</a>'
    assert crumbs in listed
    percent = node.load("path_gateway_unixfs/dir-with-percent-encoded-filename")
    name = "Portugal%252C+Espa%C3%B1a=Peninsula%20Ib%C3%A9rica.txt"
    assert (await node.get(f"/ipfs/{percent}/{name}")).status == 200


async def test_a_symlink_is_its_target(node: Node) -> None:
    root = node.load("path_gateway_unixfs/symlink")
    got = await node.get(f"/ipfs/{root}/bar")
    assert (got.status, got.body, got["content-type"]) == (200, b"foo", "inode/symlink")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ('"{tag}"', 304), ('W/"{tag}"', 304), ("*", 304), ('"a", W/"b", "{tag}"', 304),
        ('"a"', 200), ("{tag}", 200), ("", 200),
    ],
)  # fmt: skip
@pytest.mark.parametrize("below", ["root2/root3/root4/index.html", "root2/root3/root4/", "root2/"])
async def test_what_the_client_has_is_not_sent(
    node: Node, given: str, status: int, below: str
) -> None:
    path = f"/ipfs/{node.load('gateway-cache/fixtures')}/{below}"
    tag = (await node.get(path))["etag"].strip('"')
    got = await node.get(path, If_None_Match=given.format(tag=tag))
    assert got.status == status
    if status == 304:
        assert got["etag"] == f'"{tag}"'
        assert got["cache-control"] in (IMMUTABLE, LISTING)
        assert got.get("content-type") is None


async def test_only_if_cached_asks_nobody(node: Node) -> None:
    root = node.load("gateway-cache/fixtures")
    for method in ("GET", "HEAD"):
        got = await node.get(f"/ipfs/{root}/root2/", method, Cache_Control="only-if-cached")
        assert got.status == 200
        absent = "/ipfs/QmYzfKSE55XCjD1MW128RfciAf2DViABhEiXfgVFMabSjN"
        assert (await node.get(absent, method, Cache_Control="only-if-cached")).status == 412


@pytest.mark.parametrize(
    ("query", "how", "plain", "whole"),
    [
        ("?filename=test%D1%82.txt", "inline", "test_.txt", "test%D1%82.txt"),
        ("?filename=a.txt&download=true", "attachment", "a.txt", "a.txt"),
        ("?download=true", "attachment", "ascii.txt", "ascii.txt"),
        (
            "?filename=%0d%0aX-E:%201%22%00",
            "inline",
            "%0D%0AX-E:%201%22%00",
            "%0D%0AX-E:%201%22%00",
        ),
        ("?filename=", "", "", ""),
        ("", "", "", ""),
    ],
)
async def test_a_name_can_be_given(
    node: Node, query: str, how: str, plain: str, whole: str
) -> None:
    root = node.load("path_gateway_unixfs/dir-with-files")
    got = await node.get(f"/ipfs/{root}/ascii.txt{query}")
    assert got.status == 200
    expected = f"{how}; filename=\"{plain}\"; filename*=UTF-8''{whole}" if how else None
    assert got.get("content-disposition") == expected
    assert got.get("x-e") is None


async def test_the_time_that_a_file_records_is_a_condition(node: Node) -> None:
    message = unixfs_pb.encode(unixfs_pb.UnixFs(unixfs_pb.FILE, b"old", mtime=(1_000_000_000, 5)))
    block = Block.of(b"\x0a" + bytes((len(message),)) + message, DAG_PB)
    node.put(block)
    got = await node.get(f"/ipfs/{block.cid}")
    assert (got.body, got["last-modified"]) == (b"old", "Sun, 09 Sep 2001 01:46:40 GMT")
    since = {"If_Modified_Since": got["last-modified"]}
    assert (await node.get(f"/ipfs/{block.cid}", **since)).status == 304
    since = {"If_Modified_Since": "Sun, 09 Sep 2001 01:46:39 GMT"}
    assert (await node.get(f"/ipfs/{block.cid}", **since)).status == 200
    until = {"If_Unmodified_Since": "Sun, 09 Sep 2001 01:46:39 GMT"}
    assert (await node.get(f"/ipfs/{block.cid}", **until)).status == 412
    assert (await node.get(f"/ipfs/{block.cid}", If_Match='"x"')).status == 412
    assert (await node.get(f"/ipfs/{block.cid}", If_Match=got["etag"])).status == 200


@pytest.mark.parametrize(
    ("target", "status", "says"),
    [
        ("/", 404, "write /ipfs/CID/path"),
        ("/ipfs", 400, "write /ipfs/CID/path"),
        ("/ipfs/", 400, "write /ipfs/CID/path"),
        ("/other/x", 404, "write /ipfs/CID/path"),
        ("/ipfs/QmInvalid", 400, "invalid CID"),
        ("/ipfs/{root}/nope", 404, "no link named 'nope' under {root}"),
        ("/ipfs/{root}/ascii.txt/nope", 404, "it is raw data"),
        ("/ipfs/bafkreiebzrnroamgos2adnbpgw5apo3z4iishhbdx77gldnbk57d4zdio4", 404, "is not here"),
        ("/ipfs/{root}/%zz", 400, "two hexadecimal digits"),
        ("/ipfs/{root}/%2e%2e/%2e%2e/x", 400, "climbs above its root"),
        ("/ipfs/{root}?format=tar&x=%00", 200, ""),
        ("/ipns/en.example", 503, "this node follows no names"),
        ("/ipfs/{root}/" + "a/" * 300, 400, "over the limit of 256"),
        ("/ipfs/{root}/" + "a" * 9000, 400, "over the limit of 8192"),
        ("/ipfs/{root}?" + "a&" * 200, 400, "over the limit of 100"),
        ("/ipfs/{root}?" + "a" * 17000, 400, "over the limit of 16384"),
        ("/ipfs/?uri=http://x", 400, "must be ipfs or ipns"),
    ],
)
async def test_what_can_not_be_is_said(node: Node, target: str, status: int, says: str) -> None:
    root = node.load("path_gateway_unixfs/dir-with-files")
    target, says = target.format(root=root), says.format(root=root)
    got = await node.get(target)
    assert got.status == status
    if status != 200:
        assert says in got.text
        assert got["content-type"] == "text/plain; charset=utf-8"
        page = await node.get(target, Accept="text/html,*/*;q=0.8")
        assert page["content-type"] == "text/html; charset=utf-8"
        assert f"<h1>{status} " in page.text
        assert got.get("etag") is got.get("accept-ranges") is None


@pytest.mark.parametrize(
    ("target", "status", "location"),
    [
        ("/ipfs/{root}//ascii.txt", 307, "/ipfs/{root}/ascii.txt"),
        ("/ipfs/{root}/x/../ascii.txt?a=b", 307, "/ipfs/{root}/ascii.txt?a=b"),
        ("/ipfs/{root}/./", 307, "/ipfs/{root}/"),
        ("/ipfs/ipfs/{root}/ascii.txt?a=b", 301, "/ipfs/{root}/ascii.txt?a=b"),
        ("/ipfs/ipns/k51/x/", 301, "/ipns/k51/x/"),
        ("/ipfs/?uri=ipfs%3A%2F%2F{root}%2Fascii.txt%3Fa%3Db", 301, "/ipfs/{root}/ascii.txt?a=b"),
        ("/ipns/12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d/a", 302,
         "/ipns/k51qzi5uqu5dk3v4rmjber23h16xnr23bsggmqqil9z2gduiis5se8dht36dam/a"),
    ],
)  # fmt: skip
async def test_other_ways_to_write_a_path_lead_to_it(
    node: Node, target: str, status: int, location: str
) -> None:
    root = node.load("path_gateway_unixfs/dir-with-files")
    got = await node.get(target.format(root=root))
    assert (got.status, got.get("location")) == (status, location.format(root=root))


async def test_escaped_slashes_separate_and_escaped_dots_are_cleaned(node: Node) -> None:
    root = node.load("gateway-cache/fixtures")
    plain = await node.get(f"/ipfs/{root}/root2/root3/root4/index.html")
    for path in ("root2%2froot3%2Froot4/index.html", "root2/x/%2E%2e/root3/root4/index.html"):
        got = await node.get(f"/ipfs/{root}/{path}")
        assert (got.status, got.body, got["x-ipfs-path"]) == (
            200,
            plain.body,
            plain["x-ipfs-path"],
        )


async def test_reading_is_all_there_is_and_any_site_may(node: Node) -> None:
    hello = "/ipfs/bafkqabtimvwgy3yk/"
    for method in ("GET", "HEAD", "OPTIONS"):
        got = await node.get(hello, method)
        assert got.status == 200
        assert got["access-control-allow-origin"] == "*"
        assert got["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
        assert "X-Ipfs-Roots" in got["access-control-expose-headers"]
        assert "Range" in got["access-control-allow-headers"]
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        got = await node.get(hello, method, Content_Length="0")
        assert (got.status, got["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_a_service_worker_of_a_root_is_refused(node: Node) -> None:
    root = node.load("path_gateway_unixfs/dir-with-files")
    worker = {"Service_Worker": "script"}
    assert (await node.get(f"/ipfs/{root}", **worker)).status == 400
    assert (await node.get("/ipns/en.example", **worker)).status == 400
    assert (await node.get(f"/ipfs/{root}/ascii.txt", **worker)).status == 200


async def test_a_tree_comes_as_tar(node: Node) -> None:
    root = node.load("path_gateway_tar/fixtures")
    got = await node.get(f"/ipfs/{root}?format=tar")
    assert (got.status, got["content-type"]) == (200, "application/x-tar")
    assert got["etag"] == f'W/"{root}.x-tar"'
    assert got["content-disposition"].startswith(f'attachment; filename="{root}.tar"')
    with tarfile.open(fileobj=io.BytesIO(got.body)) as archive:
        file = archive.extractfile(f"{root}/ą/ę/file-źł.txt")
        assert file is not None
        assert file.read() == b"I am a txt file on path with utf8\n"
    same = await node.get(f"/ipfs/{root}?format=tar", If_None_Match=got["etag"])
    assert same.status == 304
    inside = await node.get(f"/ipfs/{node.load('path_gateway_tar/inside-root')}?format=tar")
    with tarfile.open(fileobj=io.BytesIO(inside.body)) as archive:
        assert [name.partition("/")[2] for name in archive.getnames()] == [
            "", "foobar", "foobar/directory", "foobar/file",
        ]  # fmt: skip
    outside = await node.get(f"/ipfs/{node.load('path_gateway_tar/outside-root')}?format=tar")
    assert (outside.status, "leads out of the tree" in outside.text) == (500, True)


async def test_a_line_has_a_limit(node: Node) -> None:
    got = await node.get("/ipfs/bafkqaaa?" + "a" * MAX_LINE_BYTES)
    assert got.status == 400
    assert (await node.get("/ipfs/bafkqaaa?a=" + "b" * 16_000)).status == 200


async def test_a_name_is_cut(node: Node) -> None:
    got = await node.get("/ipfs/bafkqaaa?filename=" + "n" * 3000)
    assert got["content-disposition"].count("n" * MAX_NAME_CHARACTERS) == 2
    assert "n" * (MAX_NAME_CHARACTERS + 1) not in got["content-disposition"]
