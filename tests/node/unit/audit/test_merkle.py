# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie_node.audit import merkle

# The known tree of RFC 6962 implementations (the reference tests of Certificate Transparency): eight leaves.
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = [(0, 8, [A, B, C]), (5, 8, [D, E, ROOTS[4]]), (2, 3, [ROOTS[2]]), (1, 5, [ROOTS[1], B, D]), (0, 1, [])]
CONSISTENCY = [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, ROOTS[4]]), (2, 5, [B, D])]

HASHES = [merkle.leaf_hash(one) for one in LEAVES]


def slices(leaves):
    return lambda start, end: leaves[start:end]


def defined_root(leaves):
    """The definition itself: RFC 9162, section 2.1.1."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else merkle.EMPTY_ROOT
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


class TestKnownTree:
    @pytest.mark.parametrize("size", range(9))
    def test_has_the_known_roots(self, size):
        assert merkle.root_of(HASHES[:size]).hex() == ROOTS[size]

    @pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
    def test_has_the_known_inclusion_proofs(self, index, size, path):
        found = merkle.proof(merkle.inclusion_ranges(index, size), leaves=slices(HASHES))
        assert [one.hex() for one in found] == path
        root = bytes.fromhex(ROOTS[size])
        merkle.check_inclusion(HASHES[index], index=index, size=size, path=found, root=root)

    @pytest.mark.parametrize(("old", "size", "path"), CONSISTENCY)
    def test_has_the_known_consistency_proofs(self, old, size, path):
        found = merkle.proof(merkle.consistency_ranges(old, size), leaves=slices(HASHES))
        assert [one.hex() for one in found] == path
        old_root, root = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[size])
        merkle.check_consistency(old_size=old, old_root=old_root, size=size, root=root, path=found)


class TestFrontier:
    @given(st.lists(st.binary(max_size=4), max_size=70), st.integers(0, 70))
    def test_goes_on_from_any_point_to_the_root_as_defined(self, records, cut):
        leaves = [merkle.leaf_hash(one) for one in records]
        early = merkle.Frontier().append(leaves[:cut])
        kept = merkle.Frontier.from_bytes(early.size, early.to_bytes())
        assert kept.append(leaves[cut:]).root() == defined_root(leaves)

    @pytest.mark.parametrize(("size", "packed"), [(3, bytes(32)), (0, bytes(32)), (-1, b""), (1, bytes(31))])
    def test_refuses_what_is_no_frontier_of_that_size(self, size, packed):
        with pytest.raises(ValueError, match="no frontier"):
            merkle.Frontier.from_bytes(size, packed)

    def test_is_a_value(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            merkle.Frontier().size = 1


@st.composite
def trees(draw):
    size = draw(st.integers(1, 70))
    return [merkle.leaf_hash(bytes([one])) for one in range(size)], draw(st.integers(0, size - 1))


class TestProofs:
    @given(trees())
    def test_show_every_leaf_at_its_place_and_nowhere_else(self, tree):
        leaves, index = tree
        size, root = len(leaves), defined_root(leaves)
        path = merkle.proof(merkle.inclusion_ranges(index, size), leaves=slices(leaves))
        merkle.check_inclusion(leaves[index], index=index, size=size, path=path, root=root)
        for wrong in range(size):
            if wrong != index:
                with pytest.raises(merkle.FalseProofError):
                    merkle.check_inclusion(leaves[index], index=wrong, size=size, path=path, root=root)

    @given(trees())
    def test_show_that_a_tree_only_grew(self, tree):
        leaves, index = tree
        old, size = index + 1, len(leaves)
        path = merkle.proof(merkle.consistency_ranges(old, size), leaves=slices(leaves))
        roots = {"old_root": defined_root(leaves[:old]), "root": defined_root(leaves)}
        merkle.check_consistency(old_size=old, size=size, path=path, **roots)

    @given(trees(), st.integers(0, 255))
    def test_fail_when_an_earlier_leaf_was_altered(self, tree, bit):
        leaves, index = tree
        old, size = index + 1, len(leaves)
        altered = list(leaves)
        altered[bit % old] = merkle.leaf_hash(b"altered")
        path = merkle.proof(merkle.consistency_ranges(old, size), leaves=slices(altered))
        with pytest.raises(merkle.FalseProofError):
            merkle.check_consistency(
                old_size=old, old_root=defined_root(leaves[:old]), size=size, root=defined_root(altered), path=path
            )

    @given(trees(), st.integers(0, 200))
    def test_fail_when_a_hash_was_changed_dropped_or_added(self, tree, place):
        leaves, index = tree
        size, root = len(leaves), defined_root(leaves)
        path = merkle.proof(merkle.inclusion_ranges(index, size), leaves=slices(leaves))
        longer = [*path, bytes(32)]
        changed = [bytes(32) if at == place % max(len(path), 1) else one for at, one in enumerate(path)]
        for false in [longer, path[:-1] if path else longer, changed if path else longer]:
            with pytest.raises(merkle.FalseProofError):
                merkle.check_inclusion(leaves[index], index=index, size=size, path=false, root=root)

    @pytest.mark.parametrize(("old", "size"), [(0, 1), (2, 1)])
    def test_are_not_made_of_nothing(self, old, size):
        with pytest.raises(ValueError, match="no such proof"):
            merkle.consistency_ranges(old, size)
        with pytest.raises(merkle.FalseProofError):
            merkle.check_consistency(old_size=old, old_root=b"", size=size, root=b"", path=[])

    def test_of_two_heads_of_one_size_want_equal_roots(self):
        with pytest.raises(merkle.FalseProofError):
            merkle.check_consistency(old_size=3, old_root=b"a", size=3, root=b"b", path=[])

    @pytest.mark.parametrize("index", [-1, 3])
    def test_of_a_place_outside_the_tree_are_refused(self, index):
        with pytest.raises(ValueError, match="no such leaf"):
            merkle.inclusion_ranges(index, 3)
        with pytest.raises(merkle.FalseProofError):
            merkle.check_inclusion(b"", index=index, size=3, path=[], root=b"")

    def test_that_are_empty_show_no_growth(self):
        with pytest.raises(merkle.FalseProofError):
            merkle.check_consistency(old_size=3, old_root=bytes(32), size=5, root=bytes(32), path=[])

    def test_that_are_too_long_show_no_growth(self):
        path = [*merkle.proof(merkle.consistency_ranges(3, 8), leaves=slices(HASHES)), bytes(32)]
        with pytest.raises(merkle.FalseProofError):
            merkle.check_consistency(
                old_size=3, old_root=bytes.fromhex(ROOTS[3]), size=8, root=bytes.fromhex(ROOTS[8]), path=path
            )
