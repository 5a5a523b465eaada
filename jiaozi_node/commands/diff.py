"""``jiaozi diff``: what differs between versions, the stage and the files."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands import diff_rows, disputes
from jiaozi_node.commands.declare import Argument, Call, Command, ExitCode, Kind, Option
from jiaozi_node.commands.parted import parted
from jiaozi_node.commands.shown import quoted
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.node.diffing import Delta

_SHAPES = ("stat", "name_status", "name_only", "rows")


def diff(call: Call) -> Iterator[dict[str, Any] | ExitCode]:
    """Yield each path that differs, with its patch where a person reads it."""
    from jiaozi_node.node import diffing
    from jiaozi_node.node.repository import Repository

    context = call.option("unified")
    if context < 0:
        raise Misuse(f"--unified can't be negative, and is {context}")
    key = _key(call)
    repository = Repository.at(call.home, call.cwd, call.place)
    revisions, paths = parted(call, repository)
    within = [diffing.parts_of(repository, os.path.join(call.cwd, path)) for path in paths]
    stat = call.option("stat")
    patched = call.option("patch") or "unified" in call.explicit
    patched = patched or (call.rendered_text and not any(call.option(name) for name in _SHAPES))
    ends = diffing.ends(repository, revisions, staged=call.option("staged"))
    rules = diff_rows.rules(repository, ends) if call.option("rows") else None
    files = added = removed = 0
    apart = diffing.disputed(repository, within) if not revisions else ()
    for one in apart:
        value = disputes.shown(one) | {"change": "U"}
        mine = None if call.option("staged") else diffing.on_disk(repository, one)
        if patched and mine is not None:
            lines = diffing.lines(repository, mine, context)
            value["patch"] = lines.text.decode("utf-8", "surrogateescape")
        yield value
        files += 1
    unsettled = {path for one in apart for path in (one.path, *one.renamed)}
    for delta in diffing.between(
        repository,
        ends,
        within=within,
        renames=not call.option("no_renames"),
        find_copies=call.option("find_copies"),
    ):
        if delta.parts in unsettled:
            continue
        value = told(delta, cids=not call.rendered_text)
        files += 1
        if patched or stat:
            lines = diffing.lines(repository, delta, context)
            value |= {"added": lines.added, "removed": lines.removed}
            if patched:
                value["patch"] = lines.text.decode("utf-8", "surrogateescape")
            added, removed = added + (lines.added or 0), removed + (lines.removed or 0)
        yield value
        if rules is not None:
            yield from diff_rows.rows(repository, delta, rules, key)
    if stat and files:
        yield {"files": files, "added": added, "removed": removed}
    if call.option("exit_code") and files:
        yield ExitCode(1)


def _key(call: Call) -> tuple[str, ...] | None:
    """Return the columns of ``--key``; raises for options that don't go with ``--rows``."""
    rows = call.option("rows")
    if rows and any(call.option(name) for name in _SHAPES[:3]):
        raise Misuse("--rows stands without --stat, --name-status and --name-only")
    text: str | None = call.option("key")
    if text is None:
        return None
    if not rows:
        raise Misuse("--key says by which columns --rows tells rows apart, and stands with it")
    names = tuple(text.split(","))
    if "" in names or len(set(names)) < len(names):
        raise Misuse(f"--key {text[:80]!r}: write NAME or NAME,NAME, each once")
    return names


def told(delta: "Delta", *, cids: bool = True) -> dict[str, Any]:
    """Return a difference as ``--json`` has it (``specs/diff.md`` §6); *cids* cost the most."""
    value: dict[str, Any] = {"change": delta.letter, "path": delta.path}
    if cids:
        value["before"] = str(delta.before) if delta.before else None
        value["after"] = str(delta.after) if delta.after else None
    if delta.source is not None:
        value["from"] = delta.source_path
    return value


