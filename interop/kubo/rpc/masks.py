"""The fields that may differ between any two nodes, each with its reason."""

from typing import Final

from interop.kubo.rpc.cases import Mask

IDENTITY: Final = Mask.of(
    "peer id and public key", "every node has its own", r"12D3Koo\w{45}|\bCAES[\w+/]+=*"
)
AGENT: Final = Mask.of("AgentVersion", "says which program it is", r"\b(kubo|jiaozi)/[\w.+-]+")
OWN_ID: Final = Mask.of(
    "peer id", "every node has its own", r"12D3Koo\w{45}|\bk51\w{59}|\bbafz\w{50,}"
)
REPO_PATH: Final = Mask.of("RepoPath", "every node has its own", r"(?<=RepoPath:)\s+/\S+")
REPO_SIZE: Final = Mask.of(
    "RepoSize", "bytes on disk, in another format", r"(?<=RepoSize:)\s+[\d.]+( ?[kM]?B)?"
)
PEER_ID: Final = Mask.of("Identity.PeerID", "every node has its own", r"12D3Koo\w{45}")
DATASTORE: Final = Mask.of(
    "Datastore",
    "another store: it has no Spec, and hashes what it reads",
    r'"Datastore": \{(.*\n(    .*\n)+  )?.*\}',
)
GOLANG: Final = Mask.of("Golang", "we run on Python, and say so", r'"Golang":"[^"]*"')
TIMES: Final = Mask.of(
    "StartTime and RunTime",
    "of each daemon's own clock",
    r" +StartTime +RunTime|  \w{3} [ \d]\d \d\d:\d\d:\d\d +[\d.]+(ns|µs|ms|s)",
)
NUMBER: Final = Mask.of("ID", "counts what each was asked", r"^\d+ +")
MACHINE: Final = Mask.of(
    "values",
    "what another program measures of the machine and itself",
    r'(?<=":)([^{}\[\]",]+|"[^"]*"|\[[^\]]*\])',
)
TAR: Final = Mask.of("body", "Kubo puts the time of day into it", r"[\s\S]+")
CAR_FAULT: Final = Mask.of(
    "why a CAR is refused", "we say at which byte it is broken", r"(?<=^Error: ).*"
)
DECODER: Final = Mask.of(
    "why input is refused", "our decoders have words of their own", r"(?<=^Error: ).*"
)
JSON_FAULT: Final = Mask.of(
    "why JSON is refused", "the words of Python's parser", r"(?<=unmarshal json\. ).*"
)
OFFLINE: Final = Mask.of(
    "a warning that the node is offline",
    "where each puts it; Kubo prints it into the output",
    r"^WARNING: the local node is offline.*\n",
    now_and_then=True,
    instead="",
)
ENDPOINT: Final = Mask.of("ApiEndpoint", "the port of each one's service", r"127\.0\.0\.1:\d+")
HUMAN_SIZE: Final = Mask.of(
    "RepoSize", REPO_SIZE.reason, REPO_SIZE.pattern.pattern.decode(), now_and_then=True
)
PEM: Final = Mask.of(
    "what was read for a key",
    "Kubo repeats it, whatever key it may be; we don't",
    r"(?<=PEM block not found in input data)[^$]*",
)
OURS: Final = Mask.of(
    "commands and options",
    "no updates of itself, no store of keys to look into; a few options stand elsewhere",
    r"^ipfs (update|diag datastore|add --to-files|config show --|(name|routing) get --"
    r"|files( \w+)? --flush|object patch( add-link| rm-link)? --).*\n",
    instead="",
)
KEYS: Final = Mask.of(
    "API.Key",
    "Kubo shows the keys of pinning services here; we never do",
    r',"Key":"[^"]*"',
    instead="",
)
MALFORMED: Final = Mask.of(
    "what is wrong with a record", "Kubo says it in two lines", r"(?<=record is malformed)[^$]*"
)
