"""Names of codecs and hash functions, as the tables of multicodec and Kubo have them.

Only names: what can be decoded stands in `codecs`, how to hash in `multihash`. The library
``multiformats`` has the whole table and takes 60 ms to load. https://github.com/multiformats/multicodec
"""

from typing import Final

from jiaozi_node.errors import Malformed

# Every codec tagged "ipld"; jiaozi decodes the four of `codecs.CODECS` and keeps blocks of all.
CODECS: Final[dict[int, str]] = {
    81: "cbor", 85: "raw", 112: "dag-pb", 113: "dag-cbor", 114: "libp2p-key", 120: "git-raw",
    123: "torrent-info", 124: "torrent-file", 128: "blake3-hashseq", 129: "leofcoin-block",
    130: "leofcoin-tx", 131: "leofcoin-pr", 133: "dag-jose", 134: "dag-cose", 144: "eth-block",
    145: "eth-block-list", 146: "eth-tx-trie", 147: "eth-tx", 148: "eth-tx-receipt-trie",
    149: "eth-tx-receipt", 150: "eth-state-trie", 151: "eth-account-snapshot",
    152: "eth-storage-trie", 153: "eth-receipt-log-trie", 154: "eth-receipt-log",
    176: "bitcoin-block", 177: "bitcoin-tx", 178: "bitcoin-witness-commitment",
    192: "zcash-block", 193: "zcash-tx", 208: "stellar-block", 209: "stellar-tx",
    224: "decred-block", 225: "decred-tx", 240: "dash-block", 241: "dash-tx",
    250: "swarm-manifest", 251: "swarm-feed", 252: "beeson", 297: "dag-json",
    496: "swhid-1-snp", 512: "json", 46083: "rdfc-1", 46593: "json-jcs",
}  # fmt: skip

# The hash functions that IPIP-512 and Kubo allow in a CID.
HASHES: Final[dict[int, str]] = {
    0x00: "identity", 0x11: "sha1", 0x12: "sha2-256", 0x13: "sha2-512", 0x14: "sha3-512",
    0x15: "sha3-384", 0x16: "sha3-256", 0x17: "sha3-224", 0x19: "shake-256", 0x1A: "keccak-224",
    0x1B: "keccak-256", 0x1C: "keccak-384", 0x1D: "keccak-512", 0x1E: "blake3",
    0x56: "dbl-sha2-256",
    **{0xB200 + size: f"blake2b-{size * 8}" for size in range(20, 65)},
    **{0xB240 + size: f"blake2s-{size * 8}" for size in range(20, 33)},
}  # fmt: skip

# Named by multihash and never allowed: too short, or not made against forgery.
INSECURE: Final = frozenset(
    ("md4", "md5", "murmur3-x64-64", "murmur3-128", "murmur3-32", "shake-128", "x11", "sha2-256-t")
)

_CODEC_CODES = {name: code for code, name in CODECS.items()}
HASH_CODES: Final = {name: code for code, name in HASHES.items()}


class UnknownCodecName(Malformed):
    """No codec or hash function has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f'unknown multicodec: "{name}"')
        self.name = name


def codec_named(name: str) -> int:
    """Return the codec called *name*, or written as a number; raises `UnknownCodecName`."""
    code = _CODEC_CODES.get(name)
    if code is not None:
        return code
    try:
        code = int(name, 0) if len(name) <= 20 else -1
    except ValueError:
        code = -1
    if code < 0 or code >= 1 << 63:
        raise UnknownCodecName(name)
    return code


def codec_name(code: int) -> str:
    """Return the name of codec *code*, or "unknown"."""
    return CODECS.get(code, "unknown")
