from dataclasses import replace

import pytest
from hypothesis import given, settings

from jiaozi_node.errors import LimitExceeded
from jiaozi_node.formats.keys import PrivateKey
from jiaozi_node.versioning import commit as commits
from jiaozi_node.versioning import signing
from jiaozi_node.versioning import tag as tags
from jiaozi_node.versioning.commit import Commit
from jiaozi_node.versioning.signing import Ed25519Signer, Verdict
from jiaozi_node.versioning.tag import Tag
from tests.versioning import histories
from tests.versioning.histories import ADA, OTHER, TREE

ONE, TWO = (Ed25519Signer.of(PrivateKey(bytes([n]) * 32)) for n in (1, 2))
ROOT = Commit(TREE, (), "unixfs-v1-2025", ADA, 0, "", 1)


def verdicts(value: Commit | Tag) -> list[Verdict]:
    return [verdict for _one, verdict in signing.verify(value)]


@settings(max_examples=10)
@given(histories.any_commits())
def test_what_two_sign_verifies_after_a_round_trip(commit: Commit) -> None:
    signed = commits.decode(commits.encode(signing.sign(commit, [TWO, ONE])))
    assert [one.key for one in signed.sig] == sorted([ONE.key, TWO.key])
    assert verdicts(signed) == [Verdict.GOOD, Verdict.GOOD]


@pytest.mark.parametrize(
    "tampered",
    [{"message": "x"}, {"time": 1}, {"extra": {"x": 1}}, {"meta": {"x": 1}}, {"tz": 0}],
    ids=str,
)
def test_a_tampered_field_makes_the_signature_bad(tampered: dict[str, object]) -> None:
    signed = signing.sign(ROOT, [ONE])
    assert verdicts(signed) == [Verdict.GOOD]
    assert verdicts(replace(signed, **tampered)) == [Verdict.BAD]  # type: ignore[arg-type]


def test_a_signature_of_another_key_is_bad() -> None:
    signed = signing.sign(ROOT, [ONE])
    forged = replace(signed, sig=(replace(signed.sig[0], key=TWO.key),))
    assert verdicts(forged) == [Verdict.BAD]


def test_a_key_that_is_no_key_makes_the_signature_bad() -> None:
    signed = signing.sign(ROOT, [ONE])
    forged = replace(signed, sig=(replace(signed.sig[0], key="did:key:z6Mk0OIl"),))
    assert verdicts(forged) == [Verdict.BAD]


def test_a_signature_moved_from_a_commit_to_a_tag_is_bad() -> None:
    tag = Tag(OTHER, TREE, "v1", ADA, 0, "")
    signed = signing.sign(tag, [ONE])
    assert verdicts(signed) == [Verdict.GOOD]
    as_commit = signing.signing_bytes(commits.TYPE, tags.to_map(tag))
    moved = replace(signed, sig=(replace(signed.sig[0], sig=ONE.sign(as_commit)),))
    assert verdicts(moved) == [Verdict.BAD]


def test_an_algorithm_that_we_do_not_know_is_never_good() -> None:
    signed = signing.sign(ROOT, [ONE])
    other = replace(signed, sig=(replace(signed.sig[0], alg="ed448"),))
    assert verdicts(other) == [Verdict.UNKNOWN]


def test_signing_again_replaces_what_was_there() -> None:
    twice = signing.sign(signing.sign(ROOT, [ONE]), [TWO])
    assert [one.key for one in twice.sig] == [TWO.key]
    assert verdicts(twice) == [Verdict.GOOD]
    assert signing.verify(ROOT) == ()


def test_seventeen_signers_are_too_many() -> None:
    with pytest.raises(LimitExceeded):
        signing.sign(ROOT, [ONE] * 17)
