"""The client of pinning services: pages, refusals, and answers that are none."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded, Misuse
from jiaozi_node.formats.block import Block
from jiaozi_node.network.web import pinning
from jiaozi_node.network.web.pinning import PinningService, ServiceFault, Wanted, endpoint_of
from tests.pinning_service import KEY, PinningServer, serving

CID = Block.of(b"something").cid


@pytest.fixture
def server() -> Iterator[PinningServer]:
    with serving() as held:
        yield held


@pytest.fixture
def service(server: PinningServer) -> Iterator[PinningService]:
    with PinningService(server.endpoint, KEY) as made:
        yield made


def test_a_pin_is_asked_for_watched_listed_and_removed(
    server: PinningServer, service: PinningService
) -> None:
    pin = service.add(CID, "a name", ["/ip4/127.0.0.1/tcp/1"])
    assert (pin.status, pin.cid, pin.name) == ("queued", CID, "a name")
    assert server.pins[0]["pin"]["origins"] == ["/ip4/127.0.0.1/tcp/1"]
    assert service.status(pin.request_id).status == "pinned"
    assert [one.request_id for one in service.pins(Wanted())] == [pin.request_id]
    assert service.count("pinned") == 1
    assert service.count("failed") == 0
    service.remove(pin.request_id)
    assert list(service.pins(Wanted())) == []
    with pytest.raises(ServiceFault, match='reason: "NOT_FOUND", details: "id/0": 404 Not Found'):
        service.remove(pin.request_id)


def test_filters_and_pages(server: PinningServer, service: PinningService) -> None:
    server.progress, server.page = ("pinned",), 3
    cids = [Block.of(bytes([number])).cid for number in range(10)]
    for number, cid in enumerate(cids):
        service.add(cid, "odd" if number % 2 else "")
    assert [one.cid for one in service.pins(Wanted())] == cids[::-1]
    assert [one.cid for one in service.pins(Wanted(name="odd"))] == cids[::-2]
    assert [one.cid for one in service.pins(Wanted(cids=cids[:2]))] == cids[1::-1]
    assert list(service.pins(Wanted(statuses=("queued", "failed")))) == []


def test_an_endless_list_ends(server: PinningServer, service: PinningService) -> None:
    one = {"requestid": "1", "status": "pinned", "created": "t", "pin": {"cid": str(CID)}}
    server.instead = 200, json.dumps({"count": 5, "results": [one]}).encode()
    with pytest.raises(ServiceFault, match="the same page"):
        list(service.pins(Wanted()))
    server.instead = 200, b'{"count": 5, "results": []}'
    with pytest.raises(ServiceFault, match=r"PinResults.count=5 but no PinResults.results"):
        list(service.pins(Wanted()))


def test_the_key_is_in_no_message(server: PinningServer) -> None:
    with PinningService(server.endpoint, "wrong-secret") as service:
        with pytest.raises(ServiceFault, match='"UNAUTHORIZED"') as caught:
            service.count("pinned")
        assert "wrong-secret" not in str(caught.value)
    with PinningService("http://127.0.0.1:1", "other-secret") as service:
        with pytest.raises(ServiceFault, match="empty response from remote") as caught:
            service.count("pinned")
        assert "other-secret" not in str(caught.value)


def test_an_answer_over_the_limit(
    server: PinningServer, service: PinningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pinning, "MAX_ANSWER_BYTES", 100)
    server.instead = 200, b" " * 200
    with pytest.raises(LimitExceeded, match="answer of the pinning service"):
        service.count("pinned")


def test_a_name_over_the_limit(service: PinningService) -> None:
    with pytest.raises(LimitExceeded, match="pin name"):
        service.add(CID, "n" * 256)


@pytest.mark.parametrize("status", [404, 500])
def test_a_refusal_that_explains_nothing(
    status: int, server: PinningServer, service: PinningService
) -> None:
    server.instead = status, b"<html>"
    with pytest.raises(ServiceFault, match=f"returned http error {status}: {status} "):
        service.count("pinned")


def test_a_pin_of_another_id(server: PinningServer, service: PinningService) -> None:
    one = {"requestid": "other", "status": "pinned", "created": "t", "pin": {"cid": str(CID)}}
    server.instead = 200, json.dumps(one).encode()
    with pytest.raises(ServiceFault, match="unexpected requestid"):
        service.status("mine")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["pin", "cid", "requestid", "status", "created", "count", "results"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=_JSON)
def test_what_is_no_answer_is_told_of(
    value: Any, server: PinningServer, service: PinningService
) -> None:
    server.instead = 200, json.dumps(value).encode()
    for ask in (lambda: service.status("x"), lambda: list(service.pins(Wanted()))):
        with contextlib.suppress(ServiceFault):
            ask()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://pin.example", "https://pin.example"),
        ("https://pin.example/", "https://pin.example"),
        ("http://pin.example:8080//api/./v1//", "http://pin.example:8080/api/v1"),
    ],
)
def test_endpoints_are_cleaned(text: str, address: str) -> None:
    assert endpoint_of(text) == address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "valid HTTP URL"),
        ("pin.example", "valid HTTP URL"),
        ("ftp://pin.example", "valid HTTP URL"),
        ("http://", "valid HTTP URL"),
        ("http://[::1", "valid HTTP URL"),
        ("http://pin.example:99999", "valid HTTP URL"),
        ("https://pin.example/?a=b", "without any query parameters"),
        ("https://pin.example/pins", r"without the /pins suffix"),
        ("https://pin.example/pins/", r"without the /pins suffix"),
    ],
)
def test_other_endpoints_are_refused(text: str, said: str) -> None:
    with pytest.raises(Misuse, match=said):
        endpoint_of(text)
