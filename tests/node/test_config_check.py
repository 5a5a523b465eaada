"""Values of wrong types are named by their keys; what tools write is taken."""

from typing import Any

import pytest

from jiaozi_node.node.config import fresh
from jiaozi_node.node.config_check import BadValue, check


def changed(key: str, value: object) -> dict[str, Any]:
    values = fresh("12D3KooW", "c2VjcmV0")
    place = values
    *parents, last = key.split(".")
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = value
    return values


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("Addresses", 5, "an object"),
        ("Addresses.API", 5, "text"),
        ("Addresses.Gateway", [5], "text"),
        ("Addresses.Swarm", "/ip4/127.0.0.1/tcp/1", "a list of texts"),
        ("Gateway", [], "an object"),
        ("Gateway.NoFetch", "yes", "true or false"),
        ("Gateway.NoFetch", 1, "true or false"),
        ("Datastore.StorageGCWatermark", True, "a number"),
        ("Datastore.StorageGCWatermark", "90", "a number"),
        ("Ipns.RecordLifetime", 5, "text"),
        ("Discovery.MDNS.Enabled", [], "true or false"),
        ("Bootstrap", [{"a": 1}], "a list of texts"),
    ],
)
def test_a_value_of_another_type_is_named(key: str, value: object, wanted: str) -> None:
    with pytest.raises(BadValue) as caught:
        check(changed(key, value))
    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key} in the configuration is ")
    assert str(caught.value).endswith(f", not {wanted}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Addresses", None),
        ("Addresses.API", ["/ip4/127.0.0.1/tcp/1", "/unix/run/api"]),
        ("Addresses.Gateway", {}),
        ("Gateway.PublicGateways", {}),
        ("Gateway.NoFetch", None),
        ("Bootstrap", None),
        ("Datastore.StorageGCWatermark", 89.5),
        ("Routing.DelegatedRouters", {}),
        ("Nobodys.Business", 5),
        ("addresses", {"API": None}),
    ],
)
def test_what_tools_write_is_taken(key: str, value: object) -> None:
    check(changed(key, value))


def test_a_new_home_has_the_shape() -> None:
    check(fresh("12D3KooW", "c2VjcmV0"))
