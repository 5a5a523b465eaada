"""The table of imports: a line each, naming the rule it tests, given to both programs.

A case is a recipe for what stands on disk, the options of ``add``, and the settings of both homes
(``Import.*``, or a profile by name). Both must print the same lines, CIDs and all, and exit alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from interop.kubo import recipes as r
from interop.kubo.recipes import KIB, Recipe

Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One import. *settings* are config keys and JSON values; the key ``profile`` applies one.

    *store* makes both programs keep the blocks instead of hashing only. *any_order* says why the
    order of the lines may differ, *differs* why all of the answer must: should it become equal, the
    case fails, so that the reason is taken out.
    """

    rule: str
    recipe: Recipe
    options: str = ""
    settings: Settings = field(default_factory=dict)
    store: bool = False
    any_order: str = ""
    differs: str = ""


V0 = {"profile": "unixfs-v0-2015"}
V1 = {"profile": "unixfs-v1-2025"}
LINKS_1K = {
    "Import.UnixFSHAMTDirectorySizeThreshold": '"1KiB"',
    "Import.UnixFSHAMTDirectorySizeEstimation": '"links"',
}
BLOCK_1K = {
    "Import.UnixFSHAMTDirectorySizeThreshold": '"1KiB"',
    "Import.UnixFSHAMTDirectorySizeEstimation": '"block"',
}
TINY_HAMT = {
    "Import.UnixFSHAMTDirectorySizeThreshold": '"100B"',
    "Import.UnixFSHAMTDirectoryMaxFanout": "8",
}
SHARD_ORDER = "Kubo names the directories of a sharded one in the order of its shards, we by name"
HASHES_ONLY = "Kubo's add -n doesn't look at --max-directory-links and --max-hamt-fanout; ours does"
NO_HAMT = {
    "Import.UnixFSHAMTDirectorySizeThreshold": '"100B"',
    "Import.UnixFSHAMTDirectorySizeEstimation": '"disabled"',
}

# Sizes at which a balanced tree of width 174 or 1,024 gets a level more, in chunks of 16 bytes.
W174 = (16 * 174, 16 * 174 * 2, 16 * 174 * 174)
W1024 = (16 * 1024, 16 * 1024 * 2)

