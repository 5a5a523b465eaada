"""Paths of ``ipfs files``, cleaned and refused as Kubo does, and the options its commands share."""

from typing import TYPE_CHECKING

from jiaozi_node.commands.declare import Call, Kind, Option
from jiaozi_node.errors import Malformed, Misuse

if TYPE_CHECKING:
    from jiaozi_node.unixfs.profile import Profile
    from jiaozi_node.unixfs.recipes import Recipes

FLUSH = Option("flush", Kind.BOOL, "Flush target and ancestors after write.", ("f",), True)
PARENTS = Option("parents", Kind.BOOL, "Make parent directories as needed.", ("p",))
PREFIX = (
    Option("cid-version", Kind.INT, "Cid version to use. (experimental)", ("cid-ver",)),
    Option(
        "hash", Kind.TEXT, "Hash function to use. Will set Cid version to 1 if used. (experimental)"
    ),
)


def check_path(text: str) -> str:
    """Return *text* cleaned; a slash at its end stays."""
    if not text:
        raise Misuse("paths must not be empty")
    if text[0] != "/":
        raise Misuse("paths must start with a leading slash")
    cleaned = _cleaned(text)
    return cleaned + "/" if text[-1] == "/" and text != "/" else cleaned


def _cleaned(path: str) -> str:
    """Return an absolute *path* as Go's ``path.Clean`` does."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def base(path: str) -> str:
    """Return the last name of *path* as Go's ``path.Base`` does."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def directory(path: str) -> str:
    """Return what *path* is in, as Go's ``path.Dir`` does."""
    return _cleaned(path[: path.rfind("/") + 1])


def content_path(text: str) -> str | None:
    """Return *text* as the clean content path that it is, None for one of the file system."""
    from jiaozi_node.commands.ipfs.content_path import canonical, immutable

    if not text.startswith("/") and text.partition(":")[0].lower() not in ("ipfs", "ipns"):
        return None
    try:
        path = canonical(text)
        return path if path.startswith("/ipns/") else str(immutable(text))
    except Malformed:
        return None


def prefix_of(call: Call, recipes: "Recipes") -> "Profile":
    """Return the profile of what is made: by the options, or by the configuration."""
    from jiaozi_node.formats import multihash as mh
    from jiaozi_node.node.importing import hash_named

    version, name = call.option("cid_version"), call.option("hash")
    if version is None and name is None:
        return recipes.of(recipes.base.cid_version, recipes.base.hash_code)
    version = version or 0
    if name is not None and version == 0:
        version = 1
    if version not in (0, 1):
        raise Misuse(f"unknown CID version: {version}")
    return recipes.of(version, mh.SHA2_256 if name is None else hash_named(name))
