# SPDX-License-Identifier: Apache-2.0
"""What pages show and no module marks is found all the same."""

import ast

import unmarked
from vigie import labels
from vigie.fingerprints.gates import GATES
from vigie.matching import verdicts


class TestStrings:
    def test_hold_every_label_and_reason(self):
        found = {words for words, _path in unmarked.strings()}
        meanings = {one.meaning for scheme in labels.schemes().values() for one in scheme.codes.values()}
        assert meanings | {scheme.title for scheme in labels.schemes().values()} <= found
        assert {verdicts.gated_reason(gate) for gate in GATES} <= found

    def test_are_each_something_to_say(self):
        assert all(words.strip() for words, _path in unmarked.strings())

    def test_hold_each_named_constant(self):
        assert len(list(unmarked._constants())) == sum(map(len, unmarked.CONSTANTS.values()))


class TestRaised:
    def test_takes_plain_messages_of_our_own_errors_only(self):
        tree = ast.parse("""
def f(name):
    raise LostError("it is gone; send it again")
    raise other.HeldError("somebody has it")
    raise ValueError("a bug")
    raise HeldError(f"{name} has it")
    raise
""")
        assert list(unmarked._raised(tree)) == ["it is gone; send it again", "somebody has it"]
