"""A version, or a part of one, as an archive: the same bytes whenever and wherever it is made."""

from collections.abc import Iterator
from typing import Final

from jiaozi_node.dag import export as exporting
from jiaozi_node.dag.walk import run, stream
from jiaozi_node.errors import Misuse
from jiaozi_node.node.home import Home
from jiaozi_node.node.locate import Located
from jiaozi_node.unixfs.node import DIRECTORY
from jiaozi_node.unixfs.stat import stat
from jiaozi_node.versioning import history
from jiaozi_node.worktree import archive_entries, tar, zip

TAR, ZIP, CAR, CAR_V2 = "tar", "zip", "car", "carv2"
FORMATS: Final = (TAR, ZIP, CAR, CAR_V2)


def format_of(asked: str | None, file: str | None) -> str:
    """Return the format *asked* for, else that of the name *file*, else tar."""
    if asked is None:
        return next((form for form in FORMATS if (file or "").endswith(f".{form}")), TAR)
    if asked not in FORMATS:
        raise Misuse(f"--format {asked[:40]!r}: there are {', '.join(FORMATS)}")
    return asked


def archive(
    home: Home, found: Located, form: str, *, prefix: str = "", full_history: bool = False
) -> Iterator[bytes | memoryview]:
    """Return the bytes of the archive of what was *found*, in pieces.

    In tar and zip what records no time has the commit's, or 1970 where there is no commit. A CAR
    holds all that its root links: the tree, or with *full_history* the commit.
    """
    get = home.blocks.get
    if form in (CAR, CAR_V2):
        export = exporting.export if form == CAR else exporting.export_indexed
        if prefix:
            raise Misuse("a CAR has no paths that --prefix could stand before")
        if not full_history:
            return stream(export(found.cid), get)
        if found.commit is None or found.inside:
            raise Misuse(
                "--history takes a revision, and neither a path nor a CID of something else"
            )
        return stream(export(found.commit), get)
    if full_history:
        raise Misuse(f"--history goes into a CAR, and {form} holds files only")
    above = archive_entries.prefix(prefix)
    if run(stat(found.cid), get).kind != DIRECTORY:
        above = (*above, found.name)
    now, comment = 0, None
    if found.commit is not None:
        now, comment = run(history.read(found.commit), get).time, str(found.commit)
    write = tar.version if form == TAR else zip.version
    return stream(write(found.cid, above, now, comment), get)
