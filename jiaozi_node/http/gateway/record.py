"""IPNS records as their bytes, for clients that verify them (trustless gateway)."""

import hashlib

from jiaozi_node.http.gateway.asked import Asked, Reply, answer
from jiaozi_node.http.gateway.conditions import unchanged
from jiaozi_node.http.gateway.content import not_modified
from jiaozi_node.http.gateway.naming import attach
from jiaozi_node.http.gateway.negotiate import IPNS_RECORD
from jiaozi_node.http.gateway.problem import Problem
from jiaozi_node.http.quick import QuickRequest
from jiaozi_node.node.fetch import WouldWait


async def serve_record(asked: Asked) -> Reply:
    """Answer with the record of the key that the path names."""
    namespace, *names = asked.target.segments
    if namespace != "ipns":
        raise Problem(400, f"{asked.shown_path} is not an IPNS link")
    if len(names) != 1:
        raise Problem(400, "cannot find ipns key for subpath")
    if isinstance(asked.request, QuickRequest):
        raise WouldWait
    record = await asked.wiring.names.record(names[0])
    headers = asked.headers
    digest = hashlib.blake2b(record.raw, digest_size=8).hexdigest()
    headers["Etag"] = f'"{digest}.ipns-record"'
    if record.ttl_s is not None:
        headers["Cache-Control"] = f"public, max-age={max(0, int(record.ttl_s))}"
    if unchanged(asked.request.headers, headers["Etag"], None):
        return not_modified(asked)
    attach(asked, f"{names[0]}.ipns-record")
    headers["Content-Type"] = IPNS_RECORD
    return answer(asked, 200, record.raw)
