# SPDX-License-Identifier: Apache-2.0
"""The texts of keys and enrolment links, and the encryption of second factors."""

import hashlib
import re

import pytest

from vigie_node.accounts import factor_secrets, tokens


class TestKey:
    def test_has_a_prefix_and_256_random_bits(self):
        made = tokens.new_key()
        assert re.fullmatch(r"vk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", made.text)
        assert tokens.key_prefix(made.text) == made.prefix
        assert made.sha256 == hashlib.sha256(made.text.encode()).digest()

    def test_is_never_the_same_twice(self):
        assert len({tokens.new_key().text for _ in range(100)}) == 100

    def test_is_not_shown_by_its_repr(self):
        made = tokens.new_key()
        assert made.text not in repr(made)
        assert str(made.sha256) not in repr(made)

    @pytest.mark.parametrize(
        "text", ["", "vk_", "vk_0123abcd_short", "vk_0123ABCD_" + "a" * 43, " vk_0123abcd_" + "a" * 43]
    )
    def test_of_another_shape_is_none(self, text):
        assert tokens.key_prefix(text) is None

    def test_is_recognised_by_its_hash_only(self):
        made, other = tokens.new_key(), tokens.new_key()
        assert tokens.is_same(made.text, made.sha256)
        assert not tokens.is_same(other.text, made.sha256)
        assert not tokens.is_same("", made.sha256)


class TestLink:
    def test_is_found_in_whatever_was_pasted(self):
        text = tokens.new_link().text
        for pasted in (text, f"  {text}\n", f"https://node.example{tokens.enrolment_path(text)}"):
            assert tokens.link_token(pasted) == text

    def test_stands_after_the_hash_sign_which_no_server_sees(self):
        assert tokens.enrolment_path("vl_x").partition("#") == ("/enrol", "#", "vl_x")

    @pytest.mark.parametrize("text", ["", "vl_", "https://node.example/enrol", "vk_" + "a" * 43])
    def test_is_none_in_anything_else(self, text):
        assert tokens.link_token(text) is None


class TestSecrets:
    def test_come_back(self):
        assert factor_secrets.decrypt(factor_secrets.encrypt("JBSWY3DP", keys="k1"), keys="k1") == "JBSWY3DP"

    def test_are_not_seen_and_never_equal(self):
        written = {factor_secrets.encrypt("JBSWY3DP", keys="k1") for _ in range(3)}
        assert len(written) == 3
        assert all("JBSWY3DP" not in one for one in written)

    def test_a_new_key_in_front_still_reads_the_old(self):
        assert factor_secrets.decrypt(factor_secrets.encrypt("S", keys="old"), keys="new, old") == "S"

    def test_another_key_reads_nothing(self):
        with pytest.raises(factor_secrets.UnreadableSecretError):
            factor_secrets.decrypt(factor_secrets.encrypt("S", keys="one"), keys="other")

    @pytest.mark.parametrize("written", ["", "S", "gAAAA"])
    def test_what_was_never_encrypted_is_refused(self, written):
        with pytest.raises(factor_secrets.UnreadableSecretError):
            factor_secrets.decrypt(written, keys="k")

    @pytest.mark.parametrize("keys", ["", " , "])
    def test_without_a_key_nothing_is_written(self, keys):
        with pytest.raises(factor_secrets.NoFieldKeyError):
            factor_secrets.encrypt("S", keys=keys)
