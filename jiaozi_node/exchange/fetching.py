"""Fetching: who is asked for which block, and who next when that fails (``bitswap.md`` §4, §5).

`Fetcher` is told of peers, messages, wants and the time, and changes its state; what comes of it is
in `effects`, in `Partner.entries` and `Partner.cancels` of those in `ready`, and in `deadline`.
Each event costs what it touches: one want, one peer, the providers of one session.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Final

from jiaozi_node.exchange.alarms import Alarms
from jiaozi_node.exchange.effects import Deliver, Effect, Expel, Fail, NotFetched, Seek
from jiaozi_node.exchange.ledger import Tally
from jiaozi_node.exchange.message import Entry, Payload, Presence
from jiaozi_node.exchange.prefix import multihash_in, multihash_of
from jiaozi_node.exchange.version import Version
from jiaozi_node.exchange.want import (
    ASKED,
    DENIED,
    DONE,
    HAS,
    LATE,
    NOWHERE,
    PARKED,
    PROBED,
    QUEUE,
    SEEKING,
    STUCK,
    Partner,
    Session,
    Told,
    Want,
)
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

MAX_PROVIDERS: Final = 16
MAX_DENIALS: Final = 16  # boxo's peerDontHaveLimit
MAX_EXPULSIONS: Final = 3
MAX_SEEKING: Final = 16
MAX_ASKED_AT_ONCE: Final = 256
MAX_SOUGHT: Final = 64
AGAIN_S: Final = 5.0
MAX_UNWANTED: Final = 3
FORGIVEN_AFTER: Final = 64
MAX_SENT_ENTRIES: Final = 1_024
PATIENCE_S: Final = 60.0
MAX_PATIENCES: Final = 10
_TURN: Final = 32  # wants that one session hands to a peer before the next session has its turn

NEEDED, SOON = 2, 1  # priorities


class Fetcher:
    """All that this node wants from its peers."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self.effects: list[Effect] = []
        self.ready: dict[Partner, None] = {}
        self._partners: dict[Partner, None] = {}  # who served us last is last
        self._wants: dict[bytes, Want] = {}
        self._searching: dict[Session, None] = {}  # sessions that a new peer may help
        self._alarms: Alarms[Partner | Session] = Alarms()

    @property
    def wantlist(self) -> list[Cid]:
        """What is wanted now."""
        return [want.cid for want in self._wants.values()]

    # Peers

    def connected(self, peer: str, version: Version, now: float) -> Partner:
        """Begin to ask *peer* for blocks; sessions that look for some ask it at once."""
        partner = Partner(peer, version)
        self._partners[partner] = None
        left = MAX_ASKED_AT_ONCE
        for session in list(islice(self._searching, MAX_ASKED_AT_ONCE)):
            if left <= 0:
                break
            del self._searching[session]  # the next peer is asked for what the others miss
            self._searching[session] = None
            missing = chain(session.stuck.values(), session.seeking.values())
            for want in list(islice(missing, MAX_SEEKING)):
                self._look(want, (partner,), now)
                left -= 1
            self._search_on(session, now)
            self._arm_session(session)
        return partner

    def disconnected(self, partner: Partner, now: float) -> None:
        """Ask others for what *partner* was asked for."""
        partner.connected = False
        self._partners.pop(partner, None)
        self.ready.pop(partner, None)
        lost = []
        for multihash in (*partner.flying, *partner.probing):
            want = self._wants.get(multihash)
            state = None if want is None else want.told.pop(partner, None)
            if want is None or state is None:
                continue
            if state is ASKED:
                want.hopeful -= 1
            elif state is PROBED:
                want.probes -= 1
            lost.append(want)
        sessions = list(partner.sessions)
        for session in sessions:
            session.providers.pop(partner, None)
        for table in (partner.flying, partner.probing, partner.owed, partner.entries):
            table.clear()
        partner.cancels.clear()
        partner.sessions.clear()
        partner.hungry.clear()
        self._settle_all(lost, now)
        for session in sessions:
            if session.waiting and not self._able(session):
                self._search(session, now)
            self._arm_session(session)

    # Wants

    def session(self, patience_s: float = PATIENCE_S) -> Session:
        """Begin a session, each of whose wants waits *patience_s* at most once it is asked for."""
        return Session(patience_s)

    def want(
        self, session: Session, cids: Iterable[Cid], now: float, soon: Iterable[Cid] = ()
    ) -> None:
        """Ask for *cids*, and behind them for *soon*, whose failure isn't told."""
        if session.closed:
            return
        if not session.wants:
            session.last_block = now
        needed = [want for cid in cids if (want := self._add(session, cid, True, now))]
        likely = [want for cid in soon if (want := self._add(session, cid, False, now))]
        for want in (*needed, *likely):
            want.place = QUEUE
        session.queue.extend(needed)
        session.later.extend(likely)
        if session.waiting:
            self._spread(session, now)
        self._arm_session(session)

    def _add(self, session: Session, cid: Cid, needed: bool, now: float) -> Want | None:
        """Note that *session* wants *cid*; return the want if it is to be queued."""
        multihash = multihash_in(cid.raw)
        if multihash is None:
            block = cid.inline
            if block is not None:
                self.effects.append(Deliver(session, Block(cid, block)))
            return None
        known = session.wants.get(multihash)
        if known is not None:
            want = self._wants[multihash]
            if cid not in want.sessions[session]:  # the same bytes under another codec or version
                want.sessions[session] += (cid,)
            if not needed or known:
                return None
            session.wants[multihash] = True
            want.priority = NEEDED
            return want if want.place is QUEUE and want.owner is session else None
        session.wants[multihash] = needed
        found = self._wants.get(multihash)
        if found is None:
            want = Want(cid, multihash, session, NEEDED if needed else SOON)
            self._wants[multihash] = want
            return want
        found.sessions[session] = (cid,)
        if found.since >= 0:
            session.live.append((now, found))
        return None

    def cancel(self, session: Session, cids: Iterable[Cid], now: float) -> None:
        """Want *cids* no more; nothing is told of them from now on."""
        for cid in cids:
            multihash = multihash_in(cid.raw)
            if multihash is not None and session.wants.pop(multihash, None) is not None:
                self._leave(session, self._wants[multihash], now)
        self._arm_session(session)

    def close(self, session: Session, now: float) -> None:
        """End *session*: nothing is told of it from now on."""
        session.closed = True
        for multihash in session.wants:
            self._leave(session, self._wants[multihash], now)
        for partner in session.providers:
            partner.sessions.pop(session, None)
            partner.hungry.pop(session, None)
        for table in (session.wants, session.providers, session.seeking, session.stuck):
            table.clear()
        session.queue.clear()
        session.later.clear()
        session.parked.clear()
        session.live.clear()
        session.alarm = None
        self._searching.pop(session, None)

    def _leave(self, session: Session, want: Want, now: float) -> None:
        """Take *session* from those who wait for *want*."""
        want.sessions.pop(session, None)
        if not want.sessions:
            self._end(want, None)
        elif want.owner is session:
            self._lift(want)
            want.owner = next(iter(want.sessions))
            if not want.hopeful and not want.probes:
                self._requeue(want, now)

    # What peers answer

    def blocks(self, partner: Partner, payload: Sequence[Payload], now: float) -> int:
        """Take the blocks of a message; return how many bytes of them were wanted."""
        good = 0
        served: dict[Session, None] = {}
        for prefix, data in payload:
            multihash = multihash_of(prefix, data) if partner.owed else None
            if multihash is None or not partner.owes(multihash):
                self._unwanted(partner)
                continue
            want = self._wants.get(multihash)
            if want is None:
                self._tally.duplicate_blocks += 1
                self._tally.duplicate_data += len(data)
                continue
            asked_at = partner.flying.pop(multihash, None)
            if asked_at is not None:
                partner.delivered(asked_at, now)
            partner.probing.pop(multihash, None)
            partner.entries.pop(multihash, None)
            partner.wanted += 1
            if partner.unwanted and not partner.wanted % FORGIVEN_AFTER:
                partner.unwanted -= 1
            good += len(data)
            self._tally.blocks_received += 1
            self._tally.data_received += len(data)
            for session, cids in want.sessions.items():
                served[session] = None
                session.wants.pop(multihash, None)
                session.last_block = now
                # Trusted: its multihash is what the data was just hashed to.
                self.effects += [Deliver(session, Block(cid, data)) for cid in cids]
            want.told.pop(partner, None)
            self._end(want, partner)
        if good:
            self._partners.pop(partner, None)
            self._partners[partner] = None
            self._answered(partner, now)
            for session in served:
                session.sought = 0
                session.again_s = 0.0
                session.forget_done()
                self._join(session, partner, now)
                self._search_on(session, now)
            self._pull(partner, now)
        return good

    def _unwanted(self, partner: Partner) -> None:
        self._tally.unwanted_blocks += 1
        partner.unwanted += 1
        if partner.unwanted == MAX_UNWANTED:
            why = f"it sent {MAX_UNWANTED} blocks that nobody asked it for"
            self.effects.append(Expel(partner.peer, why))

    def presences(self, partner: Partner, presences: Sequence[Presence], now: float) -> None:
        """Take the HAVEs and DONT_HAVEs of a message."""
        answered = False
        lost: list[Want] = []
        for raw, here in presences:
            multihash = multihash_in(raw)
            want = None if multihash is None else self._wants.get(multihash)
            state = None if want is None else want.told.get(partner)
            if multihash is None or want is None or state is None:
                continue
            answered = True
            if here:
                self._offered(partner, want, state, now)
            elif state in (ASKED, PROBED, LATE):
                partner.flying.pop(multihash, None)
                partner.probing.pop(multihash, None)
                want.told[partner] = DENIED
                if state is ASKED:
                    want.hopeful -= 1
                    self._count_denial(want.owner, partner)
                elif state is PROBED:
                    want.probes -= 1
                lost.append(want)
        if answered:
            self._answered(partner, now)
            self._settle_all(lost, now)
            self._pull(partner, now)

    def _offered(self, partner: Partner, want: Want, state: Told, now: float) -> None:
        """Take a HAVE."""
        if state in (ASKED, HAS) or want.multihash in partner.flying:
            return
        if state is PROBED:
            want.probes -= 1
        partner.probing.pop(want.multihash, None)
        want.told[partner] = HAS
        self._join(want.owner, partner, now)
        if not want.hopeful and want.place is not DONE:
            self._ask(partner, want, now)

    def _answered(self, partner: Partner, now: float) -> None:
        """Note that *partner* answered what it was asked."""
        partner.heard = now
        if partner.late:
            partner.late = False
            for multihash in partner.flying:
                partner.flying[multihash] = now
                want = self._wants.get(multihash)
                if want is not None and want.told.get(partner) is LATE:
                    want.told[partner] = ASKED
                    want.hopeful += 1
                    if want.place in (STUCK, PARKED):
                        self._lift(want)
            for session in list(self._searching):
                self._search_on(session, now)
        self._arm_partner(partner)

    def _count_denial(self, session: Session, partner: Partner) -> None:
        """Let a provider go that denied too many wants in a row."""
        count = session.providers.get(partner)
        if count is None:
            return
        session.providers[partner] = count + 1
        if count + 1 == MAX_DENIALS:
            del session.providers[partner]
            partner.sessions.pop(session, None)
            partner.hungry.pop(session, None)
            session.expelled[partner] = session.expelled.get(partner, 0) + 1

    def _join(self, session: Session, partner: Partner, now: float) -> None:
        """Make *partner* a provider of *session*; it is worth asking for what others denied."""
        if session.closed:
            return
        if partner in session.providers:
            session.providers[partner] = 0
            return
        if len(session.providers) >= MAX_PROVIDERS:
            return
        if session.expelled.get(partner, 0) >= MAX_EXPULSIONS:
            return
        session.providers[partner] = 0
        partner.sessions[session] = None
        missing = [*session.stuck.values()]
        while session.parked:
            want = session.parked.popleft()
            if want.place is PARKED:
                missing.append(want)
        for want in missing:
            self._requeue(want, now, pull=False)
        if session.waiting:
            partner.hungry[session] = None
            self._pull(partner, now)

    # Who is asked

    def _able(self, session: Session) -> bool:
        """Tell whether *session* has a provider that will take wants."""
        return any(not partner.late for partner in session.providers)

    def _spread(self, session: Session, now: float) -> None:
        """Hand the queue of *session* to its providers, each by its speed and room."""
        for partner in session.providers:
            partner.hungry[session] = None
        able = [one for one in session.providers if not one.late and one.room > 0]
        while session.waiting and able:
            speeds = [1 / (max(one.delay_s, 0.001) * (1 + len(one.flying))) for one in able]
            part = (len(session.queue) + len(session.later)) / sum(speeds)
            for partner, speed in zip(able, speeds, strict=True):
                count = min(partner.room, max(1, round(part * speed)))
                self._take(partner, session, count, now)
            able = [one for one in able if one.room > 0]
        if session.waiting and not self._able(session):
            self._search(session, now)

    def _pull(self, partner: Partner, now: float) -> None:
        """Have *partner* asked for what waits, once a quarter of its window is free."""
        while partner.hungry and not partner.late and partner.room * 4 >= partner.window:
            session = next(iter(partner.hungry))
            del partner.hungry[session]
            self._take(partner, session, min(partner.room, _TURN), now)
            if session.waiting:
                partner.hungry[session] = None

    def _take(self, partner: Partner, session: Session, count: int, now: float) -> None:
        """Ask *partner* for the next *count* wants of *session*'s queue."""
        odd: list[Want] = []
        while count and (want := session.next()) is not None:
            if want.told.get(partner, HAS) in (HAS, PROBED):
                self._ask(partner, want, now)
                count -= 1
            else:
                odd.append(want)
        self._settle_all(odd, now)

    def _ask(self, partner: Partner, want: Want, now: float) -> None:
        """Ask *partner* for the block; one that is late isn't waited for."""
        multihash = want.multihash
        if want.told.get(partner) is PROBED:
            partner.probing.pop(multihash, None)
            want.probes -= 1
        want.told[partner] = LATE if partner.late else ASKED
        want.hopeful += not partner.late
        if want.place is not NOWHERE:
            self._lift(want)
        self._send(partner, want, False, now)
        partner.flying[multihash] = now

    def _probe(self, partner: Partner, want: Want, now: float) -> None:
        """Ask *partner* whether it has the block; one that is late isn't waited for."""
        want.told[partner] = LATE if partner.late else PROBED
        want.probes += not partner.late
        self._send(partner, want, True, now)
        partner.probing[want.multihash] = now

    def _send(self, partner: Partner, want: Want, have: bool, now: float) -> None:
        raw = want.cid.raw
        if not partner.flying and not partner.probing:
            partner.heard = now
        partner.cancels.pop(raw, None)
        partner.owe(want.multihash)
        partner.entries[want.multihash] = Entry(raw, want.priority, False, have, True)
        self.ready[partner] = None
        if want.since < 0:
            want.since = now
            for session in want.sessions:
                session.live.append((now, want))
                if len(session.live) == 1:
                    self._arm_session(session)
        if partner.alarm is None and not partner.late:
            self._alarms.set(partner, now + partner.patience_s)

    def _settle_all(self, wants: Iterable[Want], now: float) -> None:
        """Find who is asked next for those of *wants* that nobody is asked for."""
        owners: dict[Session, None] = {}
        for want in wants:
            if want.hopeful or want.probes or want.place not in (NOWHERE, SEEKING):
                continue
            owners[want.owner] = None
            self._settle(want, now)
        for session in owners:
            self._search_on(session, now)

    def _settle(self, want: Want, now: float) -> None:
        """Find who is asked next for a want that nobody is asked for."""
        session = want.owner
        for partner, state in want.told.items():
            if state is HAS and partner.connected and not partner.late:
                self._ask(partner, want, now)
                return
        untold = [one for one in session.providers if one not in want.told and not one.late]
        if untold:
            best = max(untold, key=_room)
            if best.room > 0 or want.told:
                self._ask(best, want, now)
            else:
                self._requeue(want, now)
            return
        self._lift(want)
        if len(session.seeking) < MAX_SEEKING:
            self._look(want, self._reachable(), now)
        else:
            want.place = PARKED
            session.parked.append(want)
        self._arm_session(session)

    def _reachable(self) -> list[Partner]:
        """Return the peers that may be asked for anything, who served us last first."""
        return list(islice(reversed(self._partners), MAX_ASKED_AT_ONCE))

    def _search_on(self, session: Session, now: float) -> None:
        """Look for more of the wants that providers can't help with."""
        if session.parked or (session.waiting and not self._able(session)):
            self._search(session, now)

    def _search(self, session: Session, now: float) -> None:
        """Look for who has the next wants of *session*, a few at a time."""
        self._searching[session] = None
        partners = self._reachable()
        punctual = any(not partner.late for partner in partners)
        while len(session.seeking) < MAX_SEEKING:
            if not punctual and session.stuck:
                return  # nobody to ask for more: what is stuck shows when there is
            if session.parked:
                want = session.parked.popleft()
                if want.place is not PARKED or want.owner is not session:
                    continue
                want.place = NOWHERE
            elif self._able(session) or (found := session.next()) is None:
                return
            else:
                want = found
            self._look(want, partners, now)

    def _look(self, want: Want, partners: Iterable[Partner], now: float) -> None:
        """Ask those of *partners* who weren't asked: one for the block, the others for HAVE."""
        session = want.owner
        self._lift(want)
        if want.since < 0:
            want.since = now
            for one in want.sessions:
                one.live.append((now, want))
        for partner in partners:
            if partner in want.told:
                continue
            if partner.version.presences and (want.hopeful or partner.late):
                self._probe(partner, want, now)
            else:
                self._ask(partner, want, now)
        if want.hopeful or want.probes:
            want.place = SEEKING
            session.seeking[want.multihash] = want
        else:
            want.place = STUCK
            session.stuck[want.multihash] = want
            if session.again_at is None:
                session.again_s = min(2 * session.again_s, session.patience_s) or AGAIN_S
                session.again_at = now + session.again_s
            if session.sought < MAX_SOUGHT:
                session.sought += 1
                self.effects.append(Seek(want.cid))
            self._arm_session(session)
        self._searching[session] = None

    def _lift(self, want: Want) -> None:
        """Take *want* from its place."""
        if want.place is SEEKING:
            want.owner.seeking.pop(want.multihash, None)
        elif want.place is STUCK:
            want.owner.stuck.pop(want.multihash, None)
        want.place = NOWHERE

    def _requeue(self, want: Want, now: float, *, pull: bool = True) -> None:
        """Put *want* at the head of its owner's queue."""
        session = want.owner
        self._lift(want)
        want.place = QUEUE
        session.queue.appendleft(want)
        for partner in session.providers:
            partner.hungry[session] = None
        if pull and not self._able(session):
            self._search(session, now)

    def _end(self, want: Want, sender: Partner | None) -> None:
        """Take *want* from everywhere, and back from all who were asked but *sender*."""
        del self._wants[want.multihash]
        if want.place is not NOWHERE:
            self._lift(want)
        want.place = DONE
        for partner, state in want.told.items():
            if partner is not sender and partner.connected and state is not HAS:
                partner.cancel(want)
                self.ready[partner] = None
        want.told.clear()

    # Time

    @property
    def deadline(self) -> float | None:
        """When `tick` is wanted; None while nothing waits for the time."""
        return self._alarms.next

    def tick(self, now: float) -> None:
        """Do what is due."""
        while (who := self._alarms.due(now)) is not None:
            if isinstance(who, Session):
                self._check_session(who, now)
            else:
                self._check_partner(who, now)

    def _arm_partner(self, partner: Partner) -> None:
        due = partner.due
        if due is not None and partner.connected and not partner.late:
            self._alarms.set(partner, due)

    def _check_partner(self, partner: Partner, now: float) -> None:
        due = partner.due
        if due is None or not partner.connected or partner.late:
            return
        if now < due:
            self._alarms.set(partner, due)
            return
        partner.late = True
        partner.slow_down()
        lost = []
        for multihash in (*partner.flying, *partner.probing):
            want = self._wants.get(multihash)
            state = None if want is None else want.told.get(partner)
            if want is None or state not in (ASKED, PROBED):
                continue
            want.told[partner] = LATE
            if state is ASKED:
                want.hopeful -= 1
            else:
                want.probes -= 1
            lost.append(want)
        self._settle_all(lost, now)
        for session in list(partner.sessions):
            self._search_on(session, now)

    def _arm_session(self, session: Session) -> None:
        if session.closed or not session.wants:
            return
        due = session.last_block + session.patience_s
        if session.live:
            due = min(due, session.live[0][0] + session.patience_s)
        if session.again_at is not None:
            due = min(due, session.again_at)
        self._alarms.set(session, due)

    def _check_session(self, session: Session, now: float) -> None:
        if session.closed or not session.wants:
            self._searching.pop(session, None)
            return
        live = session.live
        while live and live[0][0] + session.patience_s <= now:
            asked_at, want = live.popleft()
            if want.place is DONE or session not in want.sessions:
                continue
            longest = want.since + MAX_PATIENCES * session.patience_s
            if want.hopeful and session.last_block > asked_at and now < longest:
                live.append((now, want))  # its turn will come: others before it did
            else:
                self._fail(session, want, now)
        if session.last_block + session.patience_s <= now:
            for multihash in list(session.wants):
                self._fail(session, self._wants[multihash], now)
        if session.again_at is not None and session.again_at <= now:
            session.again_at = None
            for want in list(session.stuck.values()):
                before = [
                    partner
                    for partner, state in want.told.items()
                    if state is DENIED or not partner.connected
                ]
                want.denied = max(want.denied, len(before))
                for partner in before:
                    del want.told[partner]
                self._lift(want)
                want.place = PARKED
                session.parked.append(want)
            self._search(session, now)
        self._arm_session(session)

    def _fail(self, session: Session, want: Want, now: float) -> None:
        told = session.wants.pop(want.multihash, None)
        if told:
            states = want.told.values()
            denied = max(want.denied, sum(state is DENIED for state in states))
            waited_s = now - want.since if want.since >= 0 else session.patience_s
            for cid in want.sessions[session]:
                fault = NotFetched(cid, max(denied, len(states)), denied, waited_s)
                self.effects.append(Fail(session, cid, fault))
        self._leave(session, want, now)

    # What goes out

    def entries(self, partner: Partner) -> tuple[Entry, ...]:
        """Return what goes to *partner* next: first what is taken back, then what is wanted."""
        out = [Entry(raw, 0, cancel=True) for raw in islice(partner.cancels, MAX_SENT_ENTRIES)]
        for entry in out:
            del partner.cancels[entry.raw]
        keys = list(islice(partner.entries, MAX_SENT_ENTRIES - len(out)))
        out += [partner.entries.pop(key) for key in keys]
        return tuple(out)


def _room(partner: Partner) -> int:
    return partner.room
