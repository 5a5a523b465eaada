"""Who may call: twelve origins, six hosts, tokens and their paths."""

import pytest

from jiaozi_node.errors import Misuse
from jiaozi_node.http.rpc.admission import DENIED, Denied, Rules, host_name, rules_of

ORIGINS = {
    None: True,
    "http://127.0.0.1:5001": True,
    "https://127.0.0.1:5001": True,
    "http://[::1]:5001": True,
    "http://LOCALHOST:5001": True,
    "http://localhost:5002": False,
    "http://localhost": False,
    "null": False,
    "": False,
    "https://example.com": False,
    "http://127.0.0.1:5001.example.com": False,
    "chrome-extension://nibjojkomfdiaoajekhjakgkdhaomnch": True,
    "chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": False,
}
HOSTS = {
    "127.0.0.1:5001": True,
    "[::1]:5001": True,
    "localhost:5001": True,
    "LocalHost.": True,
    "rebound.example.com:5001": False,
    "": False,
}


def admitted(rules: Rules, path: str = "/api/v0/id", **headers: str) -> bool:
    try:
        rules.admit({"Host": "localhost:5001"} | headers, path)
    except Denied:
        return False
    return True


@pytest.mark.parametrize("origin", ORIGINS, ids=str)
@pytest.mark.parametrize("host", HOSTS, ids=repr)
def test_both_origin_and_host_must_fit(origin: str | None, host: str) -> None:
    rules = rules_of({}, 5001)
    given = {"Host": host} | ({} if origin is None else {"Origin": origin})
    assert admitted(rules, **given) is (ORIGINS[origin] and HOSTS[host])
    if origin:
        assert admitted(rules, Host=host, Referer=f"{origin}/x?y") is (
            ORIGINS[origin] and HOSTS[host]
        )


def test_browsers_that_say_no_origin_stay_out() -> None:
    rules = rules_of({}, 5001)
    assert not admitted(rules, **{"User-Agent": "Mozilla/5.0 Firefox"})
    assert admitted(rules, **{"User-Agent": "Mozilla/5.0 Electron/1"})
    assert admitted(rules, **{"User-Agent": "Mozilla/5.0", "Origin": "http://localhost:5001"})
    assert admitted(rules, **{"User-Agent": "go-ipfs-cmds/http"})


@pytest.mark.parametrize("referer", ["http://[", "nonsense", "http://", "//localhost:5001"])
def test_malformed_referers_stay_out(referer: str) -> None:
    assert not admitted(rules_of({}, 5001), Referer=referer)


def test_origins_hosts_and_headers_of_the_config_count() -> None:
    config = {
        "API": {
            "HTTPHeaders": {
                "Access-Control-Allow-Origin": ["https://app.example"],
                "access-control-allow-methods": ["PUT", "POST"],
                "Access-Control-Allow-Credentials": ["true"],
                "X-Own": ["a", "b"],
            },
            "HTTPHosts": ["Node.Example"],
        }
    }
    rules = rules_of(config, 5001)
    assert admitted(rules, Origin="https://app.example", Host="node.example:80")
    assert rules.headers == {"X-Own": "a, b"}
    assert rules.methods == ("PUT", "POST")
    assert rules.with_credentials
    anybody = rules_of({"API": {"HTTPHeaders": {"Access-Control-Allow-Origin": ["*"]}}}, 5001)
    assert admitted(anybody, Origin="https://anything.example")
    assert not admitted(anybody, Host="rebound.example")


USERS = {
    "API": {
        "Authorizations": {
            "ada": {"AuthSecret": "bearer:abc", "AllowedPaths": ["/api/v0"]},
            "bob": {"AuthSecret": "basic:bob:pw", "AllowedPaths": ["/api/v0/pin", "/api/v0/cat"]},
            "cyd": {"AuthSecret": "basic:Y3lkOnB3", "AllowedPaths": ["/api/v0/id"]},
            "dan": {"AuthSecret": "plain", "AllowedPaths": []},
        }
    }
}


@pytest.mark.parametrize(
    ("header", "path", "in_"),
    [
        ("Bearer abc", "/api/v0/add", True),
        ("Bearer abd", "/api/v0/add", False),
        ("bearer abc", "/api/v0/add", False),
        ("", "/api/v0/version", False),
        ("Basic Ym9iOnB3", "/api/v0/pin/ls", True),
        ("Basic Ym9iOnB3", "/api/v0/add", False),
        ("Basic Ym9iOnB3", "/api/v0/version", True),
        ("Basic Y3lkOnB3", "/api/v0/id", True),
        ("Bearer plain", "/api/v0/version", True),
        ("Bearer plain", "/api/v0/id", False),
    ],
)
def test_a_token_opens_its_paths(header: str, path: str, in_: bool) -> None:
    rules = rules_of(USERS, 5001)
    assert admitted(rules, path, Authorization=header, Host="any.example") is in_
    if not in_:
        with pytest.raises(Denied) as caught:
            rules.admit({"Authorization": header}, path)
        assert str(caught.value) == DENIED


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            {"API": {"HTTPHeaders": {"X": [1]}}},
            r"API\.HTTPHeaders\.X .* not a list of texts: \[1\]",
        ),
        ({"API": {"Authorizations": {"u": {}}}}, "API.Authorizations.u .* has no AuthSecret"),
        (
            {"API": {"Authorizations": {"u": {"AuthSecret": "s", "AllowedPaths": [1]}}}},
            "paths of u",
        ),
        ({"API": {"HTTPHosts": {"a": 1}}}, "API.HTTPHosts .* not a list"),
        ({"API": []}, r"API in the configuration is not an object: \[\]"),
        ({"API": {"HTTPHeaders": ["a"]}}, "API.HTTPHeaders .* is not an object"),
        ({"API": {"Authorizations": ["a"]}}, "API.Authorizations .* is not an object"),
    ],
)
def test_a_config_that_says_nothing_sensible_is_refused(config: object, says: str) -> None:
    with pytest.raises(Misuse, match=says):
        rules_of(config, 5001)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("A.b:80", "a.b"),
        ("A.b.", "a.b"),
        ("[::1]:80", "::1"),
        ("[::1", "::1"),
        ("x", "x"),
        ("", ""),
    ],
)
def test_names_of_hosts(host: str, name: str) -> None:
    assert host_name(host) == name
