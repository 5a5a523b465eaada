"""The fixtures of ipld/codec-fixtures: each form of a value becomes each other, by its CID."""

from pathlib import Path
from typing import NamedTuple

import pytest

from jiaozi_node.formats import codecs
from jiaozi_node.formats.block import Block
from jiaozi_node.formats.cid import Cid

VECTORS = Path(__file__).parents[2] / "specs" / "vectors" / "codecs"


class Form(NamedTuple):
    """One value in one codec."""

    codec: int
    cid: Cid
    data: bytes


def _forms(directory: Path) -> list[Form]:
    found = []
    for path in sorted(directory.iterdir()):
        cid, _, codec = path.name.partition(".")
        found.append(Form(codecs.CODES[codec], Cid.parse(cid), path.read_bytes()))
    return found


VALUES = sorted(path for path in VECTORS.iterdir() if path.is_dir())


def test_all_of_them_are_here() -> None:
    forms = [form for directory in VALUES for form in _forms(directory)]
    assert (len(VALUES), len(forms)) == (128, 273)
    assert {codecs.CODECS[form.codec].name for form in forms} == {"dag-pb", "dag-cbor", "dag-json"}


@pytest.mark.parametrize("directory", VALUES, ids=lambda path: path.name)
def test_every_form_becomes_every_other(directory: Path) -> None:
    forms = _forms(directory)
    assert len(forms) >= 2
    for read in forms:
        assert Block.checked(read.cid, read.data).cid.codec == read.codec
        value = codecs.decode(read.codec, read.data)
        for written in forms:
            data = codecs.encode(written.codec, value)
            assert Block.of(data, written.codec).cid == written.cid
            assert data == written.data


@pytest.mark.parametrize("directory", VALUES, ids=lambda path: path.name)
def test_every_form_links_the_same(directory: Path) -> None:
    found = [sorted(codecs.links(form.codec, form.data)) for form in _forms(directory)]
    assert all(cids == found[0] for cids in found)
    if directory.name.startswith("cid-") and len(found[0]) == 1:
        assert found[0] == [Cid.parse(directory.name[4:])]
