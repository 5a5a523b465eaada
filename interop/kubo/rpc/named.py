"""Cases of keys, IPNS names and records."""

from typing import Final

from interop.kubo.rpc.cases import Case, refused, said
from interop.kubo.rpc.masks import DECODER, MALFORMED, OWN_ID, PEM

CASES: Final[dict[str, tuple[Case, ...]]] = {
    "key/gen": (
        *said("key gen made", "key gen -t ed25519 --ipns-base=b58mh made2", masks=(OWN_ID,)),
        *said("key rm made made2"),
        *refused(
            "key gen self",
            "key gen -t nonsense made",
            "key gen -t rsa -s 1 made",
            "key gen --ipns-base=nonsense made",
            "key gen ''",
            "key gen",
        ),
    ),
    "key/import": (
        *said("key import brought key.bin", "key ls", "key rm brought"),
        *refused(
            "key import self key.bin",
            "key import -f nonsense brought key.bin",
            "key import brought",
        ),
        *refused("key import brought t/small.txt", masks=(DECODER,)),
        *refused("key import -f pem-pkcs8-cleartext brought key.bin", masks=(PEM,)),
    ),
    "key/list": (*said("key list"), *refused("key list x", "key list --nonsense")),
    "key/ls": (
        *said("key ls"),
        *said("key ls -l", "key ls -l --ipns-base=b58mh", masks=(OWN_ID,)),
        *refused("key ls x", "key ls --ipns-base=nonsense"),
    ),
    "key/rename": (
        *said("key import a key.bin", "key rename a b", "key ls", "key rm b"),
        *refused("key rename none b", "key rename self b", "key rename a self", "key rename a"),
    ),
    "key/rm": (
        *said("key import a key.bin", "key rm a", "key import a key.bin", "key rm -l a"),
        *refused("key rm none", "key rm self", "key rm"),
    ),
    "key/sign": (
        *said("key import a key.bin", "key sign --key=a t/small.txt", "key rm a"),
        *refused("key sign --key=none t/small.txt", "key sign t/none"),
    ),
    "key/verify": (
        *said("key import a key.bin"),
        *said("key verify --key=a --signature=uAAAA t/small.txt", "key rm a"),
        *refused(
            "key verify --key=none --signature=uAAAA t/small.txt",
            "key verify --signature=nonsense t/small.txt",
        ),
    ),
    "name/get": refused("name get {named}", "name get nonsense", "name get {peer}", "name get"),
    "name/inspect": (
        *said(
            "name inspect record.bin",
            "name inspect --verify={named} record.bin",
            "name inspect --dump=false record.bin",
            "name inspect --enc=json record.bin",
        ),
        *refused("name inspect t/small.txt", masks=(MALFORMED,)),
        *refused("name inspect --verify=nonsense record.bin", "name inspect t/none"),
    ),
    "name/publish": (
        *said("key import pub other.bin"),
        *said(
            "name publish --allow-offline --key=pub /ipfs/{tree}",
            "name publish --allow-offline -Q --key=pub {big}",
            "name publish --allow-offline --key=pub --ttl=1h --lifetime=2h {tree}/sub",
            "name publish --allow-offline --key=pub --sequence=100 {tree}",
            "name publish --allow-offline --key=pub --resolve=false {missing}",
            "name resolve {other}",
            "key rm pub",
        ),
        *refused(
            "name publish /ipfs/{tree}",
            "name publish --allow-offline --key=none {tree}",
            "name publish --allow-offline nonsense",
            "name publish --allow-offline --lifetime=x {tree}",
            "name publish --allow-offline --ttl=x {tree}",
            "name publish --allow-offline --lifetime=1h --ttl=2h {tree}",
            "name publish --allow-offline {missing}",
            "name publish",
        ),
    ),
    "name/pubsub/cancel": refused("name pubsub cancel {peer}"),
    "name/pubsub/state": (*said("name pubsub state"), *refused("name pubsub state x")),
    "name/pubsub/subs": refused("name pubsub subs"),
    "name/put": (
        *said("name put --force --allow-offline {named} record.bin"),
        *said("name put --force --allow-offline -q {named} record.bin", "name resolve {named}"),
        *refused(
            "name put {named} record.bin",
            "name put --allow-offline {peer} record.bin",
            "name put --allow-offline nonsense record.bin",
            "name put {named}",
        ),
        *refused("name put --allow-offline {named} t/small.txt", masks=(MALFORMED,)),
    ),
    "name/resolve": (
        *said("name put --force --allow-offline {named} record.bin"),
        *said(
            "name resolve {named}",
            "name resolve -r=false /ipns/{named}",
            "name resolve -s {named}",
            "name resolve -n {named}",
        ),
        *refused(
            "name resolve",
            "name resolve {peer}",
            "name resolve --dht-timeout=x {named}",
        ),
    ),
    "routing/get": refused(
        "routing get /ipns/{named}", "routing get /pk/{peer}", "routing get nonsense", "routing get"
    ),
    "routing/put": (
        *said("routing put --allow-offline /ipns/{named} record.bin"),
        *refused(
            "routing put /ipns/{named} record.bin",
            "routing put --allow-offline nonsense record.bin",
            "routing put /ipns/x record.bin",
        ),
    ),
}
