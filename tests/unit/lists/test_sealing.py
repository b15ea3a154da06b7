# SPDX-License-Identifier: Apache-2.0
import pytest
from pyrage import x25519

from vigie.lists import sealing


@pytest.fixture
def keys(tmp_path):
    sealing.make_keys(tmp_path / "private", public_path=tmp_path / "public")
    return tmp_path / "private", tmp_path / "public"


class TestKeys:
    def test_a_pair_signs_and_checks(self, keys):
        signature = sealing.signer(keys[0])(b"header")
        sealing.checker([keys[1]])(b"header", signature)

    def test_the_private_key_is_readable_by_its_owner_alone(self, keys):
        assert keys[0].stat().st_mode & 0o777 == 0o600

    def test_a_key_is_never_written_over(self, keys, tmp_path):
        before = keys[0].read_bytes()
        with pytest.raises(sealing.KeyExistsError):
            sealing.make_keys(keys[0], public_path=tmp_path / "other")
        with pytest.raises(sealing.KeyExistsError):
            sealing.make_keys(tmp_path / "other", public_path=keys[1])
        assert keys[0].read_bytes() == before
        assert not (tmp_path / "other").exists()

    @pytest.mark.parametrize(
        "content",
        [b"", b"\xff\x00", b"vigie-ed25519-public-key", b"vigie-ed25519-public-key:AAAA", b"vigie-ed25519-public-key:?",
         b"vigie-ed25519-private-key:" + b"A" * 43 + b"=", b"x" * 100_000],
    )  # fmt: skip
    def test_refuses_what_is_not_a_public_key(self, content, tmp_path):
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(sealing.MalformedKeyError):
            sealing.checker([tmp_path / "key"])

    def test_a_public_key_does_not_sign(self, keys):
        with pytest.raises(sealing.MalformedKeyError):
            sealing.signer(keys[1])


class TestChecker:
    def test_any_of_several_keys_will_do(self, keys, tmp_path):
        sealing.make_keys(tmp_path / "b", public_path=tmp_path / "b.public")
        sealing.checker([tmp_path / "b.public", keys[1]])(b"header", sealing.signer(keys[0])(b"header"))

    def test_refuses_no_signature(self, keys):
        with pytest.raises(sealing.UnsignedListError):
            sealing.checker([keys[1]])(b"header", b"")

    def test_refuses_another_issuer_and_altered_content(self, keys, tmp_path):
        sealing.make_keys(tmp_path / "b", public_path=tmp_path / "b.public")
        signature = sealing.signer(keys[0])(b"header")
        with pytest.raises(sealing.UnknownIssuerError):
            sealing.checker([tmp_path / "b.public"])(b"header", signature)
        with pytest.raises(sealing.UnknownIssuerError):
            sealing.checker([keys[1]])(b"Header", signature)
        with pytest.raises(sealing.UnknownIssuerError):
            sealing.checker([keys[1]])(b"header", signature[:-1])

    def test_no_key_trusts_nobody(self, keys):
        with pytest.raises(sealing.UnknownIssuerError):
            sealing.checker([])(b"header", sealing.signer(keys[0])(b"header"))


class TestEncryption:
    def test_recipients_open_it_and_nobody_else(self):
        one, other = x25519.Identity.generate(), x25519.Identity.generate()
        sealed = sealing.encrypter(recipients=[str(one.to_public())])(b"a list")
        assert sealing.decrypter(identities=[str(one)])(sealed) == b"a list"
        with pytest.raises(sealing.CannotDecryptError):
            sealing.decrypter(identities=[str(other)])(sealed)

    def test_a_passphrase_opens_it(self):
        sealed = sealing.encrypter(passphrase="correct horse")(b"a list")
        assert sealing.decrypter(passphrase="correct horse")(sealed) == b"a list"
        with pytest.raises(sealing.CannotDecryptError):
            sealing.decrypter(passphrase="wrong")(sealed)

    def test_what_was_altered_or_cut_does_not_open(self):
        one = x25519.Identity.generate()
        sealed = sealing.encrypter(recipients=[str(one.to_public())])(b"a list")
        for broken in (sealed[:-1], sealed[:40], sealed[:-1] + bytes([sealed[-1] ^ 1]), b""):
            with pytest.raises(sealing.CannotDecryptError):
                sealing.decrypter(identities=[str(one)])(broken)

    @pytest.mark.parametrize(
        "given", [{}, {"passphrase": ""}, {"recipients": ["age1x"], "passphrase": "x"}, {"recipients": ["x"]}]
    )
    def test_refuses_keys_that_are_none(self, given):
        with pytest.raises(sealing.MalformedKeyError):
            sealing.encrypter(**given)

    @pytest.mark.parametrize(
        "given", [{}, {"identities": ["AGE-SECRET-KEY-1X"]}, {"identities": ["x"], "passphrase": "x"}]
    )
    def test_refuses_identities_that_are_none(self, given):
        with pytest.raises(sealing.MalformedKeyError):
            sealing.decrypter(**given)