CASES: tuple[Case, ...] = (
    # ── files: sizes around the chunk
    Case("an empty file is one node", r.sizes(0)),
    Case("a file up to one chunk is one node", r.around(1, r.CHUNK)),
    Case("a file of two chunks has a root of two links", r.around(2 * r.CHUNK, 3 * r.CHUNK)),
    Case("sizes of random length, version 0", r.random_sizes(40, 3 * r.CHUNK)),
    Case("sizes of random length, version 1", r.random_sizes(40, 3 * r.CHUNK), "--cid-version=1"),
    Case("equal chunks are one block named often", r.zeros(20 * r.CHUNK + 5)),
    Case("equal chunks with raw leaves", r.zeros(20 * r.CHUNK + 5), "--raw-leaves"),
    Case("174 links of the default chunk fill a node", r.around(174 * r.CHUNK)),
    # ── files: width and depth of the balanced layout
    Case("balanced, width 174, a level more", r.around(*W174), "--chunker=size-16"),
    Case("balanced, width 174, raw leaves", r.around(*W174), "--chunker=size-16 --raw-leaves"),
    Case(
        "balanced, width 1024, a level more",
        r.around(*W1024),
        "--chunker=size-16 --max-file-links=1024",
    ),
    Case(
        "balanced, width 1024, version 1",
        r.around(*W1024),
        "--chunker=size-16 --max-file-links=1024 --cid-version=1",
    ),
    Case(
        "width 2, the deepest tree",
        r.sizes(*range(0, 70, 3)),
        "--chunker=size-1 --max-file-links=2",
    ),
    Case("width 3", r.sizes(*range(0, 100, 7)), "--chunker=size-2 --max-file-links=3"),
    Case("width 256", r.around(10 * 256, 10 * 256 * 4), "--chunker=size-10 --max-file-links=256"),
    # ── files: trickle
    Case("trickle, one to three chunks", r.around(16, 32, 48), "--trickle --chunker=size-16"),
    Case("trickle, width 174 and its first levels", r.around(*W174), "--trickle --chunker=size-16"),
    Case(
        "trickle, raw leaves",
        r.around(*W174),
        "--trickle --chunker=size-16 --raw-leaves",
    ),
    Case(
        "trickle, version 1, width 1024",
        r.around(*W1024),
        "--trickle --chunker=size-16 --cid-version=1 --max-file-links=1024",
    ),
    Case(
        "trickle, narrow, many levels",
        r.sizes(*range(0, 3000, 101)),
        "--trickle --chunker=size-2 --max-file-links=4",
    ),
    Case("trickle, sizes of random length", r.random_sizes(20, 2 * r.CHUNK), "-t -s size-1000"),
    Case("trickle, a whole tree", r.mixed, "--trickle"),
    # ── files: chunkers
    Case("chunker default", r.around(r.CHUNK), "--chunker=default"),
    Case("chunker size-1", r.sizes(0, 1, 2, 175), "--chunker=size-1"),
    Case("chunker size-1000", r.around(1000, 5000), "--chunker=size-1000"),
    Case("chunker size-262144 is the default", r.around(r.CHUNK), "--chunker=size-262144"),
    Case("chunker size-1048576", r.around(1024 * KIB, 2048 * KIB), "--chunker=size-1048576"),
    Case("chunker size-2096128, the largest", r.around(2096128), "--chunker=size-2096128"),
    Case("chunker buzhash", r.sizes(0, 5, 131072, 131073, 3_000_000), "--chunker=buzhash"),
    Case(
        "chunker buzhash, trickle",
        r.sizes(3_000_000),
        "--chunker=buzhash --trickle --cid-version=1",
    ),
    Case("chunker rabin", r.sizes(5, 87382, 2_000_000), "--chunker=rabin"),
    Case("chunker rabin with bounds", r.random_sizes(9, 300_000), "--chunker=rabin-300-1000-4000"),
    Case("chunker rabin of 16 bytes is refused", r.sizes(5), "--chunker=rabin-16-16-32"),
    Case("chunker too large is refused", r.sizes(5), "--chunker=size-2097153"),
    Case("chunker size-0 is refused", r.sizes(5), "--chunker=size-0"),
    Case("chunker of no number is refused", r.sizes(5), "--chunker=size-x"),
    Case("an unknown chunker is refused", r.sizes(5), "--chunker=nonsense"),
    # ── leaves, versions, hashes
    Case("raw leaves under version 0", r.mixed, "--raw-leaves"),
    Case("raw leaves off under version 1", r.mixed, "--cid-version=1 --raw-leaves=false"),
    Case("version 1", r.mixed, "--cid-version=1"),
    Case("version 0 said aloud", r.mixed, "--cid-version=0"),
    Case("version 2 is refused", r.sizes(5), "--cid-version=2"),
    Case("sha2-512", r.mixed, "--hash=sha2-512"),
    Case("blake3", r.mixed, "--hash=blake3"),
    Case("sha1", r.mixed, "--hash=sha1"),
    Case("sha3-256", r.mixed, "--hash=sha3-256"),
    Case("shake-256", r.mixed, "--hash=shake-256"),
    Case("keccak-256", r.sizes(5, 100), "--hash=keccak-256"),
    Case("blake2b-256", r.mixed, "--hash=blake2b-256"),
    Case("blake2s-256", r.mixed, "--hash=blake2s-256"),
    Case("an insecure hash is refused", r.sizes(5), "--hash=shake-128"),
    Case("sha2-256 said aloud keeps version 0", r.mixed, "--hash=sha2-256"),
    Case("another hash under version 0 is refused", r.sizes(5), "--hash=sha2-512 --cid-version=0"),
    Case("an unknown hash is refused", r.sizes(5), "--hash=nonsense"),
    # ── inline
    Case("inline up to 32 bytes", r.sizes(*range(28, 37)), "--inline"),
    Case("inline, version 1", r.sizes(*range(28, 37)), "--inline --cid-version=1"),
    Case(
        "inline up to 100 bytes", r.sizes(0, 1, 60, *range(86, 103)), "--inline --inline-limit=100"
    ),
    Case("inline to the last byte allowed", r.around(118, 128), "--inline --inline-limit=128"),
    Case(
        "inline of raw leaves to the last byte",
        r.around(128),
        "--inline --inline-limit=128 --raw-leaves",
    ),
    Case("inline over 128 is refused", r.sizes(5), "--inline --inline-limit=129"),
    Case("inline 0 inlines nothing", r.sizes(0, 1, 2), "--inline --inline-limit=0"),
    Case("inlined chunks", r.sizes(10, 20, 30, 1000), "--inline --chunker=size-10"),
    Case(
        "inline in a tree with empty directories", r.empty_directories, "--inline --cid-version=1"
    ),
    Case("inline with symlinks", r.symlinks, "--inline --cid-version=1"),
    # ── names
    Case("odd names", r.odd_names),
    Case("odd names, version 1", r.odd_names, "--cid-version=1"),
    Case("odd names of directories", r.odd_directories),
    Case("odd names in a HAMT", r.odd_names, "", TINY_HAMT),
    Case(
        "names sort by bytes",
        r.flat(("b", "a", "B", "a.b", "a-b", "a0", "\u00e9", "z", "\U0001f95f", "\uff5e")),
    ),
    Case("hidden files are left out", r.hidden),
    Case("hidden files on request", r.hidden, "--hidden"),
    Case("hidden files, -H", r.hidden, "-H"),
    # ── directories
    Case("the empty directory", r.empty),
    Case("the empty directory, version 1", r.empty, "--cid-version=1"),
    Case("empty directories are kept", r.empty_directories),
    Case("empty directories are dropped on request", r.empty_directories, "--empty-dirs=false"),
    Case("empty directories kept, -E", r.empty_directories, "-E"),
    Case("a hundred directories deep", r.deep(100)),
    Case("wrapped in a directory", r.mixed, "-w"),
    Case("wrapped in a directory, version 1", r.mixed, "-w --cid-version=1"),
    # ── ignore rules
    Case("--ignore of one pattern", r.ignorable, "--ignore=*.log"),
    Case("--ignore twice", r.ignorable, "--ignore=*.log --ignore=build"),
    Case("--ignore of a path", r.ignorable, "--ignore=sub/b.txt"),
    Case("--ignore-rules-path", r.ignorable, "--ignore-rules-path=t/rules"),
    Case("--ignore-rules-path that is not there", r.ignorable, "--ignore-rules-path=t/none"),
    # ── symlinks
    Case("symlinks", r.symlinks),
    Case("symlinks, version 1", r.symlinks, "--cid-version=1"),
    Case("symlinks followed", r.good_symlinks, "--dereference-symlinks"),
    Case("symlinks followed in arguments only", r.good_symlinks, "--dereference-args"),
    # ── what no tree can hold
    Case("a named pipe is refused", r.with_fifo),
    Case("a socket is refused", r.with_socket),
    # ── HAMT
    Case("HAMT of 10,000 entries", r.numbered(10_000)),
    Case("HAMT of 3,000 entries, version 1", r.numbered(3_000), "--cid-version=1", LINKS_1K),
    Case("HAMT threshold of links, to the byte", r.summing(30, 4095, (29, 30, 31))),
    Case("HAMT threshold of the block, to the byte", r.summing(20, 4095, (15, 16, 17)), "", V1),
    Case(
        "threshold of 1 KiB, links",
        r.summing(14, 20, range(5, 40)),
        "",
        LINKS_1K,
        any_order=SHARD_ORDER,
    ),
    Case(
        "threshold of 1 KiB, links, version 1",
        r.summing(14, 20, range(5, 40)),
        "--cid-version=1",
        LINKS_1K,
        any_order=SHARD_ORDER,
    ),
    Case(
        "threshold of 1 KiB, block",
        r.summing(14, 14, range(50, 110)),
        "",
        BLOCK_1K,
        any_order=SHARD_ORDER,
    ),
    Case(
        "threshold of 1 KiB, block, version 1",
        r.summing(14, 14, range(50, 110)),
        "--cid-version=1",
        BLOCK_1K,
        any_order=SHARD_ORDER,
    ),
    Case("threshold of 1 KiB, sizes count in the block", r.mixed, "--chunker=size-1000", BLOCK_1K),
    Case("no HAMT when disabled", r.numbered(300), "", NO_HAMT),
    Case("HAMT of fanout 8, deep", r.numbered(600), "", TINY_HAMT),
    Case("HAMT of fanout 16", r.numbered(300), "--max-hamt-fanout=16", TINY_HAMT, store=True),
    Case("HAMT of fanout 1024", r.numbered(3000), "--max-hamt-fanout=1024", TINY_HAMT, store=True),
    Case("HAMT of one entry more than a shard", r.numbered(257), "", LINKS_1K),
    Case("HAMTs below a HAMT", r.nested_hamts, "", TINY_HAMT, any_order=SHARD_ORDER),
    Case(
        "HAMT by --max-directory-links, under",
        r.numbered(30),
        "--max-directory-links=30",
        store=True,
    ),
    Case(
        "HAMT by --max-directory-links, over",
        r.numbered(31),
        "--max-directory-links=30",
        store=True,
    ),
    Case(
        "--max-directory-links with --only-hash",
        r.numbered(31),
        "--max-directory-links=30",
        differs=HASHES_ONLY,
    ),
    Case("HAMT fanout that is no power of two", r.numbered(9), "--max-hamt-fanout=100", TINY_HAMT),
    # ── mode and mtime (Kubo can't hash a directory of these without storing it)
    Case("modes kept", r.dated, "--preserve-mode", store=True),
    Case("modification times kept", r.dated, "--preserve-mtime", store=True),
    Case("both kept", r.dated, "--preserve-mode --preserve-mtime", store=True),
    Case(
        "both kept, version 1",
        r.dated,
        "--preserve-mode --preserve-mtime --cid-version=1",
        store=True,
    ),
    Case(
        "both kept, raw leaves asked for",
        r.dated,
        "--preserve-mode --preserve-mtime --raw-leaves",
        store=True,
    ),
    Case(
        "both kept, in a HAMT", r.dated, "--preserve-mode --preserve-mtime", TINY_HAMT, store=True
    ),
    Case(
        "both kept, several chunks, trickle",
        r.dated,
        "--preserve-mode --preserve-mtime --trickle --chunker=size-1000",
        store=True,
    ),
    Case("one mode for all", r.mixed, "--mode=0640", store=True),
    Case("one mode for all, decimal", r.mixed, "--mode=420", store=True),
    Case("one time for all", r.mixed, "--mtime=1234567890", store=True),
    Case("one time before 1970 for all", r.mixed, "--mtime=-1234567890", store=True),
    Case("one time with nanoseconds", r.mixed, "--mtime=1 --mtime-nsecs=999999999", store=True),
    Case(
        "mode and time for all, version 1",
        r.mixed,
        "--mode=0644 --mtime=5 --cid-version=1",
        store=True,
    ),
    # ── profiles
    Case("Kubo as it comes", r.mixed),
    Case("profile unixfs-v0-2015", r.mixed, "", V0),
    Case("profile unixfs-v1-2025", r.mixed, "", V1),
    Case("profile unixfs-v0-2015, sizes", r.around(r.CHUNK, 2 * r.CHUNK), "", V0),
    Case("profile unixfs-v1-2025, sizes", r.around(1024 * KIB, 2048 * KIB), "", V1),
    Case("profile unixfs-v0-2015, odd names", r.odd_names, "", V0),
    Case("profile unixfs-v1-2025, odd names", r.odd_names, "", V1),
    Case(
        "profile unixfs-v0-2015, HAMT",
        r.numbered(5000, "a-longer-name-{:020d}", empty=True),
        "",
        V0,
    ),
    Case(
        "profile unixfs-v1-2025, HAMT",
        r.numbered(5000, "a-longer-name-{:020d}", empty=True),
        "",
        V1,
    ),
    Case("profile unixfs-v1-2025, symlinks", r.symlinks, "", V1),
    Case("profile unixfs-v1-2025, empty directories", r.empty_directories, "", V1),
    Case(
        "profile unixfs-v1-2025, mode and mtime",
        r.dated,
        "--preserve-mode --preserve-mtime",
        V1,
        store=True,
    ),
    Case(
        "an option beats the profile",
        r.mixed,
        "--chunker=size-1000 --cid-version=0 --raw-leaves=false",
        V1,
    ),
    # ── size
    Case("a tree of 20,000 files", r.tree_20000, "-Q"),
)
