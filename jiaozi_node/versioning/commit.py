"""A commit: a directory, the versions it came from, who made it and why (``specs/commit-dag.md``).

`Commit` checks everything that one commit alone can be checked for, so whoever holds one may trust
it; `decode` and `encode` are inverse on bytes and on values, unknown keys included.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jiaozi_node.errors import LimitExceeded, Malformed
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import agent as agents
from jiaozi_node.versioning import fields as f
from jiaozi_node.versioning import signature as signatures
from jiaozi_node.versioning.agent import Agent
from jiaozi_node.versioning.signature import Signature

TYPE: Final = "jiaozi/commit"
VERSION: Final = 1

MAX_PARENTS: Final = 64  # §4.4
MAX_PROV: Final = 1024  # §4.4
MAX_GENERATION: Final = 2**53 - 1  # §5.1

_STATS = frozenset(("files", "bytes"))
_KNOWN = frozenset(
    """type v tree parents profile author committer time tz authored message prov meta stats
    generation sig""".split()  # noqa: SIM905 - a list of 16 lines says no more
)


class WrongGeneration(Malformed):
    """A commit whose generation isn't 1 + the greatest of its parents' (§5.1)."""

    def __init__(self, cid: Cid, found: int, expected: int) -> None:
        super().__init__(f"generation of {cid} is {found}; its parents make it {expected}")
        self.cid, self.found, self.expected = cid, found, expected


@dataclass(frozen=True, slots=True)
class Stats:
    """How many files and symlinks a tree holds, and the sum of their UnixFS sizes."""

    files: int
    bytes: int
    extra: Mapping[str, Any] = field(default_factory=f.nothing)

    def __post_init__(self) -> None:
        f.check_int("stats.files", self.files)
        f.check_int("stats.bytes", self.bytes)
        f.keep_unknown(self, _STATS, "stats.", level=2)

    def __hash__(self) -> int:
        return hash((self.files, self.bytes))


@dataclass(frozen=True, slots=True)
class Commit:
    """One version. Times are Unix seconds UTC, *tz* minutes east of UTC; () and {} mean absent.

    Raises `SchemaBroken` or `LimitExceeded` naming the field.
    """

    tree: Cid
    parents: tuple[Cid, ...]
    profile: str
    author: Agent
    time: int
    message: str
    generation: int
    committer: Agent | None = None
    tz: int | None = None
    authored: int | None = None
    prov: tuple[Cid, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=f.nothing)
    stats: Stats | None = None
    sig: tuple[Signature, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=f.nothing)

    def __post_init__(self) -> None:
        f.check_tree("tree", self.tree)
        f.check_links("parents", self.parents, MAX_PARENTS)
        f.check_profile("profile", self.profile)
        f.check_time("time", self.time)
        f.check_message("message", self.message)
        f.check_int("generation", self.generation, 1, MAX_GENERATION)
        if (self.generation == 1) is bool(self.parents):
            raise f.SchemaBroken("generation", "must be 1 exactly when there are no parents")
        if self.tz is not None:
            f.check_int("tz", self.tz, -f.MAX_TZ_MINUTES, f.MAX_TZ_MINUTES)
        if self.authored is not None:
            f.check_time("authored", self.authored)
        if self.prov:
            f.check_links("prov", self.prov, MAX_PROV)
        if self.sig:
            signatures.check("sig", self.sig)
        if self.meta is not f.NOTHING:
            object.__setattr__(self, "meta", f.frozen("meta", self.meta, floats=True, level=1))
        f.keep_unknown(self, _KNOWN, "", level=1)

    def __hash__(self) -> int:
        return hash((self.tree, self.parents, self.author, self.time, self.message))

    @property
    def subject(self) -> str:
        """The first line of the message that isn't blank, or ""."""
        return next((line.strip() for line in self.message.splitlines() if line.strip()), "")


def decode(block: Block) -> Commit:
    """Read a commit; raises `NewerSchema` for a version above ours, else `Malformed`."""
    rest = f.open_block(block, TYPE, VERSION)
    parents = f.take(rest, "parents")
    if not isinstance(parents, list):
        raise f.SchemaBroken("parents", "must be a list of links")
    committer = f.take_map(rest, "committer")
    meta = f.take_map(rest, "meta")
    if meta is not None and not meta:
        raise f.SchemaBroken("meta", "must be absent when empty")
    return Commit(
        tree=f.take(rest, "tree"),
        parents=tuple(parents),
        profile=f.take(rest, "profile"),
        author=agents.from_map(f.take(rest, "author"), "author"),
        time=f.take(rest, "time"),
        message=f.take(rest, "message"),
        generation=f.take(rest, "generation"),
        committer=None if committer is None else agents.from_map(committer, "committer"),
        tz=f.take_optional(rest, "tz"),
        authored=f.take_optional(rest, "authored"),
        prov=f.take_list(rest, "prov"),
        meta=f.NOTHING if meta is None else meta,
        stats=_stats(f.take_map(rest, "stats")),
        sig=signatures.from_list(f.take_list(rest, "sig")),
        extra=rest or f.NOTHING,
    )


def encode(commit: Commit) -> Block:
    """Return the block of *commit*; raises `LimitExceeded` when it comes to more than 1 MiB."""
    return f.seal(TYPE, to_map(commit))


def to_map(commit: Commit) -> dict[str, Any]:
    """Return *commit* as the codec takes it."""
    out: dict[str, Any] = {
        "type": TYPE,
        "v": VERSION,
        "tree": commit.tree,
        "parents": list(commit.parents),
        "profile": commit.profile,
        "author": agents.to_map(commit.author),
        "time": commit.time,
        "message": commit.message,
        "generation": commit.generation,
    }
    if commit.committer is not None:
        out["committer"] = agents.to_map(commit.committer)
    if commit.tz is not None:
        out["tz"] = commit.tz
    if commit.authored is not None:
        out["authored"] = commit.authored
    if commit.prov:
        out["prov"] = list(commit.prov)
    if commit.meta:
        out["meta"] = f.thawed(commit.meta)
    if commit.stats is not None:
        stats = commit.stats
        out["stats"] = {"files": stats.files, "bytes": stats.bytes, **f.thawed(stats.extra)}
    return signatures.closing(out, commit.sig, commit.extra)


def generation_above(parents: Iterable[Commit]) -> int:
    """Return the generation of a commit on *parents* (§5.1)."""
    generation = 1 + max((parent.generation for parent in parents), default=0)
    if generation > MAX_GENERATION:
        raise LimitExceeded("generation", MAX_GENERATION, generation, "commits")
    return generation


def check_generation(cid: Cid, commit: Commit, parents: Iterable[Commit]) -> None:
    """Raise `WrongGeneration` unless *commit* has the generation that all its *parents* make."""
    expected = generation_above(parents)
    if commit.generation != expected:
        raise WrongGeneration(cid, commit.generation, expected)


def _stats(value: dict[str, Any] | None) -> Stats | None:
    if value is None:
        return None
    rest = dict(value)
    files, size = f.take(rest, "files", "stats."), f.take(rest, "bytes", "stats.")
    return Stats(files, size, rest or f.NOTHING)
