"""Options of Kubo's that are taken and change nothing here, in more than one command."""

from jiaozi_node.commands.declare import Kind, Option

FAST_PROVIDE = tuple(
    Option(f"fast-provide-{what}", Kind.BOOL, "Taken: an offline node announces nothing.")
    for what in ("root", "dag", "wait")
)
