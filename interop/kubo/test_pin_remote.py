"""``pin remote`` of both programs against one pinning service each: the same words, both ways."""

import shlex
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from interop.programs import Answer, Pair
from tests.pinning_service import KEY, PinningServer, serving

STEPS = """
service ls
service add near {at} {key}
service add near {at} {key}
service add far http://127.0.0.1:1 {key}
service add bad nowhere {key}
service add bad {at}/pins {key}
service add bad {at}?a=b {key}
service ls
service ls --stat
service ls --stat --enc=json
add --service=near --name=mine bafkqaaa
add --service=near --name=mine --enc=json bafkqaaa
add --service=near --background bafkqabtimvwgy3yk
add bafkqaaa
add --service=none bafkqaaa
add --service=near bad
ls --service=near
ls --service=near --status=queued,pinned --enc=json
ls --service=near --cid=bafkqaaa
ls --service=near --cid=bad
ls --service=near --status=lost
ls --service=near --name=mine
rm --service=near --name=mine
rm --service=near --name=mine --force
ls --service=near --status=queued,pinning,pinned,failed
rm --service=near --status=lost
service rm far
service rm far
""".strip().splitlines()
# What is listed then isn't compared: Kubo 0.43 says that it removed a service, and keeps it.


@pytest.fixture
def servers() -> Iterator[tuple[PinningServer, PinningServer]]:
    with ExitStack() as stack:
        yield stack.enter_context(serving()), stack.enter_context(serving())


def told(answer: Answer, server: PinningServer) -> tuple[int, str, str]:
    """Return what was answered, but for the port, and a warning that we put beside the answer."""
    warning = "WARNING: the local node is offline"
    out = answer.out.decode().replace(server.endpoint, "AT")
    err = answer.err.decode().replace(server.endpoint, "AT")
    lines = [line for line in out.splitlines() if not line.startswith(warning)]
    faults = [line for line in err.splitlines() if not line.startswith(warning)]
    return answer.code, "\n".join(lines), "\n".join(faults)


def test_both_say_the_same(pair: Pair, servers: tuple[PinningServer, PinningServer]) -> None:
    assert KEY
    for step in STEPS:
        answers = []
        for program, server in zip((pair.kubo, pair.ours), servers, strict=True):
            words = shlex.split(step.format(at=server.endpoint, key=KEY))
            answers.append(told(program.run("pin", "remote", *words), server))
        assert answers[1] == answers[0], step
    asked = [[line.split("?")[0] for line in server.asked] for server in servers]
    assert sorted(asked[1]) == sorted(asked[0])
