"""Where each command is declared; nothing is imported until it is called.

A test compares this table with the declarations.
"""

import importlib
from collections.abc import Sequence

from jiaozi_node.commands import kubo_rows
from jiaozi_node.commands.declare import Command
from jiaozi_node.errors import Misuse

_HERE = "jiaozi_node.commands."
_LIKENESS = 0.6  # of short words: "comit" is like "commit" and not like "cat"

# path → (module below commands, attribute, what it does in a line)
COMMANDS: dict[tuple[str, ...], tuple[str, str, str]] = {
    ("init",): ("init", "INIT", "Make a repository and a working copy."),
    ("add",): ("add", "ADD", "Stage files; outside a working copy, import them."),
    ("status",): ("status", "STATUS", "Show what is staged, changed and not tracked."),
    ("diff",): ("diff", "DIFF", "Show what differs between versions, stage and files."),
    ("commit",): ("commit", "COMMIT", "Record what is staged as a new version."),
    ("log",): ("log", "LOG", "Show the history of a revision."),
    ("show",): ("show", "SHOW", "Show one commit."),
    ("branch",): ("branch", "BRANCH", "List, make, rename or delete branches."),
    ("switch",): ("switch", "SWITCH", "Go to another branch or version."),
    ("merge",): ("merge", "MERGE", "Merge another version into this one."),
    ("resolve",): ("resolve", "RESOLVE", "Show or settle what a merge left in dispute."),
    ("cherry-pick",): ("replay", "CHERRY_PICK", "Make here what other commits changed."),
    ("revert",): ("replay", "REVERT", "Unmake what commits changed."),
    ("checkout",): ("checkout", "CHECKOUT", "Go to a branch or version, or bring paths back."),
    ("convert",): ("convert", "CONVERT", "Take a version of another profile into this one."),
    ("rm",): ("rm", "RM", "Remove files from the directory and the stage."),
    ("mv",): ("rm", "MV", "Give tracked files another name."),
    ("restore",): ("restore", "RESTORE", "Bring files, or the stage, back to what they were."),
    ("reset",): ("restore", "RESET", "Move the branch to another commit."),
    ("tag",): ("tag", "TAG", "List, give or delete tags."),
    ("key",): ("key", "KEY", "List or make the keys that sign commits and tags."),
    ("hooks",): ("hooks", "HOOKS", "List, allow or forbid the hooks of a working copy."),
    ("reflog",): ("reflog", "REFLOG", "Show where HEAD, a branch or a tag stood before."),
    ("publish",): ("publish", "PUBLISH", "Let everybody see the blocks of a version."),
    ("unpublish",): (
        "publish",
        "UNPUBLISH",
        "Make the blocks of a published version private again.",
    ),
    ("cat",): ("read", "CAT", "Print a file of any revision, path or CID."),
    ("ls",): ("read", "LS", "List a directory of any revision, path or CID."),
    ("get",): ("read", "GET", "Write a file or tree of any revision, path or CID to disk."),
    ("archive",): ("archive", "ARCHIVE", "Put a version into a tar, zip or CAR file."),
    ("stat",): ("read", "STAT", "Tell kind, size and CID of what stands at a path."),
    ("verify",): ("verify", "VERIFY", "Check that versions are whole and rightly signed."),
    ("daemon",): ("daemon", "DAEMON", "Hold the node home and serve it."),
    ("fsck",): ("fsck", "FSCK", "Check everything the node home holds, and mend what can be."),
    ("gc",): ("gc", "GC", "Drop the blocks that nothing leads to."),
    ("repo", "stat"): ("repo", "STAT", "Tell how large the node home is, and how it stands."),
    ("version",): ("version", "VERSION", "Show the version."),
    ("ipfs", "add"): ("ipfs.add", "ADD", "Add a file or directory to IPFS."),
    ("ipfs", "block", "get"): ("ipfs.block", "GET", "Get a raw IPFS block."),
    ("ipfs", "block", "put"): ("ipfs.block", "PUT", "Store input as an IPFS block."),
    ("ipfs", "block", "rm"): ("ipfs.block", "RM", "Remove blocks from the local store."),
    ("ipfs", "block", "stat"): ("ipfs.block", "STAT", "Print information of a raw IPFS block."),
    ("ipfs", "cat"): ("ipfs.cat", "CAT", "Show IPFS object data."),
    ("ipfs", "cid", "base32"): ("ipfs.cid", "BASE32", "Convert CIDs to Base32 CID version 1."),
    ("ipfs", "cid", "bases"): ("ipfs.cid", "BASES", "List available multibase encodings."),
    ("ipfs", "cid", "codecs"): ("ipfs.cid", "CODECS", "List available CID multicodecs."),
    ("ipfs", "cid", "format"): ("ipfs.cid", "FORMAT", "Format and convert a CID."),
    ("ipfs", "cid", "hashes"): ("ipfs.cid", "HASHES", "List available multihashes."),
    ("ipfs", "cid", "inspect"): ("ipfs.cid", "INSPECT", "Show what a CID is made of."),
    ("ipfs", "config"): ("ipfs.config", "CONFIG", "Get and set config values."),
    ("ipfs", "config", "edit"): ("ipfs.config", "EDIT", "Open the config in $EDITOR."),
    ("ipfs", "config", "profile", "apply"): (
        "ipfs.config",
        "PROFILE_APPLY",
        "Apply a profile to the config.",
    ),
    ("ipfs", "config", "replace"): ("ipfs.config", "REPLACE", "Replace the config with a file."),
    ("ipfs", "config", "show"): ("ipfs.config", "SHOW", "Output the config without its secrets."),
    ("ipfs", "daemon"): ("daemon", "IPFS_DAEMON", "Run a network-connected IPFS node."),
    ("ipfs", "dag", "export"): ("ipfs.dag", "EXPORT", "Stream a DAG as a .car file."),
    ("ipfs", "dag", "get"): ("ipfs.dag", "GET", "Get a DAG node."),
    ("ipfs", "dag", "import"): ("ipfs.dag", "IMPORT", "Import the contents of .car files."),
    ("ipfs", "dag", "put"): ("ipfs.dag", "PUT", "Add a DAG node."),
    ("ipfs", "dag", "resolve"): ("ipfs.dag", "RESOLVE", "Resolve a path to a block."),
    ("ipfs", "dag", "stat"): ("ipfs.dag", "STAT", "Count the blocks and bytes of DAGs."),
    ("ipfs", "files", "chcid"): (
        "ipfs.files_change",
        "CHCID",
        "Change the CID version or hash of a directory.",
    ),
    ("ipfs", "files", "chmod"): (
        "ipfs.files_change",
        "CHMOD",
        "Change optional POSIX mode permissions.",
    ),
    ("ipfs", "files", "chroot"): ("ipfs.files_change", "CHROOT", "Change the MFS root CID."),
    ("ipfs", "files", "cp"): (
        "ipfs.files_change",
        "CP",
        "Add references to IPFS files and directories in MFS.",
    ),
    ("ipfs", "files", "flush"): (
        "ipfs.files",
        "FLUSH_COMMAND",
        "Flush a given path's data to disk.",
    ),
    ("ipfs", "files", "ls"): (
        "ipfs.files",
        "LS",
        "List directories in the local mutable namespace.",
    ),
    ("ipfs", "files", "mkdir"): ("ipfs.files_change", "MKDIR", "Make directories."),
    ("ipfs", "files", "mv"): ("ipfs.files_change", "MV", "Move files."),
    ("ipfs", "files", "read"): ("ipfs.files", "READ", "Read a file from MFS."),
    ("ipfs", "files", "rm"): ("ipfs.files_change", "RM", "Remove a file from MFS."),
    ("ipfs", "files", "stat"): ("ipfs.files", "STAT", "Display file status."),
    ("ipfs", "files", "touch"): (
        "ipfs.files_change",
        "TOUCH",
        "Change optional POSIX modification times.",
    ),
    ("ipfs", "files", "write"): ("ipfs.files_change", "WRITE", "Append to (modify) a file in MFS."),
    ("ipfs", "get"): ("ipfs.get", "GET", "Download IPFS objects."),
    ("ipfs", "id"): ("ipfs.id", "ID", "Show the node's identity."),
    ("ipfs", "init"): ("ipfs.init", "INIT", "Make a node home."),
    ("ipfs", "key", "export"): ("ipfs.key", "EXPORT", "Export a keypair"),
    ("ipfs", "key", "gen"): ("ipfs.key", "GEN", "Create a new keypair"),
    ("ipfs", "key", "import"): ("ipfs.key", "IMPORT", "Import a key."),
    ("ipfs", "key", "list"): ("ipfs.key", "LIST", "Deprecated: use 'ipfs key ls' instead."),
    ("ipfs", "key", "ls"): ("ipfs.key", "LS", "List all local keypairs."),
    ("ipfs", "key", "rename"): ("ipfs.key", "RENAME", "Rename a keypair."),
    ("ipfs", "key", "rm"): ("ipfs.key", "RM", "Remove a keypair."),
    ("ipfs", "key", "rotate"): ("ipfs.key", "ROTATE", "Rotates the IPFS identity."),
    ("ipfs", "key", "sign"): ("ipfs.key", "SIGN", "Generates a signature with a key."),
    ("ipfs", "key", "verify"): ("ipfs.key", "VERIFY", "Verify that data and signature match."),
    ("ipfs", "log", "level"): ("ipfs.log", "LEVEL", "Change or get the logging level."),
    ("ipfs", "log", "ls"): ("ipfs.log", "LS", "List the logging subsystems."),
    ("ipfs", "log", "tail"): ("ipfs.log", "TAIL", "Read the event log."),
    ("ipfs", "ls"): ("ipfs.ls", "LS", "List directory contents."),
    ("ipfs", "name", "get"): ("ipfs.name", "GET", "Retrieve a signed IPNS record."),
    ("ipfs", "name", "inspect"): ("ipfs.name", "INSPECT", "Inspects an IPNS record."),
    ("ipfs", "name", "publish"): ("ipfs.name", "PUBLISH", "Publish IPNS names."),
    ("ipfs", "name", "pubsub", "cancel"): (
        "ipfs.name_pubsub",
        "CANCEL",
        "Cancel a name subscription.",
    ),
    ("ipfs", "name", "pubsub", "state"): (
        "ipfs.name_pubsub",
        "STATE",
        "Query the state of IPNS pubsub.",
    ),
    ("ipfs", "name", "pubsub", "subs"): (
        "ipfs.name_pubsub",
        "SUBS",
        "Show current name subscriptions.",
    ),
    ("ipfs", "name", "put"): ("ipfs.name", "PUT", "Store a pre-signed IPNS record."),
    ("ipfs", "name", "resolve"): ("ipfs.name", "RESOLVE", "Resolve IPNS names."),
    ("ipfs", "pin", "add"): ("ipfs.pin", "ADD", "Pin objects to local storage."),
    ("ipfs", "pin", "ls"): ("ipfs.pin", "LS", "List objects pinned to local storage."),
    ("ipfs", "pin", "remote", "add"): (
        "ipfs.pin_remote",
        "ADD",
        "Pin object to remote pinning service.",
    ),
    ("ipfs", "pin", "remote", "ls"): (
        "ipfs.pin_remote",
        "LS",
        "List objects pinned to remote pinning service.",
    ),
    ("ipfs", "pin", "remote", "rm"): (
        "ipfs.pin_remote",
        "RM",
        "Remove pins from remote pinning service.",
    ),
    ("ipfs", "pin", "remote", "service", "add"): (
        "ipfs.pin_remote",
        "SERVICE_ADD",
        "Add remote pinning service.",
    ),
    ("ipfs", "pin", "remote", "service", "ls"): (
        "ipfs.pin_remote",
        "SERVICE_LS",
        "List remote pinning services.",
    ),
    ("ipfs", "pin", "remote", "service", "rm"): (
        "ipfs.pin_remote",
        "SERVICE_RM",
        "Remove remote pinning service.",
    ),
    ("ipfs", "pin", "rm"): ("ipfs.pin", "RM", "Remove objects from the pin list."),
    ("ipfs", "filestore", "dups"): (
        "ipfs.filestore",
        "DUPS",
        "List blocks that are both in the filestore and standard block storage.",
    ),
    ("ipfs", "filestore", "ls"): ("ipfs.filestore", "LS", "List objects in filestore."),
    ("ipfs", "filestore", "verify"): (
        "ipfs.filestore",
        "VERIFY",
        "Verify objects in filestore.",
    ),
    ("ipfs", "refs"): ("ipfs.refs", "REFS", "List links (references) from an object."),
    ("ipfs", "refs", "local"): ("ipfs.refs", "LOCAL", "List all local references."),
    ("ipfs", "repo", "gc"): ("ipfs.repo", "GC", "Drop the blocks that are not pinned."),
    ("ipfs", "repo", "ls"): ("ipfs.repo", "LS", "List all local references."),
    ("ipfs", "repo", "stat"): ("ipfs.repo", "STAT", "Get stats of the node home."),
    ("ipfs", "repo", "verify"): ("ipfs.repo", "VERIFY", "Verify that no block is corrupted."),
    ("ipfs", "repo", "version"): ("ipfs.repo", "VERSION", "Show the repo version."),
    ("ipfs", "resolve"): ("ipfs.resolve", "RESOLVE", "Resolve the value of names to IPFS."),
    ("ipfs", "routing", "findpeer"): ("ipfs.routing", "FINDPEER", "Find addresses of a peer."),
    ("ipfs", "routing", "findprovs"): ("ipfs.routing", "FINDPROVS", "Find providers of a key."),
    ("ipfs", "routing", "get"): ("ipfs.routing", "GET", "Get the value at a routing key."),
    ("ipfs", "routing", "provide"): ("ipfs.routing", "PROVIDE", "Send provide records."),
    ("ipfs", "routing", "reprovide"): ("ipfs.routing", "REPROVIDE", "Send them all again."),
    ("ipfs", "routing", "put"): ("ipfs.routing", "PUT", "Put a value at a routing key."),
    ("ipfs", "shutdown"): ("ipfs.shutdown", "SHUTDOWN", "Shut down the IPFS daemon."),
    ("ipfs", "version"): ("ipfs.version", "VERSION", "Show IPFS version information."),
}

