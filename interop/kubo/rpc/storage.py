"""Cases of pins, the repo, garbage collection and the filestore."""

from typing import Final

from interop.kubo.rpc.cases import Case, refused, said
from interop.kubo.rpc.masks import ENDPOINT, HUMAN_SIZE, OFFLINE, REPO_PATH, REPO_SIZE

_MAP: Final = "Kubo prints a map in Go's random order"
_STORE: Final = "a store lists in an order of its own"

CASES: Final[dict[str, tuple[Case, ...]]] = {
    "filestore/dups": (
        Case("block put", stdin=b"b\n"),
        *said("filestore dups"),
        Case("add -Q --nocopy t/sub/b.txt", keep="referred"),
        *said("filestore dups", "pin rm {referred}"),
        *refused("filestore dups x", "filestore dups --nonsense"),
    ),
    "filestore/ls": (
        Case("add -Q --nocopy --raw-leaves -s size-300000 t/big.bin", keep="referred"),
        *said("filestore ls", shuffled=_STORE),
        *said("filestore ls --file-order", "refs {referred}", "pin rm {referred}"),
        *refused("filestore ls not-a-cid", "filestore ls {missing}"),
    ),
    "filestore/verify": (
        Case("add -Q --nocopy t/sub/a.txt", keep="referred"),
        *said("filestore verify", shuffled=_STORE),
        *said("filestore verify --file-order", "filestore verify not-a-cid"),
        *said("pin rm {referred}"),
        *refused("filestore verify --nonsense"),
    ),
    "pin/add": (
        *said(
            "pin add {block}",
            "pin add --name=first {block}",
            "pin ls --names {block}",
            "pin rm {block}",
            "pin add {tree}/sub",
            "pin add --progress=false {tree}/sub {block}",
            "pin rm {tree}/sub {block}",
            "pin add --recursive=false {block}",
            "pin add {block}",
            "pin rm {block}",
            "pin add --progress {tree}/sub",
            "pin rm {tree}/sub",
            "pin add --cid-base=base32 {tree}/sub",
            "pin rm --cid-base=base32 {tree}/sub",
        ),
        *refused(
            "pin add {missing}",
            "pin add not-a-cid",
            "pin add {tree}/none",
            "pin add -r=false {tree}",
            "pin add",
        ),
    ),
    "pin/ls": (
        *said("pin ls", "pin ls --names", "pin ls -s --names", "pin ls -q", shuffled=_MAP),
        *said(
            "pin ls --type=recursive",
            "pin ls -t indirect",
            "pin ls -t direct",
            "pin ls --type=all -s -q",
            "pin ls --cid-base=base32",
            shuffled=_MAP,
        ),
        *said(
            "pin ls {tree}",
            "pin ls {tree}/sub",
            "pin ls --type=recursive --names {tree}",
            "pin ls -s {tree}",
            "pin ls --name=nobody",
        ),
        *refused(
            "pin ls --type=nonsense",
            "pin ls {block}",
            "pin ls --type=direct {tree}",
            "pin ls --type=indirect {tree}",
            "pin ls not-a-cid",
            "pin ls {tree}/none",
        ),
    ),
    "pin/rm": (
        *said("pin add -n a {block}", "pin rm {block}", "pin add -r=false {block}"),
        *said("pin rm -r=false {block}"),
        *refused(
            "pin rm {block}",
            "pin rm {tree}/sub",
            "pin rm -r=false {tree}",
            "pin rm not-a-cid",
            "pin rm",
        ),
    ),
    "pin/update": (
        *said(
            "pin add -n held {block}",
            "pin update {block} {tree}/sub",
            "pin ls --names {tree}/sub",
            "pin update {tree}/sub {tree}/sub",
            "pin update --unpin=false {tree}/sub {block}",
            "pin ls --names {block}",
            "pin rm {block}",
            "pin update --cid-base=base32 {tree}/sub {block}",
            "pin ls --names {block}",
            "pin rm {block}",
        ),
        *refused(
            "pin update {block} {tree}/sub",
            "pin ls {tree}/sub --type=recursive",
            "pin update {tree} {big}",
            "pin update {tree} {missing}",
            "pin update {missing} {missing}",
            "pin update {missing} {tree}",
            "pin update not-a-cid {tree}",
            "pin update {tree} {tree}/none",
            "pin update {tree}",
        ),
    ),
    "pin/verify": (
        *said("pin verify", "pin verify -q"),
        *said("pin verify --verbose", shuffled=_STORE),
        *said("pin verify --verbose --cid-base=base32", shuffled=_STORE),
        *refused("pin verify --verbose --quiet", "pin verify x"),
    ),
    "repo/gc": (
        *said("repo gc --silent"),  # Kubo's imports leave blocks that belong to nothing
        Case("block put", stdin=b"garbage", keep="garbage"),
        Case("repo gc", shuffled=_STORE),
        Case("block put", stdin=b"garbage", keep="garbage"),
        *said("repo gc -q", "repo gc --silent", "repo gc --stream-errors", "repo gc"),
        Case("block put", stdin=b"a raw block\n", keep="block"),
        *refused("repo gc x", "repo gc --nonsense"),
    ),
    "repo/ls": (
        *said("repo gc --silent"),
        *said("repo ls", shuffled=_STORE),
        Case("block put", stdin=b"a raw block\n"),
        *refused("repo ls x", "repo ls --nonsense"),
    ),
    "repo/stat": (
        *said("repo gc --silent"),
        *said("repo stat", masks=(REPO_SIZE, REPO_PATH)),
        *said("repo stat -s", masks=(REPO_SIZE,)),
        *said("repo stat -s -H", masks=(HUMAN_SIZE,)),
        Case("block put", stdin=b"a raw block\n"),
        *refused("repo stat x", "repo stat --nonsense"),
    ),
    "repo/verify": (
        *said("repo gc --silent", "repo verify", "repo verify --drop"),
        Case("block put", stdin=b"a raw block\n"),
        *refused(
            "repo verify --heal",
            "repo verify --heal-timeout=x",
            "repo verify --heal-timeout=-1s",
            "repo verify x",
        ),
    ),
    "repo/version": (
        *said("repo version", "repo version -q"),
        *refused("repo version x", "repo version --nonsense"),
    ),
    "stats/repo": (
        *said("repo gc --silent"),
        *said("stats repo", masks=(REPO_SIZE, REPO_PATH)),
        *said("stats repo -s", masks=(REPO_SIZE,)),
        Case("block put", stdin=b"a raw block\n"),
        *refused("stats repo x", "stats repo --nonsense"),
    ),
    "pin/remote/add": (
        *said(
            "pin remote add --service=near --name=mine {tree}",
            "pin remote add --service=near --background {big}",
            masks=(OFFLINE,),
        ),
        *refused(
            "pin remote add {tree}",
            "pin remote add --service=none {tree}",
            "pin remote add --service=near not-a-cid",
            masks=(OFFLINE,),
        ),
        *refused("pin remote add --service=near"),
    ),
    "pin/remote/ls": (
        *said(
            "pin remote add --service=near --name=listed {small}",
            masks=(OFFLINE,),
        ),
        *said(
            "pin remote ls --service=near --name=listed",
            "pin remote ls --service=near --cid={small} --status=pinned,queued",
            "pin remote ls --service=near --name=nobody",
        ),
        *refused(
            "pin remote ls",
            "pin remote ls --service=none",
            "pin remote ls --service=near --status=lost",
            "pin remote ls --service=near --cid=bad",
        ),
    ),
    "pin/remote/rm": (
        *said(
            "pin remote add --service=near --name=going {small}",
            masks=(OFFLINE,),
        ),
        *said(
            "pin remote rm --service=near --name=going",
            "pin remote rm --service=near --name=going --force",
            "pin remote ls --service=near --name=going",
        ),
        *refused(
            "pin remote rm",
            "pin remote rm --service=none",
            "pin remote rm --service=near --status=lost",
        ),
    ),
    "pin/remote/service/add": (
        *said(
            "pin remote service add one http://127.0.0.1:9/ secret",
            "pin remote service rm one",
        ),
        *refused(
            "pin remote service add near http://127.0.0.1:9/ secret",
            "pin remote service add one nonsense secret",
            "pin remote service add one http://127.0.0.1:9/pins secret",
            "pin remote service add one",
        ),
    ),
    "pin/remote/service/ls": (
        *said("pin remote service ls", "pin remote service ls --stat", masks=(ENDPOINT,)),
        *refused("pin remote service ls x"),
    ),
    "pin/remote/service/rm": (
        *said("pin remote service rm none"),
        *refused("pin remote service rm", "pin remote service rm a b"),
    ),
}
