import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.node.clock import SystemZone
from jiaozi_node.versioning import dates
from jiaozi_node.versioning.dates import BadDate
from jiaozi_node.versioning.fields import MAX_TIME_S, MIN_TIME_S
from tests.outcome import outcome

UTC = UTC
NOW = 1_795_536_000
ZONES = st.integers(-720, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.integers(MIN_TIME_S + 90_000, MAX_TIME_S - 90_000), ZONES, st.sampled_from("T "))
def test_what_isoformat_writes_is_read_back(seconds: int, zone: timezone, between: str) -> None:
    at = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)
    text = at.isoformat(between)
    assert dates.parse(text, NOW, UTC) == seconds
    assert dates.parse(text[:19], NOW, zone) == seconds
    assert dates.parse(f"@{seconds}", NOW, UTC) == seconds


@given(st.text(max_size=70) | st.text("0123456789-:TZ@ .agodysweku", max_size=30))
def test_any_text_is_a_moment_of_a_commit_or_refused(text: str) -> None:
    read, fault = outcome(lambda given: dates.parse(given, NOW, UTC), text)
    assert fault is None or isinstance(fault, BadDate | LimitExceeded)
    assert read is None or MIN_TIME_S <= read <= MAX_TIME_S


def test_months_and_years_go_back_in_the_calendar() -> None:
    march = dates.parse("2024-03-31T12:00:00Z", NOW, UTC)
    for text, expected in (
        ("1 month ago", "2024-02-29"),
        ("13 months ago", "2023-02-28"),
        ("1 year ago", "2023-03-31"),
        ("1 year 1 month 1 day ago", "2023-02-27"),
        ("a month ago", "2024-02-29"),
    ):
        found = dates.parse(text, march, UTC)
        assert found == dates.parse(f"{expected}T12:00:00Z", NOW, UTC), text


def test_limits_of_a_date() -> None:
    assert dates.parse("now".ljust(64), NOW, UTC) == NOW
    with pytest.raises(LimitExceeded):
        dates.parse("now".ljust(65), NOW, UTC)
    with pytest.raises(BadDate):
        dates.parse("@" + "9" * 16, NOW, UTC)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    if before is None:
        monkeypatch.delenv("TZ")
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_local_time_knows_summer_and_winter() -> None:
    zone = SystemZone()
    assert dates.parse("2026-07-01T12:00", NOW, zone) == dates.parse("2026-07-01T10:00Z", NOW, UTC)
    assert dates.parse("2026-01-01T12:00", NOW, zone) == dates.parse("2026-01-01T11:00Z", NOW, UTC)
    summer = dates.parse("2026-07-01T22:30Z", NOW, UTC)
    assert dates.parse("today", summer, zone) == dates.parse("2026-07-02T00:00+02:00", NOW, UTC)
    assert datetime.fromtimestamp(summer, zone).hour == 0
    assert dates.parse("9998-12-31T23:59:59", NOW, zone) < MAX_TIME_S
    with pytest.raises(BadDate):
        dates.parse("0001-01-01", NOW, zone)  # it begins in the year 0 of UTC
