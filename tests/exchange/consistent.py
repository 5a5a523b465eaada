"""What must hold of the state of a bitswap between any two events, counted anew."""

from jiaozi_node.exchange.bitswap import Bitswap
from jiaozi_node.exchange.serving import Held
from jiaozi_node.exchange.want import Place, Told


def check(bitswap: Bitswap) -> None:
    """Raise `AssertionError` unless all counts and places are what the rest of the state says."""
    _fetcher(bitswap)
    _server(bitswap)
    under_way = {name: one.under_way for name, one in bitswap._peers.items() if one.under_way}
    assert bitswap._under_way == sum(under_way.values())
    assert under_way.keys() <= bitswap._writing.keys() <= bitswap._peers.keys()
    assert bitswap._ready.keys() <= bitswap._peers.keys()


def _fetcher(bitswap: Bitswap) -> None:
    fetcher = bitswap._fetcher
    for multihash, want in fetcher._wants.items():
        states = list(want.told.values())
        assert want.hopeful == states.count(Told.ASKED), want.cid
        assert want.probes == states.count(Told.PROBED), want.cid
        assert want.owner in want.sessions
        for session, cids in want.sessions.items():
            assert not session.closed
            assert multihash in session.wants
            assert cids
        owner = want.owner
        assert (multihash in owner.seeking) == (want.place is Place.SEEKING), want.place
        assert (multihash in owner.stuck) == (want.place is Place.STUCK), want.place
        if want.place is Place.QUEUE:
            assert want in owner.queue or want in owner.later
        elif want.place is Place.PARKED:
            assert want in owner.parked
        elif (
            want.place is Place.NOWHERE or want.place is Place.SEEKING
        ):  # somebody must be about to answer, or be found late
            assert want.hopeful or want.probes, (want.cid, want.told)
        for partner, state in want.told.items():
            if not partner.connected:
                assert state in (Told.HAS, Told.DENIED)
                continue
            if state is Told.ASKED:
                assert multihash in partner.flying
                assert not partner.late
            elif state is Told.PROBED:
                assert multihash in partner.probing
                assert not partner.late
            elif state is Told.LATE:
                assert multihash in partner.flying or multihash in partner.probing
    for partner in fetcher._partners:
        for multihash in (*partner.flying, *partner.probing):
            assert partner in fetcher._wants[multihash].told
        for session in partner.sessions:
            assert partner in session.providers
        assert partner.hungry.keys() <= partner.sessions.keys()
        due = partner.due
        if due is not None and not partner.late:
            assert partner.alarm is not None
            assert partner.alarm <= due + 1e-9
        assert (bitswap._peers[partner.peer].partner is partner) or not partner.connected


def _server(bitswap: Bitswap) -> None:
    server = bitswap._server
    held = 0
    for client in server._clients:
        held += len(client.wants)
        queued = [one for one in client.wants.values() if one.queued]
        assert client.pending_bytes == sum(one.size for one in queued)
        assert {one.raw for one in queued} <= {raw for _, _, raw in client.queue}
        assert client.lacking.keys() == {raw for raw, one in client.wants.items() if one.size < 0}
        for one in client.lacking.values():
            waiting = server._waiting[one.multihash]
            assert waiting is one or (isinstance(waiting, dict) and waiting[id(one)] is one)
    assert server.held == held
    waiting_for = sum(1 if isinstance(one, Held) else len(one) for one in server._waiting.values())
    assert waiting_for == sum(len(client.lacking) for client in server._clients)
