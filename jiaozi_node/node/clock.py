"""The zone of this machine, with its changes between summer and winter."""

from datetime import UTC, datetime, timedelta, tzinfo


class SystemZone(tzinfo):
    """Local time as the system has it (``TZ``, ``/etc/localtime``), at any moment."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        """Return how far east local time is at the local moment *at*."""
        return None if at is None else at.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _at: datetime | None) -> timedelta | None:
        """Say nothing: it is part of `utcoffset`."""
        return None

    def tzname(self, _at: datetime | None) -> str | None:
        """Say nothing: nobody asks."""
        return None

    def fromutc(self, at: datetime) -> datetime:
        """Return the local time of a moment in UTC."""
        local = at.replace(tzinfo=UTC).astimezone()
        return local.replace(tzinfo=self)
