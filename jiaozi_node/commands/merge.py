"""``jiaozi merge``: another version comes into this one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import Argument, Call, Command, ExitCode, Kind, Option
from jiaozi_node.commands.disputes import (
    NO_VERIFY,
    SIGN,
    aborted_text,
    around,
    counted,
    ended,
    listed,
    shown,
    signing,
)
from jiaozi_node.commands.shown import short
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.formats.cid import Cid
    from jiaozi_node.node.merging import Outcome, Wish

_MERGING = ("dry_run", "into", "ff_only", "no_ff", "no_commit", "strategy")


def merge(call: Call) -> Iterator[dict[str, Any] | ExitCode]:
    """Merge, go on with a merge, or give it up; 1 says that something is in dispute."""
    revision = call.args["revision"]
    ending = [name for name in ("continue", "abort") if call.option(name)]
    if len(ending) > 1 or (ending and revision is not None):
        raise Misuse("write merge REV, merge --continue or merge --abort")
    if ending:
        for name in _MERGING:
            if call.option(name):
                raise Misuse(f"--{ending[0]} doesn't go with --{name.replace('_', '-')}")
        yield from ended(call, "merge", abort=bool(call.option("abort")))
        return
    if revision is None:
        raise Misuse("say which version to merge: a branch, tag or CID")
    if call.option("ff_only") and call.option("no_ff"):
        raise Misuse("only one of --ff-only and --no-ff can be meant")
    if call.option("strategy") not in (None, "ours", "theirs"):
        raise Misuse(f"--strategy {call.option('strategy')[:40]!r}: write ours or theirs")
    if call.option("into") is not None and not call.option("dry_run"):
        raise Misuse("--into goes with --dry-run: a merge goes into HEAD")
    outcome = _preview(call) if call.option("dry_run") else _merge(call)
    yield _value(outcome)
    if outcome.conflicts:
        yield ExitCode(1)


def _merge(call: Call) -> "Outcome":
    from jiaozi_node.node import hooked
    from jiaozi_node.node.repository import Repository

    repository = Repository.at(call.home, call.cwd)
    theirs = repository.resolve(call.args["revision"], call.now)
    author = repository.author(None, call.environ, call.note)
    now = int(call.now())
    outcome, _ours = hooked.merge(
        repository, theirs, author, now, _wish(call), around(call), signing(call)
    )
    if outcome.base is None and outcome.kind != "up-to-date":
        call.note("the two have no commit in common: merged against nothing")
    return outcome


def _preview(call: Call) -> "Outcome":
    from jiaozi_node.node import merging

    names = (call.option("into") or "HEAD", call.args["revision"])
    ours, theirs = _commits(call, names)
    return merging.preview(call.home, ours, theirs, _wish(call))


def _commits(call: Call, names: tuple[str, str]) -> list["Cid"]:
    """Return the commits of two revisions; where no working copy is, those of CIDs."""
    from jiaozi_node.dag.walk import run
    from jiaozi_node.node.repository import Repository
    from jiaozi_node.versioning import revision
    from jiaozi_node.worktree.link import NoWorkingCopy

    try:
        repository = Repository.at(call.home, call.cwd)
    except NoWorkingCopy:
        if call.option("into") is None:
            raise Misuse(
                "there is no working copy here: say what to merge into with --into CID"
            ) from None
        get = call.home.blocks.get
        return [
            run(revision.resolve(revision.parse(name), revision.Places()), get).cid
            for name in names
        ]
    return [repository.resolve(name, call.now) for name in names]


def _wish(call: Call) -> "Wish":
    from jiaozi_node.node.merging import Wish

    given: tuple[str, ...] = call.option("message")
    return Wish(
        call.args["revision"],
        "\n\n".join(given) or None,
        only_forward=bool(call.option("ff_only")),
        never_forward=bool(call.option("no_ff")),
        commit=not call.option("no_commit"),
        favour=call.option("strategy"),
    )


def _value(outcome: "Outcome") -> dict[str, Any]:
    return {
        "kind": outcome.kind,
        "commit": None if outcome.commit is None else str(outcome.commit),
        "tree": str(outcome.tree),
        "base": None if outcome.base is None else str(outcome.base),
        "bases": [str(cid) for cid in outcome.bases],
        "files": outcome.files,
        "conflicts": [shown(found) for found in outcome.conflicts],
    }


def _text(value: dict[str, Any], call: Call) -> str:
    kind = value["kind"]
    if kind == "in-dispute":
        return listed(value["conflicts"], "merge", started=not call.option("dry_run"))
    if kind == "aborted":
        return aborted_text(value)
    if kind == "up-to-date":
        return "already up to date\n"
    if call.option("dry_run"):
        how = "a fast-forward" if kind == "fast-forward" else "a clean merge"
        return f"would be {how}; tree {value['tree']}\n"
    if kind == "not-committed":
        return "merged, and not committed: 'jiaozi commit' or 'jiaozi merge --continue' does\n"
    where = "fast-forward to" if kind == "fast-forward" else "merged as"
    differed = f"; {counted(value['files'])} differed" if "files" in value else ""
    return f"{where} {short(value['commit'])}{differed}\n"


MERGE = Command(
    path=("merge",),
    tagline="Merge another version into this one.",
    handler=merge,
    arguments=(Argument("revision", "A branch, tag, CID or other revision.", required=False),),
    options=(
        Option("ff-only", Kind.BOOL, "Only if nothing but moving on is needed."),
        Option("no-ff", Kind.BOOL, "Make a commit even then."),
        Option("no-commit", Kind.BOOL, "Leave the commit to 'jiaozi commit'."),
        Option("strategy", Kind.TEXT, "Decide every dispute for one side: ours or theirs.", ("X",)),
        Option("message", Kind.TEXTS, "The message; given twice, two paragraphs.", ("m",), ()),
        SIGN,
        NO_VERIFY,
        Option("dry-run", Kind.BOOL, "Tell what would come of it; write nothing.", ("n",)),
        Option("into", Kind.TEXT, "With --dry-run: what to merge into; HEAD if absent."),
        Option("continue", Kind.BOOL, "Commit the merge when all is settled."),
        Option("abort", Kind.BOOL, "Give the merge up."),
    ),
    text=_text,
    help="Outside a working copy, --dry-run --into CID merges two commits by their CIDs.",
)
