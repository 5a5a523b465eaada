"""How files become CIDs on this node: ``Import.*`` of the configuration, and what a command adds.

The rules are Kubo 0.43's (``ipfs add``), its refusals in its words: a hash other than sha2-256
makes CIDv1, CIDv1 turns raw leaves on unless they were chosen, and mode or modification time turn
them off, or are refused when they were chosen. Kubo's defaults are those of `PROFILES["kubo"]`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jiaozi_node.errors import Misuse
from jiaozi_node.formats import multihash as mh
from jiaozi_node.formats.multicodec import HASH_CODES, INSECURE
from jiaozi_node.node.config import Config
from jiaozi_node.unixfs import chunk
from jiaozi_node.unixfs.profile import ESTIMATORS, LAYOUTS, PROFILES, Profile, is_fanout

MAX_INLINE_BYTES = mh.MAX_IDENTITY_BYTES

# The option of `ipfs add` and the key of ``Import`` that stands in for it.
_KEYS = {
    "cid_version": "CidVersion",
    "raw_leaves": "UnixFSRawLeaves",
    "chunker": "UnixFSChunker",
    "hash": "HashFunction",
    "max_file_links": "UnixFSFileMaxLinks",
    "max_directory_links": "UnixFSDirectoryMaxLinks",
    "max_hamt_fanout": "UnixFSHAMTDirectoryMaxFanout",
}
_UNITS = {"": 1, "B": 1, "K": 1000, "KB": 1000, "KIB": 1024, "M": 10**6, "MB": 10**6}
_UNITS |= {"MIB": 1024**2, "G": 10**9, "GB": 10**9, "GIB": 1024**3}


def profile_of(config: Config, overrides: Mapping[str, Any]) -> Profile:
    """Return the recipe of *config* with *overrides*.

    *overrides* are options of ``ipfs add`` by their long names with ``_``; absent and None ones
    leave it to the configuration. Raises `Misuse`.
    """
    chosen = {name: value for name, value in overrides.items() if value is not None}
    settings = _Settings(config)
    for name, key in _KEYS.items():
        if chosen.get(name) in (None, "") and (value := settings.get(key)) is not None:
            chosen[name] = value
    recorded = bool(
        chosen.get("preserve_mode")
        or chosen.get("preserve_mtime")
        or chosen.get("mode")
        or chosen.get("mtime")
    )
    raw_leaves = chosen.get("raw_leaves")
    if recorded:
        if raw_leaves:
            raise Misuse(
                "raw-leaves can't be used with UnixFS metadata like mode or modification time"
            )
        raw_leaves = False
    if chosen.get("nocopy"):
        if raw_leaves is False:
            raise Misuse("nocopy option requires '--raw-leaves' to be enabled as well")
        raw_leaves = True
    hash_code = hash_named(chosen.get("hash") or "sha2-256")
    version = _version(chosen.get("cid_version"), hash_code)
    if raw_leaves is None:
        raw_leaves = version > 0
    base = PROFILES["kubo"]
    cutting = chunk.parse(chosen.get("chunker") or "")
    return replace(
        base,
        cid_version=version,
        hash_code=hash_code,
        raw_leaves=bool(raw_leaves),
        chunk_size=cutting.size if isinstance(cutting, chunk.Fixed) else cutting.smallest,
        chunker=None if isinstance(cutting, chunk.Fixed) else cutting,
        layout=_layout(chosen.get("trickle"), settings),
        file_width=_positive(chosen.get("max_file_links"), base.file_width),
        directory_width=_positive(chosen.get("max_directory_links"), 0),
        hamt_fanout=_fanout(chosen.get("max_hamt_fanout"), base.hamt_fanout),
        hamt_threshold=settings.threshold(base.hamt_threshold),
        size_estimator=settings.one_of(
            "UnixFSHAMTDirectorySizeEstimation", ESTIMATORS, base.size_estimator
        ),
        inline_limit=_inline(chosen),
        mode=bool(chosen.get("preserve_mode")) and not chosen.get("mode"),
        mtime=bool(chosen.get("preserve_mtime")) and not chosen.get("mtime"),
    )


def hash_named(text: str) -> int:
    """Return the code of the hash function called *text*; raises `Misuse`."""
    name = text.lower()
    code = HASH_CODES.get(name)
    if code is None:
        if name in INSECURE:
            raise Misuse("potentially insecure hash functions not allowed")
        raise Misuse(f'unrecognized hash function: "{name}"')
    return code


def _version(asked: int | None, hash_code: int) -> int:
    if hash_code == mh.SHA2_256:
        version = 0 if asked is None or asked < 0 else asked
    elif asked == 0:
        raise Misuse("CIDv0 only supports sha2-256")
    else:
        version = 1 if asked is None or asked < 0 else asked
    if version not in (0, 1):
        raise Misuse(f"unknown CID version: {version}")
    return version


def _layout(trickle: bool | None, settings: "_Settings") -> str:
    if trickle is None:
        return settings.one_of("UnixFSDAGLayout", LAYOUTS, "balanced")
    return "trickle" if trickle else "balanced"


def _positive(asked: int | None, default: int) -> int:
    return asked if asked is not None and asked > 0 else default


def _fanout(asked: int | None, default: int) -> int:
    if not asked:
        return default
    if not is_fanout(asked):
        raise Misuse(f"HAMT fanout must be a power of 2, between 8 and 1024 (got {asked})")
    return asked


def _inline(chosen: Mapping[str, Any]) -> int:
    if not chosen.get("inline"):
        return 0
    limit: int = chosen.get("inline_limit", 32)
    if limit > MAX_INLINE_BYTES:
        raise Misuse(
            f"inline-limit {limit} exceeds maximum allowed size of {MAX_INLINE_BYTES} bytes"
        )
    return max(limit, 0)


class _Settings:
    """The keys of ``Import``, checked as Kubo checks them when its node starts."""

    def __init__(self, config: Config) -> None:
        self._values = config.find("Import", {})
        if not isinstance(self._values, dict):
            raise Misuse("Import must be a map")
        self._check()

    def get(self, key: str) -> Any:  # noqa: ANN401 - JSON
        return self._values.get(key)

    def one_of(self, key: str, known: tuple[str, ...], default: str) -> str:
        value = self.get(key)
        if value is None:
            return default
        if value not in known:
            listed = " or ".join(f'"{name}"' for name in known)
            raise Misuse(f'Import.{key} must be {listed}, got "{value}"')
        return str(value)

    def threshold(self, default: int) -> int:
        value = self.get("UnixFSHAMTDirectorySizeThreshold")
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return parse_size("Import.UnixFSHAMTDirectorySizeThreshold", value)

    def _check(self) -> None:
        """Refuse values out of range, in Kubo's words."""
        for key in ("CidVersion", "UnixFSFileMaxLinks", "UnixFSDirectoryMaxLinks",
                    "UnixFSHAMTDirectoryMaxFanout"):  # fmt: skip
            value = self.get(key)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
                raise Misuse(f"Import.{key} must be a number, got {value!r}")
        version = self.get("CidVersion")
        if version not in (None, 0, 1):
            raise Misuse(f"Import.CidVersion must be 0 or 1, got {version}")
        width = self.get("UnixFSFileMaxLinks")
        if width is not None and width <= 0:
            raise Misuse(f"Import.UnixFSFileMaxLinks must be positive, got {width}")
        width = self.get("UnixFSDirectoryMaxLinks")
        if width is not None and width < 0:
            raise Misuse(f"Import.UnixFSDirectoryMaxLinks must be non-negative, got {width}")
        fanout = self.get("UnixFSHAMTDirectoryMaxFanout")
        if fanout is not None and not is_fanout(fanout):
            raise Misuse(
                "Import.UnixFSHAMTDirectoryMaxFanout must be a power of 2, between 8 and 1024 "
                f"(got {fanout})"
            )
        for key in ("UnixFSChunker", "HashFunction"):
            value = self.get(key)
            if value is not None and not isinstance(value, str):
                raise Misuse(f"Import.{key} must be text, got {value!r}")
        flag = self.get("UnixFSRawLeaves")
        if flag is not None and not isinstance(flag, bool):
            raise Misuse(f"Import.UnixFSRawLeaves must be true, false or null, got {flag!r}")


def parse_size(key: str, text: object) -> int:
    """Return the bytes that a size like ``256KiB`` or ``10GB`` means; *key* is for the error."""
    if not isinstance(text, str) or len(text) > 32:
        raise Misuse(f"{key} is not a size: {text!r}")
    digits = text.rstrip("BKMGTPikmgtpb ").strip()
    unit = text[len(digits) :].strip().upper()
    units = {**_UNITS, "T": 10**12, "TB": 10**12, "TIB": 1024**4}
    try:
        return int(float(digits) * units[unit])
    except (ValueError, KeyError, OverflowError):
        raise Misuse(f"{key} is not a size: {text!r}") from None
