"""Revisions as people write them: ``HEAD~2``, ``v1``, ``main@{yesterday}``, a CID, ``REV:path``.

The grammar and the order in which a base is looked up are ``specs/refs.md`` §6. Where ``@{…}``
leads is the business of ``earlier``, parts of history (``A..B``) are that of ``selection``.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from jiaozi_node.dag.walk import Lookup
from jiaozi_node.errors import LimitExceeded, Malformed, Misuse, NotFound
from jiaozi_node.formats.cid import Cid
from jiaozi_node.versioning import earlier, history, reflog
from jiaozi_node.versioning.history import Visit
from jiaozi_node.versioning.near import near
from jiaozi_node.versioning.reflog import Entry
from jiaozi_node.versioning.refname import BadName, RefName, is_cid_text
from jiaozi_node.versioning.refs import Refs
from jiaozi_node.versioning.workingcopies import Head

MAX_BYTES: Final = 4096  # §6.4
MAX_STEPS: Final = 256  # §6.4
MAX_N: Final = 1_000_000_000  # §6.4
MIN_PREFIX_CHARS: Final = 8  # §6.2

_HEADS = frozenset(("HEAD", "@"))
_BASE32 = frozenset("abcdefghijklmnopqrstuvwxyz234567")
_DIGITS = frozenset("0123456789")
_TRACKED = frozenset(("upstream", "u", "push"))  # git's; they need remotes
_LISTED = 10


class BadRevision(Malformed):
    """Text that isn't a revision."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{_shown(text)} is not a revision: {why}")
        self.text, self.why = text, why


class UnknownRevision(NotFound):
    """A revision that fits nothing here: what was *tried*, and names *like* it (§6.9)."""

    def __init__(self, text: str, tried: tuple[str, ...], like: tuple[str, ...] = ()) -> None:
        meant = f"; did you mean {' or '.join(map(_shown, like))}?" if like else ""
        super().__init__(
            f"unknown revision {_shown(text)}: there is no {', no '.join(tried)}{meant}"
        )
        self.text, self.tried, self.like = text, tried, like


class AmbiguousRevision(Misuse):
    """A revision that fits several commits; *candidates* names them."""

    def __init__(self, text: str, candidates: tuple[str, ...]) -> None:
        shown = ", ".join(candidates[:_LISTED])
        more = f" and {len(candidates) - _LISTED} more" if len(candidates) > _LISTED else ""
        super().__init__(f"{_shown(text)} may be {shown}{more}: say which")
        self.text, self.candidates = text, candidates


class NoParent(NotFound):
    """A commit has fewer parents, or ancestors, than a revision asks for."""

    def __init__(self, text: str, cid: Cid, asked: str) -> None:
        super().__init__(f"{_shown(text)}: commit {cid} has no {asked}")
        self.text, self.cid = text, cid


@dataclass(frozen=True, slots=True)
class Step:
    """``~n`` (*axis* "~": the first parent, n times) or ``^n`` (*axis* "^": the n-th parent)."""

    axis: str
    n: int


