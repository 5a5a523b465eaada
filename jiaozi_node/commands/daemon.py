"""``daemon``: declared here, done by ``cli/daemon.py``, which alone may see both node and HTTP."""

from collections.abc import Iterator
from typing import Any

from jiaozi_node.commands.declare import Call, Command, Kind, Needs, Option, Unsupported


def _elsewhere(_call: Call) -> Iterator[Any]:
    raise RuntimeError("the daemon is begun by cli/daemon.py")


_OWN = (
    Option("init", Kind.BOOL, "Make the node home first, if there is none."),
    Option("offline", Kind.BOOL, "Have no peers: listen for none, dial none."),
    Option(
        "enable-gc",
        Kind.BOOL,
        "Collect garbage when the home is larger than Datastore.StorageMax asks.",
    ),
    Option("grace", Kind.TEXT, "How long to wait for work under way when told to stop.", (), "5s"),
)

DAEMON = Command(
    path=("daemon",),
    tagline="Hold the node home and serve it.",
    handler=_elsewhere,
    options=(
        *_OWN,
        Option(
            "watch", Kind.BOOL, "Watch working copies, so that status looks where they changed."
        ),
    ),
    needs=Needs.NOTHING,
    help="""
    With --watch (Linux) 'status' and 'diff' beside the daemon look only into directories in which
    something changed. What a watch can't see: writes through a memory map before the file is
    closed, and through a second name (a hard link) made outside of the working copy since. Acts
    that record or overwrite always look at everything.

    Commands that are run beside the daemon go through it, and so work side by side. The RPC listens
    on Addresses.API of the config, on loopback unless told otherwise. SIGTERM and SIGINT end it
    when the work under way is done, after the time of grace at the latest; a second signal ends it
    at once.
    """,
)

IPFS_DAEMON = Command(
    path=("ipfs", "daemon"),
    tagline="Run a network-connected IPFS node.",
    handler=_elsewhere,
    options=(
        *_OWN,
        Option(
            "init-config", Kind.TEXT, "With --init: a file with the configuration to begin with."
        ),
        Option("init-profile", Kind.TEXT, "With --init: profiles to apply, separated by ','."),
        Option("migrate", Kind.BOOL, "Taken: homes are brought up when they are opened."),
        Option("manage-fdlimit", Kind.BOOL, "Raise the limit of open files.", (), True),
        Option("enable-pubsub-experiment", Kind.BOOL, "Taken: there are no peers yet."),
        Option("enable-namesys-pubsub", Kind.BOOL, "Taken: there are no peers yet."),
        Option("enable-mplex-experiment", Kind.BOOL, "Taken, as by Kubo, which has it no more."),
        Option("mount-ipfs", Kind.TEXT, "Taken: it means something with --mount only."),
        Option("mount-ipns", Kind.TEXT, "Taken: it means something with --mount only."),
        Option("mount-mfs", Kind.TEXT, "Taken: it means something with --mount only."),
        Option("routing", Kind.TEXT, "Taken: there are no peers yet."),
        Option("agent-version-suffix", Kind.TEXT, "What 'ipfs id' says behind our name."),
    ),
    unsupported=(
        Unsupported("unrestricted-api", "pages must not script the API"),
        Unsupported("mount", "there is no FUSE mount"),
        Unsupported("disable-transport-encryption", "connections are never in the clear"),
    ),
    needs=Needs.NOTHING,
)
