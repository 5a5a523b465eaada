"""``ipfs add``: files and directories into the store, with Kubo's CIDs, options and lines."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jiaozi_node.commands.declare import (
    Argument,
    Call,
    Command,
    Imported,
    Kind,
    Option,
    Passed,
    TreeRules,
)
from jiaozi_node.commands.ipfs.taken import FAST_PROVIDE
from jiaozi_node.errors import Misuse

if TYPE_CHECKING:
    from jiaozi_node.commands.declare import PutBlocks
    from jiaozi_node.formats.cid import Cid


def add(call: Call) -> Iterator[dict[str, Any]]:
    """Import every file argument; yield ``{"Name", "Hash", "Size"}`` for what came in.

    When nothing but the last CID will be printed, entries inside directories are not told of. The
    blocks are durable and the roots pinned before the rows of the roots are yielded.
    """
    rows = _added(call)
    if not call.option("silent"):
        yield from rows
        return
    for _ in rows:
        pass


def _added(call: Call) -> Iterator[dict[str, Any]]:
    from jiaozi_node.commands.ipfs.cid_text import CidText
    from jiaozi_node.node.importing import profile_of

    options = call.options
    quiet = call.rendered_text and (bool(options["quieter"]) or bool(options["silent"]))
    profile = profile_of(call.home.config, options)
    _check(call)
    rules = TreeRules(
        profile=profile,
        recursive=bool(options["recursive"]),
        hidden=bool(options["hidden"]),
        ignore=tuple(options["ignore"] or ()),
        ignore_file=options["ignore_rules_path"] or None,
        empty_directories=options["empty_dirs"],
        follow_arguments=bool(options["dereference_args"]),
        follow_links=bool(options["dereference_symlinks"]),
        stdin_name=options["stdin_name"] or None,
        mode=(options["mode"] or 0) & 0o777 or None,  # Go: the rest of the bits mean nothing here
        mtime=(options["mtime"], options["mtime_nsecs"] or 0) if options["mtime"] else None,
        every_entry=not quiet,
        progress=bool(options["progress"]) and not call.rendered_text,
    )
    shown = CidText.asked(call)
    if options["only_hash"]:
        for one in _imported(call, rules, None):
            yield _passed(one) if isinstance(one, Passed) else _row(one, shown(one.node.cid))
        return
    from jiaozi_node.node.acts import acting
    from jiaozi_node.stores.api import Family

    held: list[Imported] = []
    roots: list[Cid] = []
    with acting(call.home) as act:
        with act.blocks.writer(Family.PUBLIC) as writer:
            referring = None
            if options["nocopy"]:
                from jiaozi_node.node.filestore import Referring

                referring = Referring(act, writer)
                rules = replace(rules, refer=referring)
            for one in _imported(call, rules, writer.put):
                if isinstance(one, Passed):
                    yield _passed(one)
                    continue
                if one.depth == 0:
                    roots.append(one.node.cid)
                if one.depth == 0 or held:  # a root waits for its pin, what follows for its turn
                    held.append(one)
                else:
                    yield _row(one, shown(one.node.cid))
            if referring is not None:
                referring.flush()
        if options["pin"]:
            from jiaozi_node.dag.pin import Pins

            pins = Pins(act.names)
            for cid in roots:
                pins.add(cid, name=options["pin_name"] or "")
        if options["to_files"] is not None:
            from jiaozi_node.commands.ipfs.to_files import ToFiles

            files = ToFiles(call)
            for one in held:
                yield _row(one, shown(one.node.cid))
                if one.depth == 0:
                    files.put(one)
            return
    for one in held:
        yield _row(one, shown(one.node.cid))


def _check(call: Call) -> None:
    """Refuse what contradicts itself, in Kubo's words and order."""
    options = call.options
    if options["pin_name"] is not None:
        from jiaozi_node.dag.pin import check_name

        check_name(options["pin_name"])
        if options["only_hash"] or not options["pin"]:
            raise Misuse("pin-name option requires pin to be set")
    for name in ("only_hash", "wrap_with_directory"):
        if options[name] and options["to_files"] is not None:
            shown = name.replace("_", "-")
            raise Misuse(f"{shown} and to-files options are not compatible")
    if options["mtime_nsecs"] and not options["mtime"]:
        raise Misuse('option "mtime-nsecs" requires "mtime" to be provided as well')
    if (options["mtime_nsecs"] or 0) >= 1_000_000_000:
        raise Misuse("mtime-nsecs must be below 1000000000")


def _some(found: Iterator[Imported | Passed]) -> Iterator[Imported | Passed]:
    """Yield what was *found*; raises `Misuse` when it is nothing."""
    first = next(found, None)
    if first is None:
        raise Misuse("expected a file argument")
    yield first
    yield from found


def _imported(call: Call, rules: TreeRules, put: "PutBlocks | None") -> Iterator[Imported | Passed]:
    """Yield what comes in, wrapped in a directory where asked for."""
    if call.files is None:
        raise Misuse("expected a file argument")
    found = _some(call.files.trees(rules, put))
    if not call.options["wrap_with_directory"]:
        yield from found
        return
    from jiaozi_node.unixfs.build import DirectoryBuilder

    builder = DirectoryBuilder(rules.profile, rules.mode, rules.mtime)
    for one in found:
        if isinstance(one, Passed):
            yield Passed(one.path, one.size_bytes)
        elif one.depth == 0:
            if rules.every_entry:
                yield Imported(one.path, one.node, 1)
            name, *above = reversed((one.path or str(one.node.cid)).split("/"))
            node = one.node
            for at, parent in enumerate(above):  # --stdin-name=a/b
                inner = DirectoryBuilder(rules.profile, rules.mode, rules.mtime)
                inner.add(name, node)
                blocks, node = inner.end()
                if put is not None:
                    put(blocks)
                path = "/".join(reversed(above[at:]))
                yield Imported(path, node, 1)
                name = parent
            builder.add(name, node)
        else:
            yield Imported(one.path, one.node, one.depth)
    blocks, node = builder.end()
    if put is not None:
        put(blocks)
    yield Imported("", node, 0)


