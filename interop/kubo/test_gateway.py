"""The same requests to both gateways on equal content: status, headers, body.

The list is made from targets, methods and headers; `DIFFERS` holds what must differ, with the
reason, and a difference that goes away is a failure too.
"""

import io
import json
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from interop import gateways
from interop.gateways import Got, ask
from interop.kubo import recipes
from interop.programs import Pair
from jiaozi_node.errors import Malformed
from jiaozi_node.formats import car

# What a client acts on. Etags of generated pages and CARs are each gateway's own.
COMPARED = (
    "content-type", "etag", "cache-control", "x-ipfs-path", "x-ipfs-roots", "content-length",
    "content-range", "accept-ranges", "location", "content-disposition", "content-location",
    "last-modified", "access-control-allow-origin", "allow",
)  # fmt: skip
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
RAW, CAR = "application/vnd.ipld.raw", "application/vnd.ipld.car"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; names in braces stand for CIDs."""

    target: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return " ".join([self.method, self.target, *(f"{n}={v}" for n, v in self.headers)])


def made(*, seed: int) -> list[Ask]:
    """Return the list: each kind of request to each kind of target, and some at random."""
    rng = random.Random(seed)
    files = ("{tree}/small.txt", "{tree}/sub/page.html", "{big}", "{raw}", "{tree}/empty.txt",
             "{hamt}/07", "{node}/tree/small.txt", "{tree}/no.such", "{tree}/noext")  # fmt: skip
    places = ("{tree}", "{tree}/", "{tree}/sub", "{tree}/sub/", "{hamt}/", "{site}/", "{site}",
              "{tree}/sub?a=b")  # fmt: skip
    odd = (
        "{tree}//small.txt", "{tree}/sub/../small.txt", "{tree}/sub%2fpage.html", "{tree}/%00",
        "{tree}/%2e%2e/x", "{tree}/small.txt/", "{tree}/small.txt/x", "QmInvalid", "{absent}",
        "{node}/list/0", "{node}/nothing", "{node}", "{json}", "{tree}/link", "bafkqaaa",
        "bafkqabtimvwgy3yk", "ipfs/{tree}/small.txt", "{tree}/%zz", "{tree}/od%C3%A9%20%23.txt",
    )  # fmt: skip
    out = [Ask(f"/ipfs/{at}", method) for at in (*files, *places) for method in ("GET", "HEAD")]
    out += [Ask(f"/ipfs/{at}", headers=h) for at in odd for h in ((), tuple(BROWSER.items()))]
    for span in ("0-0", "5-9", "10-", "-3", "-99999999", "599999-", "99999999-", "0-99999999"):
        for at in (*files[:5], "{node}", "{raw}?format=raw"):
            out += [Ask(f"/ipfs/{at}", m, (("Range", f"bytes={span}"),)) for m in ("GET", "HEAD")]
    for form in ("raw", "car", "tar", "json", "cbor", "dag-json", "dag-cbor", "ipns-record", "x"):
        for at in ("{tree}", "{raw}", "{node}", "{json}", "{tree}/small.txt", "{absent}"):
            out += [Ask(f"/ipfs/{at}?format={form}", method) for method in ("GET", "HEAD")]
    for accept in (
        RAW, CAR, f"{CAR}; version=1; order=dfs; dups=y", f"{CAR};version=2",
        "application/json", "application/x-tar", "application/vnd.ipld.unknown",
    ):  # fmt: skip
        for at in ("{tree}/small.txt", "{raw}?a=b", "{node}"):
            out.append(Ask(f"/ipfs/{at}", headers=(("Accept", accept),)))
    for scope in ("block", "entity", "all", "x"):
        for at in ("{tree}/sub", "{big}", "{hamt}", "{hamt}/07", "{node}/tree", "{tree}/no"):
            dups = rng.choice(("", "&car-dups=y", "&car-dups=n"))
            out.append(Ask(f"/ipfs/{at}?format=car&dag-scope={scope}{dups}"))
    for _ in range(24):
        first, last = (
            rng.randint(-600_100, 600_100),
            rng.choice(("*", str(rng.randint(0, 700_000)))),
        )
        if first < 0 and last != "*":
            last = "*"
        if last != "*" and int(last) < first:
            last = str(first)
        out.append(Ask(f"/ipfs/{{big}}?format=car&dag-scope=entity&entity-bytes={first}:{last}"))
    for tag in ('"x"', "*", '"{raw}"', 'W/"{raw}", "y"', '"{raw}.raw"'):
        for at in ("{raw}", "{raw}?format=raw", "{tree}/small.txt"):
            out.append(Ask(f"/ipfs/{at}", headers=(("If-None-Match", tag),)))
    for query in ("filename=a.txt", "filename=%D1%82.html&download=true", "filename=a%0d%0ab"):
        out += [Ask(f"/ipfs/{at}?{query}") for at in ("{raw}", "{big}", "{node}")]
    out += [Ask(f"/ipfs/{at}", m, (("Cache-Control", "only-if-cached"),))
            for at in ("{tree}/sub/", "{absent}") for m in ("GET", "HEAD")]  # fmt: skip
    out += [Ask("/ipfs/{raw}", method) for method in ("OPTIONS", "POST", "PUT", "DELETE")]
    out += [Ask(at) for at in ("/ipfs/?uri=ipfs%3A%2F%2F{tree}%2Fsmall.txt%3Fa%3Db", "/ipns/{key}",
                               "/ipfs/?uri=http%3A%2F%2Fx", "/ipns/nothing.invalid")]  # fmt: skip
    out.append(Ask("/ipfs/{tree}", headers=(("Service-Worker", "script"),)))
    return list(dict.fromkeys(out))


ALL = (*COMPARED, "status", "body")
# What may differ: a pattern of the request, the fields, why.
DIFFERS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (r"^HEAD /ipfs/\{(tree|hamt)\}/(sub/)?( Cache.*)?$", ALL,
     "HEAD of a listing has no headers of Kubo's own; ours are those of GET"),
    (r"//small|/\.\./small|%zz", ("content-type", "x-ipfs-path"),
     "Go's router answers before Kubo's gateway does, in plain text"),
    (r"^HEAD /ipfs/\{node\} Range", ALL, "Kubo fails at ranges of a node's head"),
    (r"Range=bytes=-", ALL, "Kubo fails where a suffix is longer than the content (RFC 9110)"),
    (r"\{big\}.* Range=", ("content-type",), "Go sniffs the middle of a file; we don't say"),
    (r"^OPTIONS", ("allow",), "Kubo's answer has no headers of its own"),
    (r"^HEAD /ipfs/\{absent\} Cache", ("content-type",), "of an answer without a body"),
    (r"/ipfs/\{absent\}\?format=car", ALL, "404 for a missing root; Kubo's CAR ends in words"),
    (r"format=tar|x-tar", ("status",), "406 for tar of what is no UnixFS (path gateway)"),
    (r"format=c?(json|bor)|Accept=application/json", ALL,
     "406 for a document of another codec, and for cbor of what is none (path gateway, IPIP-524)"),
)  # fmt: skip


@pytest.fixture(scope="module")
def stand(
    template: Pair, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, str], int, int]]:
    """Two gateways on equal content; hands out the words for braces and the ports."""
    root = tmp_path_factory.mktemp("gateway")
    pair = template.copy(root / "homes")
    rng = random.Random(5)
    recipes.write(root, "t/small.txt", b"a small file, of one line\n")
    recipes.write(root, "t/empty.txt", b"")
    recipes.write(root, "t/noext", b"<!DOCTYPE html><title>x</title>")
    recipes.write(root, "t/od\u00e9 #.txt", b"odd")
    recipes.write(root, "t/sub/page.html", b"<h1>page</h1>")
    recipes.write(root, "t/sub/deep/c.txt", b"c\n")
    (root / "t/link").symlink_to("small.txt")
    recipes.write(root, "big.bin", rng.randbytes(600_000))
    recipes.write(root, "site/index.html", b"<h1>site</h1>")
    for number in range(40):
        recipes.write(root, f"many/{number:02d}", b"%d\n" % number)

    def both(*words: str, stdin: bytes = b"") -> str:
        theirs, ours = pair.run(*words, stdin=stdin, cwd=root)
        assert theirs.good().text == ours.good().text
        return ours.text

    words = {
        "tree": both("add", "-rQ", "--cid-version=1", "t"),
        "big": both("add", "-Q", "--cid-version=1", "big.bin"),
        "raw": both("add", "-Q", "--cid-version=1", "t/small.txt"),
        "hamt": both("add", "-rQ", "--max-directory-links=4", "many"),
        "site": both("add", "-rQ", "site"),
        "json": both("block", "put", "--cid-codec=json", stdin=b'{"a":1}'),
        "absent": "bafkreiebzrnroamgos2adnbpgw5apo3z4iishhbdx77gldnbk57d4zdio4",
        "key": "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d",
    }
    value = {"tree": {"/": words["tree"]}, "list": [1, {"/": words["big"]}], "text": "<b>"}
    words["node"] = both("dag", "put", stdin=json.dumps(value).encode())
    with ExitStack() as stack:
        ports = [stack.enter_context(gateways.listening(one)) for one in (pair.kubo, pair.ours)]
        yield words, ports[0], ports[1]


def compared(status: int) -> tuple[str, ...]:
    """Return the fields that count in an answer of this status."""
    if status == 304:
        return ("etag", "cache-control")
    if status >= 400:
        return ("content-type", "content-range", "allow")
    return ("location", "x-ipfs-path") if status >= 300 else COMPARED


def contents(data: bytes) -> str:
    """Return the roots of a CAR and the CIDs of its blocks, in order."""
    try:
        reader = car.read(io.BytesIO(data))
        return " ".join([*map(str, reader.roots), *(str(block.cid) for block in reader)])
    except Malformed as fault:
        return str(fault)


def told(got: Got) -> dict[str, str]:
    """Return what is compared of *got*, without what is each gateway's own."""
    fields = {name: got.headers.get(name, "") for name in compared(got.status)}
    fields["status"], fields["whole"] = str(got.status), str(got.whole)
    media = fields["content-type"] = fields.get("content-type", "").removesuffix("; charset=utf-8")
    etag = fields.get("etag", "")
    fields["etag"] = re.sub(r'(D(?:ir|ag)Index-)[^_]*|(\.car\.)[^"]*', r"\1\2", etag)
    if got.status >= 300 or "Index-" in etag:
        fields["content-length"] = ""  # the words are our own
    elif media.startswith(CAR):
        fields["content-length"] = ""  # Kubo tells it of what is under 2 KiB
        if got.body and got.whole:
            fields["body"] = contents(got.body)
    elif media == "application/x-tar":
        fields["content-length"] = ""  # its times are those of the request
    else:
        fields["body"] = got.body.hex()
    return {name: value for name, value in fields.items() if value}


def test_both_gateways_tell_the_same(stand: tuple[dict[str, str], int, int], seed: int) -> None:
    words, kubo, ours = stand
    wrong: list[str] = []
    met: set[str] = set()
    for one in made(seed=seed):
        target = one.target.format(**words)
        headers = {name: value.format(**words) for name, value in one.headers}
        try:
            theirs, mine = (told(ask(p, target, one.method, headers)) for p in (kubo, ours))
        except Exception as fault:
            raise AssertionError(f"{one}: {fault!r}") from fault
        names = {name for name in {*theirs, *mine} if theirs.get(name) != mine.get(name)}
        matching = [row for row in DIFFERS if re.search(row[0], str(one))]
        met.update(row[0] for row in matching if names & set(row[1]))
        for name in sorted(names - {name for row in matching for name in row[1]}):
            wrong.append(  # noqa: PERF401
                f"{one}: {name}: Kubo {theirs.get(name, '')[:90]!r}, we {mine.get(name, '')[:90]!r}"
            )
    assert not wrong, f"{len(wrong)} differences:\n" + "\n".join(wrong)
    assert met == {row[0] for row in DIFFERS}, "a difference went away"
