"""Cases of blocks, DAGs, CARs, CIDs and multibase; and of the `object` commands that are left."""

from typing import Final

from interop.kubo.rpc.cases import Case, refused, said
from interop.kubo.rpc.masks import CAR_FAULT, DECODER

CASES: Final[dict[str, tuple[Case, ...]]] = {
    "block/get": (
        *said("block get {small}", "block get {raw}", "block get {node}/tree"),
        Case("block get", stdin=b"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\n"),
        *refused("block get {missing}", "block get not-a-cid", "block get {tree}/none"),
    ),
    "block/put": (
        Case("block put", stdin=b"one", keep="one"),
        *said("block put t/small.txt t/empty.txt", "block put --allow-big-block t/small.txt"),
        Case("block put --cid-codec=dag-cbor", stdin=b"\xa0"),
        Case("block put --mhtype=sha2-512", stdin=b"three"),
        Case("block put --mhtype=blake3", stdin=b"b3"),
        Case("block put --format=v0", stdin=b"\x0a\x02\x08\x01"),
        Case("block put --format=cbor", stdin=b"\xa0"),
        Case("block put --pin", stdin=b"six", keep="six"),
        *said("pin rm {six}", "block rm {six} {one}"),
        Case("block put --cid-base=base58btc", stdin=b"one"),
        Case("block put --cid-codec=nonsense", refused=True, stdin=b"x"),
        Case("block put --mhtype=nonsense", refused=True, stdin=b"x"),
        Case("block put --mhtype=sha2-256 --mhlen=64", refused=True, stdin=b"x"),
        Case("block put --format=v0 --cid-codec=dag-cbor", refused=True, stdin=b"x"),
        *refused("block put t/over-2-mib.bin", "block put t", "block put t/none"),
    ),
    "block/rm": (
        Case("block put", stdin=b"to be removed", keep="gone"),
        *said("block rm {gone}", "block rm --force {gone}", "block rm -f -q {gone}"),
        Case("block put", stdin=b"to be removed", keep="gone"),
        *said("block rm -q {gone}"),
        *refused(
            "block rm {gone}",
            "block rm {tree}",
            "block rm {tree} {big}",
            "block rm not-a-cid",
            "block rm",
        ),
    ),
    "block/stat": (
        *said("block stat {small}", "block stat {tree}/sub", "block stat --cid-base=base32 {big}"),
        *refused("block stat {missing}", "block stat not-a-cid", "block stat"),
    ),
    "cid/base32": (
        *said("cid base32 {v0}", "cid base32 {v0} {v1}"),
        Case("cid base32", stdin=b"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\n"),
        *refused("cid base32 not-a-cid", "cid base32 {v0} not-a-cid"),
    ),
    "cid/bases": (
        *said("cid bases", "cid bases --prefix", "cid bases --numeric --prefix"),
        *refused("cid bases x", "cid bases --nonsense"),
    ),
    "cid/codecs": (
        *said("cid codecs", "cid codecs --numeric", "cid codecs --supported"),
        *refused("cid codecs x", "cid codecs --nonsense"),
    ),
    "cid/format": (
        *said(
            "cid format {v0}",
            "cid format -v 1 {v0} {v1}",
            "cid format -b base36 {v1}",
            "cid format -f '%b %v %c %h %L %d %D %m %M %S %s %P %%' {v1}",
            "cid format --mc raw -v 1 {v0}",
        ),
        *refused(
            "cid format not-a-cid",
            "cid format {peer}",
            "cid format {v0} not-a-cid",
            "cid format -v 2 {v0}",
            "cid format -b nonsense {v0}",
            "cid format -f %x {v0}",
            "cid format --mc nonsense {v0}",
        ),
    ),
    "cid/hashes": (
        *said("cid hashes", "cid hashes --numeric"),
        *refused("cid hashes x", "cid hashes --nonsense"),
    ),
    "cid/inspect": (
        *said(
            "cid inspect {v0}", "cid inspect {v1}", "cid inspect {inline}", "cid inspect {peer36}"
        ),
        *refused("cid inspect not-a-cid", "cid inspect {peer}", "cid inspect"),
    ),
    "dag/export": (
        *said(
            "dag export {tree}",
            "dag export --progress=false {node}",
            "dag export --local-only {node}",
            "dag export {tree}/sub",
        ),
        *refused(
            "dag export {missing}",
            "dag export not-a-cid",
            "dag export {tree}/none",
            "dag export --local-only --offline=false {tree}",
        ),
    ),
    "dag/get": (
        *said(
            "dag get {plain}",
            "dag get {node}",
            "dag get {node}/list/0",
            "dag get {plain}/m/k",
            "dag get --output-codec=dag-cbor {plain}",
            "dag get {tree}",
            "dag get {raw}",
        ),
        *refused(
            "dag get {missing}",
            "dag get not-a-cid",
            "dag get {plain}/none",
            "dag get --output-codec=nonsense {plain}",
            "dag get --output-codec=raw {plain}",
        ),
    ),
    "dag/import": (
        *said(
            "dag import tree.car",
            "dag import --stats tree.car",
            "dag import tree2.car",
            "dag import --pin-roots=false --stats node.car tree.car",
            "dag import --local-only partial.car",
            "dag import --silent tree.car",
            "dag import --allow-big-block tree.car",
        ),
        *refused(
            "dag import cut.car",
            "dag import flipped.car",
            "dag import t/small.txt",
            masks=(CAR_FAULT,),
        ),
        *refused(
            "dag import --local-only --pin-roots=true tree.car",
            "dag import none.car",
        ),
    ),
    "dag/put": (
        Case("dag put", stdin=b"{}"),
        Case("dag put --pin", stdin=b'{"pinned":1}', keep="pinned"),
        *said("pin rm {pinned}", "dag put t/node.json t/node2.json"),
        Case("dag put --store-codec=dag-json", stdin=b'{"b":1,"a":2}'),
        Case("dag put --input-codec=dag-cbor", stdin=b"\xa0"),
        Case("dag put --store-codec=raw --input-codec=raw", stdin=b"raw"),
        Case("dag put --hash=sha2-512", stdin=b"{}"),
        Case("dag put --cid-base=base58btc", stdin=b"{}"),
        Case("dag put", refused=True, stdin=b"nope", masks=(DECODER,)),
        Case("dag put", refused=True, stdin=b"[1,}", masks=(DECODER,)),
        Case("dag put", refused=True, stdin=b'{"/":"not-a-cid"}', masks=(DECODER,)),
        Case("dag put --hash=nonsense", refused=True, stdin=b"{}"),
        Case("dag put --store-codec=nonsense", refused=True, stdin=b"{}"),
        Case("dag put --input-codec=nonsense", refused=True, stdin=b"{}"),
        Case("dag put --store-codec=dag-pb", refused=True, stdin=b"{}", masks=(DECODER,)),
        *refused("dag put t/none.json"),
    ),
    "dag/resolve": (
        *said(
            "dag resolve {node}",
            "dag resolve {node}/list/0",
            "dag resolve {plain}/m/k",
            "dag resolve /ipfs/{tree}/sub",
            "dag resolve --cid-base=base58btc {node}",
        ),
        *refused("dag resolve not-a-cid", "dag resolve {node}/none", "dag resolve {missing}/x"),
    ),
    "dag/stat": (
        *said(
            "dag stat --progress=false {tree}",
            "dag stat {tree}",
            "dag stat --progress=false {tree} {big} {node}",
            "dag stat {raw}",
        ),
        *refused("dag stat {missing}", "dag stat not-a-cid", "dag stat {plain}/m", "dag stat"),
    ),
    "multibase/decode": (
        Case("multibase decode", stdin=b"uaGVsbG8"),
        Case("multibase decode", stdin=b"Zabc"),
        Case("multibase decode", stdin=b"\x00raw"),
        Case("multibase decode", stdin=b"uaGVsbG8\n"),
        *said("multibase decode t/sub/b.txt"),
        Case("multibase decode", refused=True, stdin=b"?"),
        Case("multibase decode", refused=True, stdin=b""),
        Case("multibase decode", refused=True, stdin=b"f123"),
        Case("multibase decode", refused=True, stdin=b"b0"),
        Case("multibase decode", refused=True, stdin=b"z0"),
        Case("multibase decode", refused=True, stdin=b"\xf0\x9f"),
    ),
    "multibase/encode": (
        Case("multibase encode", stdin=b"hello"),
        *(
            Case(f"multibase encode -b {name}", stdin=b"\0\1hello\xff")
            for name in (
                "identity",
                "base2",
                "base16upper",
                "base32hexpad",
                "base36",
                "base58btc",
                "base64pad",
                "base256emoji",
            )
        ),
        Case("multibase encode", stdin=b""),
        *said("multibase encode t/small.txt"),
        Case("multibase encode -b nonsense", refused=True, stdin=b"hello"),
        *refused("multibase encode t/none"),
    ),
    "multibase/list": (
        *said("multibase list", "multibase list --prefix", "multibase list --numeric"),
        *refused("multibase list x", "multibase list --nonsense"),
    ),
    "multibase/transcode": (
        Case("multibase transcode", stdin=b"f68656c6c6f"),
        Case("multibase transcode -b base16", stdin=b"uaGVsbG8"),
        Case("multibase transcode -b nonsense", refused=True, stdin=b"uaGVsbG8"),
        Case("multibase transcode", refused=True, stdin=b"?"),
        Case("multibase transcode", refused=True, stdin=b""),
    ),
    "object/diff": (
        *said(
            "object diff {tree} {tree}",
            "object diff {tree} {dated}",
            "object diff -v {tree} {dated}",
            "object diff {tree} {empty}",
            "object diff -v {empty} {tree}",
            "object diff --cid-base=base32 {empty} {tree}",
            "object diff -v {tree}/sub {tree}/many",
            "object diff {small} {big}",
            "object diff {tree} {plain}",
        ),
        *refused(
            "object diff {tree} {missing}",
            "object diff {tree} nope",
            "object diff {tree}",
        ),
    ),
    "object/patch/add-link": (
        *said(
            "object patch add-link {empty} x {small}",
            "object patch add-link {tree}/sub deep/x {small}",
            "object patch add-link -p {tree}/sub new/deep/x {small}",
            "object patch add-link {tree}/sub a.txt {big}",
            "object patch add-link {empty} x {raw}",
            "object patch add-link --cid-base=base32 {empty} x {small}",
            "object patch add-link --allow-non-unixfs {big} x {small}",
        ),
        *refused(
            "object patch add-link {tree} none/x {small}",
            "object patch add-link {big} x {small}",
            "object patch add-link {hamt} x {small}",
            "object patch add-link {raw} x {small}",
            "object patch add-link {plain} x {small}",
            "object patch add-link {empty} x {missing}",
            "object patch add-link {missing} x {small}",
            "object patch add-link nope x {small}",
            "object patch add-link {empty} x nope",
            "object patch add-link {empty} x",
        ),
    ),
    "object/patch/rm-link": (
        *said(
            "object patch rm-link {tree}/sub a.txt",
            "object patch rm-link {tree}/sub deep/c.txt",
            "object patch rm-link --allow-non-unixfs {big} ''",
        ),
        *refused(
            "object patch rm-link {tree} none",
            "object patch rm-link {tree} sub/none",
            "object patch rm-link {tree} none/x",
            "object patch rm-link {hamt} 07",
            "object patch rm-link {big} x",
            "object patch rm-link {missing} x",
            "object patch rm-link {empty}",
        ),
    ),
    **{
        f"object/{name}": refused(f"object {name.replace('/', ' ')}")
        for name in (
            "data",
            "get",
            "links",
            "new",
            "patch/append-data",
            "patch/set-data",
            "put",
            "stat",
        )
    },
}
