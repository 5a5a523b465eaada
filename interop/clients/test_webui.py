"""The stock WebUI's calls, from a page on our own address: each answered in the expected shape."""

import pytest

from interop.clients.requests import Reply, post
from interop.clients.scripts import Both, is_offered
from interop.clients.webui import CALLS, Asked, fits
from interop.daemons import Daemon

Answers = list[tuple[Asked, Reply, Reply]]


def ask(daemon: Daemon, asked: Asked) -> Reply:
    page = f"http://127.0.0.1:{daemon.port}"
    headers = {"Origin": page, "Referer": f"{page}/webui", "User-Agent": "Mozilla/5.0"}
    return post(daemon, asked.command, asked.query, asked.body, headers)


@pytest.fixture(scope="module")
def answers(both: Both) -> Answers:
    return [(one, ask(both.kubo, one), ask(both.ours, one)) for one in CALLS]


def faults(asked: Asked, reply: Reply) -> list[str]:
    if reply.status != 200:
        ok = bool(reply.rows()) and fits(reply.rows()[0], {"Message": str, "Type": str})
        return [] if ok else ["an error that is none"]
    if asked.shape is bytes:
        return []
    if asked.shape is None:
        return [f"a body: {reply.body[:80]!r}"] if reply.body else []
    return [f"not its shape: {row}" for row in reply.rows() if not fits(row, asked.shape)]


def test_the_table_is_true_of_kubo(answers: Answers) -> None:
    wrong = [(a.command, f) for a, kubo, _ in answers for f in faults(a, kubo)]
    assert not wrong, "\n".join(map(str, wrong))


def test_every_call_is_answered_as_kubo_answers(answers: Answers) -> None:
    wrong = []
    for asked, kubo, ours in answers:
        if not is_offered(asked.command) or not is_offered(asked.stands_on or asked.command):
            continue
        wrong += [(asked.command, fault) for fault in faults(asked, ours)]
        if ours.status != kubo.status:
            wrong.append((asked.command, f"{ours.status}, not {kubo.status}: {ours.body[:200]!r}"))
        if asked.same and ours.body != kubo.body:
            wrong.append((asked.command, f"{ours.body[:200]!r}, not {kubo.body[:200]!r}"))
        names = ("Content-Type", "X-Chunked-Output", "X-Stream-Output")
        wrong += [
            (asked.command, f"{name}: {ours.headers.get(name)}, not {kubo.headers.get(name)}")
            for name in names
            if ours.headers.get(name) != kubo.headers.get(name)
        ]
        if "Access-Control-Allow-Origin" not in ours.headers:
            wrong.append((asked.command, "a browser would not show it to the page"))
    assert not wrong, "\n".join(map(str, wrong))


def test_another_page_is_refused(both: Both) -> None:
    headers = {"Origin": "http://elsewhere.example", "User-Agent": "Mozilla/5.0"}
    assert [post(one, "id", headers=headers).status for one in (both.kubo, both.ours)] == [403, 403]
