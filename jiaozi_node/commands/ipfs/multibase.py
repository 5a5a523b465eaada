"""``ipfs multibase …``: bytes to self-describing text, and back."""

from collections.abc import Iterator

from jiaozi_node.commands.declare import Answer, Argument, Call, Command, Kind, Option
from jiaozi_node.commands.ipfs import cid
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse

MAX_INPUT_BYTES = 16 * 1024 * 1024


def encode(call: Call) -> Iterator[bytes]:
    """Yield the input as text of the base asked for."""
    base = _base(call)
    yield _encoded(base, _input(call))


def decode(call: Call) -> Iterator[bytes]:
    """Yield the bytes that the input stands for."""
    yield _decoded(_input(call))


def transcode(call: Call) -> Iterator[bytes]:
    """Yield the input, which is text of any base, in the base asked for."""
    base = _base(call)
    yield _encoded(base, _decoded(_input(call)))


def _base(call: Call) -> str:
    from jiaozi_node.formats.multibase import BASES

    name: str = call.option("b")
    if name not in BASES:
        raise Misuse(f"unsupported multibase encoding: {name}")
    return name


def _input(call: Call) -> bytes:
    if call.files is None:
        raise Misuse("expected a file argument")
    for _name, file in call.files.streams():
        data = file.read(MAX_INPUT_BYTES + 1)
        if len(data) > MAX_INPUT_BYTES:
            raise LimitExceeded("input of multibase", MAX_INPUT_BYTES, len(data))
        return data
    raise Misuse("expected a file argument")


def _encoded(base: str, data: bytes) -> bytes:
    from jiaozi_node.formats import multibase

    if base == "identity":
        return b"\0" + data
    return multibase.encode(base, data).encode()


def _decoded(data: bytes) -> bytes:
    from jiaozi_node.formats import multibase

    if not data:
        raise Malformed(
            "failed to decode multibase: cannot decode multibase for zero length string"
        )
    if data[0] == 0:  # identity: the rest is bytes, not text
        return data[1:]
    if data[:1] in _LINES:  # as Go's decoders of these have it
        data = data.translate(None, b"\r\n")
    text = data.decode("utf-8", "surrogateescape")
    try:
        return multibase.decode(text)[1]
    except multibase.UnknownBase:
        why = "selected encoding not supported"
    except Malformed as fault:
        from jiaozi_node.commands.ipfs.go_text import multibase_fault

        why = multibase_fault(text, fault)
    raise Malformed(f"failed to decode multibase: {why}")


_LINES = tuple(bytes([char]) for char in b"mMuUbBcCvVtT")


_B = Option("b", Kind.TEXT, "Multibase encoding.", default="base64url")

ENCODE = Command(
    path=("ipfs", "multibase", "encode"),
    tagline="Encode data into multibase string",
    handler=encode,
    arguments=(Argument("file", "Data to encode.", file=True, stdin=True),),
    options=(_B,),
    answer=Answer.BYTES,
)

DECODE = Command(
    path=("ipfs", "multibase", "decode"),
    tagline="Decode multibase string",
    handler=decode,
    arguments=(Argument("encoded_file", "Encoded data to decode.", file=True, stdin=True),),
    answer=Answer.BYTES,
)

TRANSCODE = Command(
    path=("ipfs", "multibase", "transcode"),
    tagline="Transcode multibase string between bases",
    handler=transcode,
    arguments=(Argument("encoded_file", "Encoded data to decode.", file=True, stdin=True),),
    options=(_B,),
    answer=Answer.BYTES,
)

LIST = Command(
    path=("ipfs", "multibase", "list"),
    tagline="List available multibase encodings.",
    handler=cid.BASES.handler,
    options=cid.BASES.options,
    answer=cid.BASES.answer,
    needs=cid.BASES.needs,
    text=cid.BASES.text,
)