SUMMARIES: dict[tuple[str, ...], str] = {
    (): "An IPFS node that is also version control for data.",
    ("ipfs",): "The Kubo face: Kubo's commands, flags, output and exit codes.",
    ("ipfs", "block"): "Interact with raw IPFS blocks.",
    ("ipfs", "cid"): "Convert and discover properties of CIDs.",
    ("ipfs", "config", "profile"): "Apply profiles to the config.",
    ("ipfs", "dag"): "Interact with IPLD DAG objects.",
    ("ipfs", "key"): "Create and list IPNS name keypairs.",
    ("ipfs", "filestore"): "Interact with filestore objects.",
    ("ipfs", "pin", "remote"): "Pin (and unpin) objects to remote pinning service.",
    ("ipfs", "pin", "remote", "service"): "Configure remote pinning services.",
    ("ipfs", "name", "pubsub"): "IPNS pubsub management.",
    ("ipfs", "name"): "Publish and resolve IPNS names.",
    ("ipfs", "routing"): "Issue routing commands.",
    ("ipfs", "log"): "Interact with the daemon log output.",
    ("ipfs", "files"): "Interact with unixfs files.",
    ("ipfs", "pin"): "Pin (and unpin) objects to local storage.",
    ("ipfs", "repo"): "Manipulate the node home.",
    ("repo",): "The node home.",
}

