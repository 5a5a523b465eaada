"""Names of a directory that look like one that isn't there: what a mistyped path may have meant."""

from collections.abc import Sequence

from jiaozi_node.dag.walk import Get, run, stream
from jiaozi_node.errors import JiaoziError
from jiaozi_node.formats.cid import Cid
from jiaozi_node.unixfs import directory, resolve
from jiaozi_node.versioning.near import near


def hint(tree: Cid, parts: Sequence[str], get: Get) -> str:
    """Return "; did you mean …?" for the first of *parts* that isn't in *tree*, or "".

    Only names of the directory that it was sought in are offered, with the path to it.
    """
    here, way = tree, tuple[str, ...]()
    try:
        for part in parts:
            try:
                here = run(resolve.resolve(resolve.Path(here, (part,))), get).cid
            except directory.EntryMissing:
                names = (entry.name for entry in stream(directory.entries(here), get))
                like = [repr("/".join((*way, name))) for name in near(part, names)]
                return f"; did you mean {' or '.join(like)}?" if like else ""
            way = (*way, part)
    except JiaoziError:  # a block that isn't here, a file in the way: there is nothing to offer
        pass
    return ""
