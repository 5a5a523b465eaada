"""A second decoder's word on our own dag-cbor: what one library alone decides, one bug can break.

`dag_cbor` is slow to import and gives up at depth 500, so only checks ask it, about blocks that our
decoder took (design §4).
"""

from jiaozi_node.formats.cid import Cid


def agrees(data: bytes) -> bool:
    """Tell whether the other decoder takes *data*, gives its bytes back, and sees the same links.

    *data* must have passed `formats.dag_cbor.decode`, which bounds its depth.
    """
    import dag_cbor  # noqa: PLC0415 - 60 ms, and only checks need it
    from dag_cbor.encoding.err import CBORError  # noqa: PLC0415
    from multiformats import CID  # noqa: PLC0415

    from jiaozi_node.formats import dag_cbor as ours  # noqa: PLC0415

    try:
        value = dag_cbor.decode(data)
        again = dag_cbor.encode(value)
    except (CBORError, ValueError, RecursionError):
        return False
    links: list[bytes] = []
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, CID):
            links.append(bytes(one))
        elif isinstance(one, dict):
            stack += one.values()
        elif isinstance(one, list):
            stack += one
    return again == data and sorted(map(Cid, links)) == sorted(ours.links(data))