COMMANDS |= kubo_rows.ROWS
SUMMARIES |= kubo_rows.SUMMARIES
# Flags of every command in a group, which may stand before its last word, as Kubo's do.
GROUP_FLAGS: dict[tuple[str, ...], frozenset[str]] = {("ipfs", "files"): frozenset(("flush", "f"))}

_GROUPS = {path[:depth] for path in COMMANDS for depth in range(len(path))}


class UnknownCommand(Misuse):
    """A word that is no command; at top level with those that look like it."""

    def __init__(self, group: tuple[str, ...], word: str) -> None:
        meant = ""
        if not group:  # the Kubo face speaks as Kubo does
            from jiaozi_node.versioning.near import near

            like = near(word, (name for name, _summary in children(group)), _LIKENESS)
            meant = f"; did you mean {' or '.join(like)}?" if like else ""
        super().__init__(f'Unknown Command "{word}"{meant}')
        self.group, self.word = group, word


def find(words: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Split *words* into the longest path of a command or group, and the rest.

    Options before the first word of the path are not part of it. Raises `Misuse` for a word that
    names no command where only a command can stand.
    """
    path: tuple[str, ...] = ()
    at = 0
    while at < len(words):
        longer = (*path, words[at])
        if longer not in COMMANDS and longer not in _GROUPS:
            break
        path = longer
        at += 1
    rest = list(words[at:])
    if path not in COMMANDS and rest and not rest[0].startswith("-"):
        if len(path) > 1:  # Kubo's groups are commands that take no arguments
            raise Misuse(f"expected 0 argument(s), got {len(rest)}")
        raise UnknownCommand(path, rest[0])
    return path, rest


def is_command(path: tuple[str, ...]) -> bool:
    """Tell whether *path* is a command or a group of commands."""
    return path in COMMANDS or path in _GROUPS


def load(path: tuple[str, ...]) -> Command | None:
    """Return the declaration of the command at *path*; None for a mere group."""
    row = COMMANDS.get(path)
    if row is None:
        return None
    command: Command = getattr(importlib.import_module(_HERE + row[0]), row[1])
    return command


def children(path: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return name and summary of every command right below *path*."""
    names = {
        other[len(path)]
        for other in COMMANDS
        if len(other) > len(path) and other[: len(path)] == path
    }
    return [(name, _summary((*path, name))) for name in sorted(names)]


def _summary(path: tuple[str, ...]) -> str:
    return COMMANDS[path][2] if path in COMMANDS else SUMMARIES.get(path, "")
