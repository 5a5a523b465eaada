"""The remote pinning services that a configuration names, with their keys."""

from typing import Any, Final

from jiaozi_node.errors import Conflict, Misuse, NotFound
from jiaozi_node.network.web.pinning import PinningService, endpoint_of
from jiaozi_node.node.config import Config

_KEY: Final = "Pinning.RemoteServices"


def services(config: Config) -> dict[str, str]:
    """Return the endpoint of every service by name, in order of names."""
    found = _all(config)
    return {name: str(_api(found[name]).get("Endpoint") or "") for name in sorted(found)}


def service(config: Config, name: str | None) -> PinningService:
    """Return the service called *name*; raises `Misuse` without one, or `NotFound`."""
    if name is None:
        raise Misuse("a service name must be passed")
    if not name:
        raise Misuse("remote pinning service name not specified")
    found = _all(config)
    if name not in found:
        raise NotFound("service not known")
    api = _api(found[name])
    return PinningService(endpoint_of(str(api.get("Endpoint") or "")), str(api.get("Key") or ""))


def add(config: Config, name: str, endpoint: str, key: str) -> None:
    """Name a service in *config*, which is to be saved; raises `Conflict` for a name taken."""
    address = endpoint_of(endpoint)
    found = _all(config)
    if name in found:
        raise Conflict("service already present")
    made = {"API": {"Endpoint": address, "Key": key}, "Policies": _NO_POLICIES}
    config.set(_KEY, {**found, name: made})


def remove(config: Config, name: str) -> None:
    """Forget a service, which need not be there; *config* is to be saved."""
    found = _all(config)
    if name in found:
        config.set(_KEY, {other: value for other, value in found.items() if other != name})


_NO_POLICIES: Final = {"MFS": {"Enable": False, "PinName": "", "RepinInterval": ""}}


def _all(config: Config) -> dict[str, Any]:
    found = config.find(_KEY, {})
    return found if isinstance(found, dict) else {}


def _api(one: object) -> dict[str, Any]:
    api = one.get("API") if isinstance(one, dict) else None
    return api if isinstance(api, dict) else {}
