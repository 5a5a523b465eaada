"""Cases of the mutable file system, `files`."""

from typing import Final

from interop.kubo.rpc.cases import Case, refused, said

_CLEAR: Final = said("files rm -r /w")

CASES: Final[dict[str, tuple[Case, ...]]] = {
    "files/chcid": (
        *said(
            "files mkdir -p /w/d",
            "files chcid --cid-version=1 /w/d",
            "files stat /w/d",
            "files chcid --hash=blake3 /w",
            "files stat /w",
        ),
        *refused("files chcid --cid-version=1 /", "files chcid --cid-version=1 /w/none"),
        *_CLEAR,
    ),
    "files/chmod": (
        *said("files cp -p /ipfs/{small} /w/f", "files chmod 0644 /w/f", "files stat /w/f"),
        *refused("files chmod nonsense /w/f", "files chmod 0644 /w/none"),
        *_CLEAR,
    ),
    "files/cp": (
        *said(
            "files cp -p /ipfs/{tree} /w/t",
            "files ls /w/t",
            "files cp /w/t/small.txt /w/copy",
            "files cp /ipfs/{big} /w/t/",
            "files stat /w",
            "files cp --force /ipfs/{small} /w/copy",
            "files stat /w/copy",
        ),
        *refused(
            "files cp /ipfs/{tree} /w/t",
            "files cp /ipfs/{missing} /w/m",
            "files cp /w/none /w/x",
            "files cp /ipfs/{small} /w/none/x",
            "files cp /ipfs/{plain} /w/p",
            "files cp relative /w/x",
            "files cp /w/t",
        ),
        *_CLEAR,
    ),
    "files/flush": (
        *said("files mkdir /w", "files flush /w", "files flush"),
        *refused("files flush /w/none", "files flush relative"),
        *_CLEAR,
    ),
    "files/ls": (
        *said(
            "files cp -p /ipfs/{tree} /w/t",
            "files ls",
            "files ls /w",
            "files ls -l /w/t",
            "files ls -l -U /w/t/sub",
            "files ls -l /w/t/small.txt",
            "files ls --long=false /w/t/sub/",
        ),
        *refused("files ls /w/none", "files ls relative"),
        *_CLEAR,
    ),
    "files/mkdir": (
        *said(
            "files mkdir /w",
            "files mkdir -p /w/a/b",
            "files mkdir --cid-version=1 /w/one",
            "files mkdir --hash=blake3 --cid-version=1 /w/other",
            "files stat /w",
        ),
        *refused("files mkdir /w", "files mkdir /w/x/y", "files mkdir relative", "files mkdir /"),
        *_CLEAR,
    ),
    "files/mv": (
        *said(
            "files cp -p /ipfs/{tree} /w/t",
            "files mv /w/t/small.txt /w/moved",
            "files mkdir /w/d",
            "files mv /w/moved /w/d",
            "files mv /w/d/moved /w/d/again",
            "files ls /w/d",
            "files stat /w",
        ),
        *refused("files mv /w/none /w/x", "files mv /w/t /w/none/x", "files mv relative /w/x"),
        *_CLEAR,
    ),
    "files/read": (
        *said(
            "files cp -p /ipfs/{big} /w/f",
            "files read /w/f",
            "files read -o 10 -n 20 /w/f",
            "files read -n 0 /w/f",
            "files read --offset=600000 /w/f",
        ),
        *refused(
            "files read /w/none",
            "files read /w",
            "files read -o -1 /w/f",
            "files read -n -1 /w/f",
            "files read -o 700000 /w/f",
        ),
        *_CLEAR,
    ),
    "files/rm": (
        *said(
            "files cp -p /ipfs/{tree} /w/t",
            "files rm /w/t/small.txt",
            "files rm -r /w/t/sub",
            "files rm --force /w/none",
            "files stat /w",
        ),
        *refused("files rm /w/none", "files rm /w/t", "files rm /", "files rm relative"),
        *_CLEAR,
    ),
    "files/stat": (
        *said(
            "files cp -p /ipfs/{dated} /w/t",
            "files stat /w",
            "files stat /w/t",
            "files stat /w/t/run.sh",
            "files stat --hash /w/t",
            "files stat --size /w/t/run.sh",
            "files stat --format='<hash> <type> <mode> <mtime>' /w/t/run.sh",
            "files stat --with-local /w/t",
            "files stat /ipfs/{big}",
            "files stat /ipfs/{raw}",
            "files stat --cid-base=base32 /w",
        ),
        *refused(
            "files stat /w/none",
            "files stat --hash --size /w",
            "files stat /ipfs/{missing}",
            "files stat relative",
        ),
        *_CLEAR,
    ),
    "files/touch": (
        *said("files cp -p /ipfs/{small} /w/f", "files touch --mtime=7 /w/f", "files stat /w/f"),
        *said("files touch --mtime=7 --mtime-nsecs=5 /w/f", "files stat /w/f"),
        *refused("files touch --mtime=7 /w/none", "files touch --mtime=x /w/f"),
        *_CLEAR,
    ),
    "files/write": (
        Case("files write -e -p /w/f", stdin=b"hello"),
        *said("files read /w/f", "files stat /w/f"),
        Case("files write -o 3 /w/f", stdin=b"XYZ"),
        *said("files read /w/f"),
        Case("files write -o 10 /w/f", stdin=b"hole"),
        *said("files read /w/f", "files stat /w/f"),
        Case("files write -t -n 2 /w/f", stdin=b"short"),
        *said("files read /w/f", "files write -e /w/big t/big.bin", "files stat /w/big"),
        Case("files write -e --raw-leaves --cid-version=1 /w/raw", stdin=b"raw"),
        *said("files stat /w/raw"),
        Case("files write /w/none", refused=True, stdin=b"x"),
        Case("files write -e /w/none/x", refused=True, stdin=b"x"),
        Case("files write /w", refused=True, stdin=b"x"),
        Case("files write -o -1 /w/f", refused=True, stdin=b"x"),
        *refused("files write relative t/small.txt"),
        *_CLEAR,
    ),
}
