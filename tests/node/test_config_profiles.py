"""Profiles change what their names say, and can be taken back where Kubo's can."""

import pytest

from jiaozi_node.errors import Misuse, Refused
from jiaozi_node.node.config import fresh
from jiaozi_node.node.config_profiles import NAMES, apply


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_changes_a_copy_and_not_the_identity(name: str) -> None:
    before = fresh("peer", "key")
    after = apply(name, before)
    assert before == fresh("peer", "key")
    assert after["Identity"] == before["Identity"]
    if name != "randomports":
        assert apply(name, after) == after


def test_a_new_home_talks_to_nobody_until_public_is_applied() -> None:
    before = fresh("peer", "key")
    assert before["Bootstrap"] == []
    assert before["Routing"]["Type"] == "none"
    after = apply("public", before)
    assert after["Bootstrap"]
    assert after["Routing"]["Type"] == "auto"
    assert any("0.0.0.0" in address for address in after["Addresses"]["Swarm"])


def test_local_discovery_takes_back_what_server_filtered() -> None:
    served = apply("server", fresh("peer", "key"))
    assert "/ip4/10.0.0.0/ipcidr/8" in served["Swarm"]["AddrFilters"]
    assert apply("local-discovery", served)["Swarm"]["AddrFilters"] == []


def test_unknown_names_and_datastores_are_refused() -> None:
    with pytest.raises(Misuse, match="foo is not a profile"):
        apply("foo", {})
    with pytest.raises(Refused, match="flatfs"):
        apply("flatfs", {})
