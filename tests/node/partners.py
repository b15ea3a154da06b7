# SPDX-License-Identifier: Apache-2.0
"""Partners for the tests of the node: organisations, keys, values and pictures, all benign and made here."""

import io
from datetime import UTC, datetime

import numpy as np
from PIL import Image

from vigie.fingerprints.values import Algorithm
from vigie_node.accounts import actions as accounts
from vigie_node.accounts import key_actions as keys
from vigie_node.accounts import models
from vigie_node.base.actor import COMMAND
from vigie_node.catalogue import actions as catalogue
from vigie_node.catalogue.identity import NewFingerprint
from vigie_node.catalogue.rules import Mode, Policy
from vigie_node.catalogue.states import Grade, Kind
from vigie_node.matching import uploads


def now():
    return datetime.now(UTC)


def organisation(name="A provider", *, country="BE"):
    """Return the organisation of this name; record it if it is not here."""
    found = models.Organisation.objects.filter(name=name).values_list("id", flat=True).first()
    return found or accounts.create_organisation(name, country=country, kind="PROVIDER", by=COMMAND, now=now())


def key(*scopes, of=None, **more):
    """Make a key; its token is `.token`."""
    quota = {"per_minute": 100_000, "values_per_day": 10_000_000, "expires_at": None, **more}
    return keys.create_key(of or organisation(), name="a key", scopes=set(scopes), by=COMMAND, now=now(), **quota)


def value(seed):
    """A balanced value, as real pictures have them: 128 ones, 128 zeros."""
    bits = np.zeros(256, np.uint8)
    bits[np.random.default_rng(seed).permutation(256)[:128]] = 1
    return np.packbits(bits).tobytes()


def moved(fingerprint, bits):
    """The value with so many bits flipped, as many ones as zeros."""
    flat = np.unpackbits(np.frombuffer(fingerprint, np.uint8))
    ones, zeros = np.flatnonzero(flat == 1), np.flatnonzero(flat == 0)
    flat[ones[: (bits + 1) // 2]] = 0
    flat[zeros[: bits // 2]] = 1
    return np.packbits(flat).tobytes()


def picture(seed=3, *, format="PNG", quality=90, size=(640, 480)):
    """The bytes of a picture of coloured patches."""
    small = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    content = io.BytesIO()
    whole = Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)
    whole.save(content, format, **({"quality": quality} if format == "JPEG" else {}))
    return content.getvalue()


def make_list(name="baseline", **policy):
    """Make a list of the node; by default it takes any word and is on."""
    said = Policy(**{"mode": Mode.ON, **policy})
    return catalogue.create_list(name, title=name, policy=said, reason="a test", by=COMMAND, now=now())


def say(depiction, *, scheme="inhope", label="baseline", by="hotline one"):
    """Record a word about a depiction and return its id."""
    source = catalogue.record_source(by, country="BE", organisation_id=None, by=COMMAND, now=now())
    return catalogue.record_assertion(
        depiction, source_id=source, scheme=scheme, label=label, facts={}, ground=Grade.SEEN, asserted_at=now(),
        by=COMMAND, now=now(),
    )  # fmt: skip


def know(*fingerprints, **word):
    """Record a depiction and a word about it; return both ids."""
    made = [NewFingerprint(algorithm, content) for algorithm, content in fingerprints]
    depiction = catalogue.record_depiction(made, kind=Kind.PICTURE, by=COMMAND, now=now())
    return depiction, say(depiction, **word)


def know_picture(content, *, exact=True, also=(), **word):
    """Record a picture by its fingerprints, with or without its digests, and a word about it."""
    found = uploads.examine(content)
    stored = next(one for one in found.questions if one.algorithm is Algorithm.PDQ)
    prints = [(Algorithm.PDQ, stored.value)]
    if exact:
        prints += [(Algorithm.SHA256, found.digests.sha256), (Algorithm.SHA1, found.digests.sha1)]
    return know(*prints, *also, **word)