def _passed(one: Passed) -> dict[str, Any]:
    return {"Name": one.path, "Bytes": one.size_bytes, **_told(one)}


def _row(one: Imported, cid: str) -> dict[str, Any]:
    wrapper = one.path == "" and one.node.kind == "directory"
    return {
        "Name": one.path if one.path or wrapper else cid,
        "Hash": cid,
        "Size": str(one.node.tsize),
        **_told(one),
    }


def _told(one: Imported | Passed) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if one.mode:
        row["Mode"] = f"0{one.mode & 0o7777:o}"
    if one.mtime is not None:
        row["Mtime"] = one.mtime[0]
        if one.mtime[1]:
            row["MtimeNsecs"] = one.mtime[1]
    return row


def _text(row: dict[str, Any], call: Call) -> str | None:
    if call.options.get("silent") or "Hash" not in row:
        return None
    if call.options.get("quiet"):
        return f"{row['Hash']}\n"
    from jiaozi_node.commands.ipfs.go_text import escaped

    return f"added {row['Hash']} {escaped(row['Name'])}\n"


def _after(call: Call, rows: Iterator[dict[str, Any]]) -> Iterator[Any]:
    """With ``--quieter`` print the last CID alone."""
    if not (call.rendered_text and call.options["quieter"]):
        yield from rows
        return
    last = ""
    for row in rows:
        last = row.get("Hash", last)
    yield f"{last}\n".encode()


ADD = Command(
    path=("ipfs", "add"),
    tagline="Add a file or directory to IPFS.",
    handler=add,
    arguments=(
        Argument("path", "The path to a file to be added.", many=True, file=True, stdin=True),
    ),
    options=(
        Option("recursive", Kind.BOOL, "Add directory paths recursively.", ("r",)),
        Option("dereference-args", Kind.BOOL, "Follow symlinks given as arguments."),
        Option("stdin-name", Kind.TEXT, "Assign a name if the file source is stdin."),
        Option("hidden", Kind.BOOL, "Include files that are hidden.", ("H",)),
        Option("ignore", Kind.TEXTS, "A rule (.gitignore-style) of which paths to ignore."),
        Option("ignore-rules-path", Kind.TEXT, "A file of rules of which paths to ignore."),
        Option("empty-dirs", Kind.BOOL, "Include empty directories.", ("E",), True),
        Option("dereference-symlinks", Kind.BOOL, "Add what symlinks lead to."),
        Option("quiet", Kind.BOOL, "Write minimal output.", ("q",)),
        Option("quieter", Kind.BOOL, "Write only final hash.", ("Q",)),
        Option("silent", Kind.BOOL, "Write no output."),
        Option("progress", Kind.BOOL, "Stream progress data.", ("p",)),
        Option("only-hash", Kind.BOOL, "Only chunk and hash - do not write to disk.", ("n",)),
        Option("wrap-with-directory", Kind.BOOL, "Wrap files with a directory object.", ("w",)),
        Option("pin", Kind.BOOL, "Protect added files from garbage collection.", default=True),
        Option("pin-name", Kind.TEXT, "Name to use for the pin."),
        Option("to-files", Kind.TEXT, "Add reference to Files API (MFS) at the provided path."),
        Option("cid-version", Kind.INT, "CID version (0 or 1). Default: Import.CidVersion."),
        Option("hash", Kind.TEXT, "Hash function; implies CIDv1 if not sha2-256."),
        Option("raw-leaves", Kind.BOOL, "Use raw blocks for leaf nodes."),
        Option(
            "chunker",
            Kind.TEXT,
            "Chunking algorithm: size-[bytes], rabin-[min]-[avg]-[max], buzhash.",
            ("s",),
        ),
        Option("trickle", Kind.BOOL, "Use trickle-dag format for dag generation.", ("t",)),
        Option("max-file-links", Kind.INT, "Most links of a file node."),
        Option("max-directory-links", Kind.INT, "Most links of a basic directory node."),
        Option("max-hamt-fanout", Kind.INT, "Fanout of a sharded directory."),
        Option("inline", Kind.BOOL, "Inline small blocks into CIDs."),
        Option("inline-limit", Kind.INT, "Maximum block size to inline, up to 128.", default=32),
        Option("preserve-mode", Kind.BOOL, "Record the permissions of files and directories."),
        Option("preserve-mtime", Kind.BOOL, "Record modification times."),
        Option("mode", Kind.UINT, "Permissions to record for everything added."),
        Option("mtime", Kind.INT64, "Modification time to record, in seconds."),
        Option("mtime-nsecs", Kind.UINT, "Its fraction in nanoseconds."),
        Option("nocopy", Kind.BOOL, "Refer to the files instead of copying; implies raw leaves."),
        Option("fscache", Kind.BOOL, "Taken: blocks that are here are never written again."),
        *FAST_PROVIDE,
    ),
    text=_text,
    after=_after,
    text_only=True,
    help="""
    Defaults come from Import.* of the config. Chunkers rabin and buzhash cut where the content says
    so; with the extra `chunkers` (numpy) they are some fifty times faster. --nocopy needs
    Experimental.FilestoreEnabled, and files below the directory that holds the home.
    """,
)