def line(value: dict[str, Any], shape: str) -> str:
    """Return a row of `told`, or the sum of them, as text; *shape* is that of an option, or ""."""
    if "path" not in value:
        plural = "" if value["files"] == 1 else "s"
        return f" {value['files']} file{plural} changed, +{value['added']} -{value['removed']}\n"
    path = quoted(value["path"])
    if value["change"] == "U":
        return _in_dispute(value, path, shape)
    if shape == "name_only":
        return f"{path}\n"
    source = quoted(value["from"]) if "from" in value else None
    if shape == "name_status":
        letter = value["change"]
        return f"{letter}\t{path}\n" if source is None else f"{letter}100\t{source}\t{path}\n"
    patch: str = value.get("patch", "")
    if shape == "stat":
        shown = path if source is None else f"{source} => {path}"
        if value["added"] is None:
            return f" {shown} | binary\n{patch}"
        return f" {shown} | +{value['added']} -{value['removed']}\n{patch}"
    return patch


def _between_versions(args: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Tell whether two versions are compared, and neither paths nor rules for tables looked up."""
    from jiaozi_node.versioning import selection

    revisions: tuple[str, ...] = args["revision"]
    two = len(revisions) == 2 or (
        len(revisions) == 1 and selection.parse(revisions[0]).operator in ("..", "...")
    )
    return two and not args["path"] and not options["rows"]


def _in_dispute(value: dict[str, Any], path: str, shape: str) -> str:
    if shape in ("name_only", "name_status"):
        return f"{path}\n" if shape == "name_only" else f"U\t{path}\n"
    if shape == "stat":
        return f" {path} | in dispute\n"
    sides = [side for side in ("base", "ours", "theirs") if side in value]
    told = "".join(f"  {side:6} {value[side]}\n" for side in sides)
    how = "'jiaozi diff CID CID' compares" if len(sides) > 1 else "'jiaozi cat CID' shows it"
    patch = value.get("patch", "")
    to = "; the patch is from ours" if patch else ""
    return f"* in dispute: {path} ({value['kind']}); {how}{to}\n{told}{patch}"


def _text(value: dict[str, Any], call: Call) -> str:
    options = call.options
    if options["rows"] and value.get("change") != "U":
        patch: str = value.get("patch", "")
        return diff_rows.text(value) + patch
    if options["name_only"]:
        return line(value, "name_only")
    if options["name_status"]:
        return line(value, "name_status")
    return line(value, "stat" if options["stat"] else "")


DIFF = Command(
    path=("diff",),
    tagline="Show what differs between versions, stage and files.",
    handler=diff,
    arguments=(
        Argument(
            "revision",
            "Between two; from one to the files; without, from the stage to the files.",
            required=False,
            many=True,
        ),
        Argument("path", "Only these.", required=False, many=True, dashed=True),
    ),
    options=(
        Option("staged", Kind.BOOL, "To the stage, from HEAD or the revision.", ("cached",)),
        Option("patch", Kind.BOOL, "Show the lines, which is the default for a person.", ("p",)),
        Option("unified", Kind.INT, "So many lines around what changed.", ("U",), 3),
        Option("stat", Kind.BOOL, "Count the lines that came and went."),
        Option("name-status", Kind.BOOL, "A letter and a path for each."),
        Option("name-only", Kind.BOOL, "A path for each."),
        Option("no-renames", Kind.BOOL, "Files that moved went here and came there."),
        Option("find-copies", Kind.BOOL, "Seek originals in all of the earlier version.", ("C",)),
        Option("rows", Kind.BOOL, "Tables row by row: CSV and JSON Lines."),
        Option("key", Kind.TEXT, "With --rows: NAME[,NAME], the columns that tell rows apart."),
        Option("exit-code", Kind.BOOL, "Exit with 1 when something differs."),
    ),
    text=_text,
    apart=_between_versions,
    help="""
    A revision is a branch, a tag, a commit, the CID of a directory, or REV:PATH. A..B is A B;
    A...B compares the merge base of both with B. Patches are what 'git apply' takes.

    Words are revisions, then paths; behind -- all are paths. While a merge has paths in dispute,
    those come first, with the CIDs of their sides.

    --rows takes keys from .jiaoziattributes, as in '*.csv merge=csv key=id'. Files without a rule
    are tables by their names (.csv .tsv .tab .jsonl .ndjson), and have no key: whole rows come and
    go.
    """,
)