@dataclass(frozen=True, slots=True)
class Revision:
    """A base, what stands in ``@{…}`` behind it, and the steps; *text* is what was written."""

    text: str
    base: str
    steps: tuple[Step, ...] = ()
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where a revision is looked up: the refs of a repository and a working copy's HEAD.

    *candidates* lists known commits whose text begins with a prefix; left out, they are sought
    among the ancestors of all refs, of HEAD, and of what the reflogs of *refs* name. *moves* yields
    the moves of HEAD, newest first, and *when* reads a date: both are needed for ``@{…}`` only.
    """

    refs: Refs | None = None
    head: Head | None = None
    candidates: Callable[[str], Iterable[Cid]] | None = None
    moves: Callable[[], Iterator[Entry]] = lambda: iter(())
    when: Callable[[str], int] | None = None


def split(text: str) -> tuple[str, str | None]:
    """Split ``REV:path`` into the revision (``HEAD`` when empty) and the path; None without one."""
    colon = find_outside(text, ":")
    if colon < 0:
        return text, None
    return text[:colon] or "HEAD", text[colon + 1 :]


def find_outside(text: str, wanted: str) -> int:
    """Return where *wanted* first stands in *text* outside of ``@{…}``, or -1."""
    start = 0
    while True:
        found, brace = text.find(wanted, start), text.find("@{", start)
        if brace < 0 or -1 < found <= brace:
            return found
        start = text.find("}", brace)
        if start < 0:
            return -1


def parse(text: str) -> Revision:
    """Read a revision without a path; raises `BadRevision` or `LimitExceeded`."""
    size = len(text.encode(errors="replace"))
    if size > MAX_BYTES:
        raise LimitExceeded("revision", MAX_BYTES, size)
    end = min((at for at in map(partial(find_outside, text), "~^") if at >= 0), default=len(text))
    base, brace, at = text[:end].partition("@{")
    if brace and not at.endswith("}"):
        raise BadRevision(text, "'@{' ends with '}', and only ~n and ^n follow")
    if not base and not brace:
        raise BadRevision(text, "there is no name or CID to begin from")
    if ":" in base:
        raise BadRevision(text, "a path can't stand here")
    if ".." in base:
        raise BadRevision(text, "a range can't stand here")
    inside = _checked_at(text, base, at[:-1]) if brace else None
    return Revision(text, base, tuple(_steps(text, end)), inside)


def _checked_at(text: str, base: str, at: str) -> str:
    """Return what stands in ``@{…}``, sure that it is read later."""
    if not at or "}" in at:
        raise BadRevision(text, "'@{…}' holds a number, a date or, alone, -n")
    if at in _TRACKED:
        raise BadRevision(text, f"there are no remotes yet that '@{{{at}}}' could be about")
    if is_number(at):
        number(at)
    elif at[0] == "-" and is_number(at[1:]) and (base or not number(at[1:])):
        raise BadRevision(text, "'@{-n}' stands alone, and n is at least 1")
    return at


def is_number(text: str) -> bool:
    """Tell whether *text* is digits alone."""
    return bool(text) and _DIGITS.issuperset(text)


def number(digits: str) -> int:
    """Return the number that *digits* are, 0 for none of them; raises `LimitExceeded`."""
    bare = digits.lstrip("0") or "0"
    n = int(bare) if len(bare) <= 10 else MAX_N + 1
    if n > MAX_N:
        raise LimitExceeded("number in a revision", MAX_N, n, "steps")
    return n


def _steps(text: str, at: int) -> Iterable[Step]:
    steps = 0
    while at < len(text):
        axis = text[at]
        if axis not in "~^":
            raise BadRevision(text, f"{text[at : at + 16]!r} after a step; only ~n and ^n follow")
        end = at + 1
        while end < len(text) and text[end] in _DIGITS:
            end += 1
        n = number(text[at + 1 : end])
        steps += 1
        if steps > MAX_STEPS:
            raise LimitExceeded("revision", MAX_STEPS, steps, "steps")
        yield Step(axis, n if end > at + 1 else 1)
        at = end


def resolve(revision: Revision, places: Places) -> Lookup[Visit]:
    """Return the commit that *revision* stands for.

    Raises `UnknownRevision`, `NoParent`, `NoMove`, `AmbiguousRevision`, `BlockMissing`, or what is
    wrong with a block on the way.
    """
    if revision.at is None:
        visit = yield from _base(revision, places)
    else:
        visit = yield from history.peel(_moved(revision, revision.at, places))
    for step in revision.steps:
        visit = yield from _step(revision, visit, step)
    return visit


def named(revision: Revision, places: Places) -> Cid | None:
    """Return what a CID, full ref or tag is, before tags are followed; None for all else."""
    base, refs = revision.base, places.refs
    if revision.steps or revision.at is not None or base in _HEADS:
        return None
    for make in (RefName.parse, RefName.tag):
        ref = _ref(make, base)
        target = None if refs is None or ref is None else refs.get(ref)
        if target is not None:
            return target
    try:
        return Cid.parse(base)
    except Malformed:
        return None


def _step(revision: Revision, visit: Visit, step: Step) -> Lookup[Visit]:
    if step.axis == "^":
        if not step.n:
            return visit
        if step.n > len(visit.commit.parents):
            what = "parent" if step.n == 1 else f"parent {step.n}"
            raise NoParent(revision.text, visit.cid, what)
        parent = visit.commit.parents[step.n - 1]
        return Visit(parent, (yield from history.read(parent, visit.cid)))
    if step.n >= visit.commit.generation:  # each step goes down by one generation or more
        what = "parent" if step.n == 1 else f"{step.n} generations of ancestors"
        raise NoParent(revision.text, visit.cid, what)
    for _ in range(step.n):
        if not visit.commit.parents:
            raise NoParent(revision.text, visit.cid, "parent")
        parent = visit.commit.parents[0]
        visit = Visit(parent, (yield from history.read(parent, visit.cid)))
    return visit


def _base(revision: Revision, places: Places) -> Lookup[Visit]:
    """Find the base, in the order of §6.2."""
    base, refs = revision.base, places.refs
    if base in _HEADS:
        return (yield from history.peel(_head(revision, places)))
    tried: list[str] = []
    if refs is not None:
        ref = _ref(RefName.parse, base)
        if ref is not None:
            target = refs.get(ref)
            if target is not None:
                return (yield from history.peel(target))
            tried.append(f"ref {ref}")
    if is_cid_text(base):
        return (yield from history.peel(Cid.parse(base)))
    if refs is not None:
        found: dict[str, Visit] = {}
        for make, what in ((RefName.tag, "tag"), (RefName.branch, "branch")):
            ref = _ref(make, base)
            target = None if ref is None else refs.get(ref)
            if target is not None:
                found[str(ref)] = yield from history.peel(target)
            tried.append(f"{what} of that name")
        visits = list(found.values())
        if visits and all(visit.cid == visits[0].cid for visit in visits):
            return visits[0]
        if visits:
            raise AmbiguousRevision(revision.text, tuple(found))
    try:
        cid = Cid.parse(base)
    except Malformed:
        cid = yield from _prefixed(revision, places, tried)
    return (yield from history.peel(cid))


def _head(revision: Revision, places: Places) -> Cid:
    head, refs = places.head, places.refs
    if head is None:
        raise UnknownRevision(revision.text, ("working copy here, whose HEAD it would be",))
    if head.ref is None:
        if head.commit is None:
            raise UnknownRevision(revision.text, ("commit yet",))
        return head.commit
    target = None if refs is None else refs.get(head.ref)
    if target is None:
        raise UnknownRevision(revision.text, (f"commit yet on branch {head.branch!r}",))
    return target


def _moved(revision: Revision, at: str, places: Places) -> Cid:
    """Return what a name stood for, or where HEAD came from (§6.5–§6.7)."""
    if at[0] == "-" and is_number(at[1:]):
        return _before(revision, number(at[1:]), places)
    entries, current = _log(revision, places)
    if is_number(at):
        return earlier.counted(entries, number(at), current, revision.text)
    if places.when is None:
        raise UnknownRevision(revision.text, ("clock here to read a date by",))
    return earlier.dated(entries, places.when(at), current, revision.text)


def came_from(text: str, places: Places) -> str:
    """Return the branch, or the CID as text, that *text*, an ``@{-n}``, stands for."""
    at = parse(text).at or ""
    if at[:1] != "-" or not is_number(at[1:]):
        raise BadRevision(text, "only '@{-n}' tells where HEAD was before")
    return earlier.came_from(places.moves(), number(at[1:]), text)


def _before(revision: Revision, n: int, places: Places) -> Cid:
    name = earlier.came_from(places.moves(), n, revision.text)
    if is_cid_text(name):
        return Cid.parse(name)
    target = None if places.refs is None else places.refs.get(RefName.branch(name))
    if target is None:
        raise UnknownRevision(revision.text, (f"branch {name!r} any more",))
    return target


def _log(revision: Revision, places: Places) -> tuple[Iterator[Entry], Cid | None]:
    """Return the moves of what the base names, newest first, and where it stands now."""
    base, head, refs = revision.base, places.head, places.refs
    if base in _HEADS or not base:
        if head is None or refs is None:
            return iter(()), _head(revision, places)  # raises
        if base or head.ref is None:
            now = head.commit if head.ref is None else refs.get(head.ref)
            return places.moves(), now
        return refs.reflog(head.ref), refs.get(head.ref)
    found: list[RefName] = []
    for make in (RefName.parse, RefName.tag, RefName.branch):
        ref = _ref(make, base)
        if refs is not None and ref is not None and _was_there(refs, ref):
            found.append(ref)
            if make is RefName.parse:
                break
    if refs is None or not found:
        tried = ("tag of that name", "branch of that name, nor a reflog of one")
        raise UnknownRevision(revision.text, tried, _like(base, places))
    if len(found) > 1:
        raise AmbiguousRevision(revision.text, tuple(map(str, found)))
    return refs.reflog(found[0]), refs.get(found[0])


def _was_there(refs: Refs, ref: RefName) -> bool:
    return refs.get(ref) is not None or next(refs.reflog(ref), None) is not None


def _like(base: str, places: Places) -> tuple[str, ...]:
    """Return the names of branches and tags that look like *base*."""
    if places.refs is None:
        return ()
    return near(base, (ref.name for ref, _target in places.refs.list()))


def _ref(make: Callable[[str], RefName], text: str) -> RefName | None:
    """Return the ref that *make* reads from *text*, None when it can't be one."""
    try:
        return make(text)
    except (BadName, LimitExceeded):
        return None


