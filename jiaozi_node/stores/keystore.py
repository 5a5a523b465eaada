"""Private keys by name: one file each, 0600, named and filled as Kubo does.

``key_`` + base32 of the name, lower case and unpadded; inside, libp2p's protobuf form.
"""

import base64
import binascii
import os
from pathlib import Path

from jiaozi_node.errors import Conflict, Corrupt, LimitExceeded, Malformed, NotFound
from jiaozi_node.formats.key_types import SignKey, read_private
from jiaozi_node.formats.keys import MAX_KEY_BYTES, UnsupportedKey
from jiaozi_node.stores.atomic import create_file, sync_directory

MAX_NAME_BYTES = 128  # its base32 must fit a file name
_PREFIX = "key_"


class KeyMissing(NotFound):
    """There is no key called *name*."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no key {name!r}")
        self.name = name


class KeyExists(Conflict):
    """A key called *name* is there already, and keys are never overwritten."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a key {name!r} already")
        self.name = name


class CorruptKey(Corrupt):
    """The file of the key *name* holds something else."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the key {name!r} is damaged in the keystore: {why}")
        self.name, self.why = name, why


class KeyStore:
    """The keys in *directory*, which is made (0700) with the first of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, name: str, key: SignKey) -> None:
        """Keep *key* as *name*, durably on return; raises `KeyExists`."""
        path = self._path(name)
        if not self._directory.exists():
            self._directory.mkdir(mode=0o700)
            sync_directory(self._directory.parent)
        try:
            create_file(path, key.protobuf(), 0o600)
        except FileExistsError:
            raise KeyExists(name) from None

    def get(self, name: str) -> SignKey:
        """Return the key; raises `KeyMissing`, `CorruptKey` or `UnsupportedKey`."""
        try:
            fd = os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise KeyMissing(name) from None
        with open(fd, "rb") as file:
            data = file.read(MAX_KEY_BYTES + 1)
        try:
            return read_private(data)
        except UnsupportedKey:
            raise
        except Malformed as fault:
            raise CorruptKey(name, str(fault)) from None

    def rename(self, old: str, new: str, *, overwrite: bool = False) -> bool:
        """Call the key *old* *new*, durably on return; tell whether a key went for it.

        Raises `KeyMissing`, or `KeyExists` unless it may *overwrite*. After a power cut the key may
        be found under both names.
        """
        source, target = self._path(old), self._path(new)
        if not source.exists():
            raise KeyMissing(old)
        over = target.exists()
        if overwrite:
            source.replace(target)
        else:
            try:
                os.link(source, target, follow_symlinks=False)  # unlike rename, never replaces
            except FileExistsError:
                raise KeyExists(new) from None
            source.unlink()
        sync_directory(self._directory)
        return over

    def delete(self, name: str) -> None:
        """Forget the key, durably on return; raises `KeyMissing`."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            raise KeyMissing(name) from None
        sync_directory(self._directory)

    def _path(self, name: str) -> Path:
        raw = name.encode("utf-8", "surrogateescape")
        if not raw:
            raise Malformed("key name must be at least one character")
        if len(raw) > MAX_NAME_BYTES:
            raise LimitExceeded("name of a key", MAX_NAME_BYTES, len(raw))
        return self._directory / (
            _PREFIX + base64.b32encode(raw).decode("ascii").rstrip("=").lower()
        )

    def list(self) -> list[str]:
        """Return the names of all keys, sorted; files that aren't keys are passed over."""
        if not self._directory.exists():
            return []
        found = (_name_of(entry.name) for entry in os.scandir(self._directory))
        return sorted(name for name in found if name is not None)


def _name_of(file_name: str) -> str | None:
    """Return the key's name, or None when *file_name* is not a key's."""
    if not file_name.startswith(_PREFIX) or not file_name.isascii():
        return None
    body = file_name.removeprefix(_PREFIX).upper()
    try:
        raw = base64.b32decode(body + "=" * (-len(body) % 8))
    except binascii.Error:
        return None
    return raw.decode("utf-8", "surrogateescape") or None