def _prefixed(revision: Revision, places: Places, tried: list[str]) -> Lookup[Cid]:
    """Find the one known commit whose text begins with the base."""
    prefix = revision.base
    if len(prefix) >= MIN_PREFIX_CHARS and prefix[0] == "b" and _BASE32.issuperset(prefix):
        tried.append("known commit whose CID begins so")
        if places.candidates is not None:
            cids = sorted(set(places.candidates(prefix)))
        else:
            cids = yield from history.beginning(_tips(places), prefix)
        if len(cids) > 1:
            raise AmbiguousRevision(revision.text, tuple(map(str, cids)))
        if cids:
            return cids[0]
    else:
        tried.append(f"CID, nor {MIN_PREFIX_CHARS} or more characters that one begins with")
    raise UnknownRevision(revision.text, tuple(tried), _like(prefix, places))


def _tips(places: Places) -> Iterable[Cid]:
    """Yield every commit or tag that a name stands for, or stood for."""
    if places.head is not None and places.head.commit is not None:
        yield places.head.commit
    if places.refs is None:
        return
    for _name, target in places.refs.list():
        yield target
    for _ref_text, entry in reflog.everything(places.refs.names, places.refs.repository):
        if entry.new is not None:
            yield entry.new


def _shown(text: str) -> str:
    """Return *text* fit for one line of an error."""
    return repr(text if len(text) <= 80 else text[:79] + "…")
