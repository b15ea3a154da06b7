# SPDX-License-Identifier: Apache-2.0
"""The rules of matching written down once more, without arrays, indexes or files: what the matcher is compared with."""

import functools
import statistics

from vigie.fingerprints import gates, video
from vigie.fingerprints.gates import Gate
from vigie.fingerprints.messages import Picture
from vigie.fingerprints.values import TURNS, Algorithm
from vigie.fingerprints.video import FrameSpan
from vigie.lists.entries import Role
from vigie.matching.verdicts import Match, Outcome, TimeRanges

ORDER = list(Algorithm)


def distance(one, other):
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@functools.cache
def static_gate(value):
    weight = int.from_bytes(value).bit_count()
    if not gates.WEIGHT_BAND_BITS[0] <= weight <= gates.WEIGHT_BAND_BITS[1]:
        return Gate.UNBALANCED
    near = any(distance(value, bytes(one)) <= gates.NEGATIVE_RADIUS_BITS for one in gates.built_in().values)
    return Gate.NEGATIVE if near else None


class Naive:
    """Lists are pairs of what a list says of itself and its entries."""

    def __init__(self, lists):
        self.lists = [one for one in lists if not one[0].policy.negative]
        self.negatives = [one for one in lists if one[0].policy.negative]

    def answer(self, what, digests):
        if any(entry.sha256 == digests.sha256 for _, entries in self.negatives for entry in entries):
            return Outcome.GATED, ()
        known = {}
        for place, (info, entries) in enumerate(self.lists):
            known |= {(place, number): found for number, found in self.known(info, entries, digests).items()}
        found = dict(known)
        queries, frames = self.queries(what)
        for place, (info, entries) in enumerate(self.lists):
            for number, entry in enumerate(entries):
                if (place, number) not in known:
                    grounds = self.near(info, entry, queries, frames)
                    if grounds:
                        found[place, number] = self.match(info, entry, **grounds)
        matches = [found[key] for key in sorted(found, key=lambda key: self.rank(key, found[key]))]
        if known:
            return Outcome.KNOWN, tuple(matches)
        if matches:
            return Outcome.NEAR, tuple(matches)
        lowest = min((info.policy.min_quality for info, _ in self.lists if self.is_perceptual(info)), default=50)
        values = queries + frames
        if all(gate is not None or quality < lowest for _, gate, quality, *_ in values):
            return Outcome.GATED, ()
        return Outcome.UNKNOWN, ()

    @staticmethod
    def is_perceptual(info):
        return info.policy.uses(Algorithm.PDQ) or info.policy.uses(Algorithm.PDQ_FRAMES)

    @staticmethod
    def rank(key, match):
        return (
            match.distance_bits is not None, key[0], match.distance_bits or 0, match.depiction,
            ORDER.index(match.algorithm), match.transform or "", match.scheme or "", match.label or "",
            match.asserted_by, match.asserted_at, key[1],
        )  # fmt: skip

    @staticmethod
    def match(info, entry, **grounds):
        return Match(
            list=info.name, list_version=info.version, depiction=entry.depiction, scheme=entry.claim.scheme,
            label=entry.claim.label, asserted_by=entry.claim.asserted_by, asserted_at=entry.asserted_at, **grounds,
        )  # fmt: skip

    def known(self, info, entries, digests):
        own = {Algorithm.SHA256: digests.sha256, Algorithm.SHA1: digests.sha1, Algorithm.MD5: digests.md5}
        found = {}
        for algorithm, value in own.items():
            if not info.policy.uses(algorithm):
                continue
            holders = [number for number, entry in enumerate(entries) if entry.digest(algorithm) == value]
            contradicted = any(
                entries[number].digest(beside) not in {None, other}
                for number in holders
                for beside, other in own.items()
            )
            if algorithm is Algorithm.SHA256 or not contradicted:
                for number in holders:
                    weak = algorithm is not Algorithm.SHA256
                    claim = self.match(info, entries[number], algorithm=algorithm, collision_prone=weak)
                    found.setdefault(number, claim)
        return found

    def queries(self, what):
        """Every view as (turns, gate, quality, transforms), of the picture and of its frames."""
        is_tiny = min(what.width_px, what.height_px) < 64
        sides = []
        if isinstance(what, Picture):
            for value, count, border in (
                (what.stored, 8, ""),
                (what.upright, 1, ""),
                (what.borderless, 8, "border-removed"),
                (what.on_black, 1, ""),
            ):
                if value is not None:
                    sides.append(self.view(value, count, border, is_tiny))
        return sides, [(*self.view(frame.value, 8, "", is_tiny), frame) for frame in what.frames]

    def view(self, value, count, border, is_tiny):
        turns = [value.turns[32 * turn : 32 * turn + 32] for turn in range(count)]
        names = [turn.value for turn in TURNS]
        if border:
            names = [border] + [f"{border}-{name}" for name in names[1:]]
        gate = Gate.TINY if is_tiny else static_gate(turns[0]) or self.negative_gate(turns)
        return turns, gate, value.quality, names

    def negative_gate(self, turns):
        for info, entries in self.negatives:
            for entry in entries:
                for listed in (*entry.values, *entry.frames):
                    for turn in turns if info.policy.turns else turns[:1]:
                        if distance(turn, listed.pdq) <= info.policy.threshold_bits:
                            return Gate.NEGATIVE_LIST
        return None

    def listed_counts(self, info, listed):
        is_low = listed.quality is not None and listed.quality < info.policy.min_quality
        return not is_low and static_gate(listed.pdq) is None and self.negative_gate([listed.pdq]) is None

    def hits(self, info, view, listed):
        """(distance, turn number) of each turn of a view within the threshold of a listed value."""
        turns, gate, quality, *_ = view
        if gate is not None or quality < info.policy.min_quality or not self.listed_counts(info, listed):
            return []
        asked = turns if info.policy.turns else turns[:1]
        found = [(distance(turn, listed.pdq), number) for number, turn in enumerate(asked)]
        return [one for one in found if one[0] <= info.policy.threshold_bits]

    def near(self, info, entry, queries, frames):
        uses_pictures, uses_frames = info.policy.uses(Algorithm.PDQ), info.policy.uses(Algorithm.PDQ_FRAMES)
        return (
            (uses_pictures and self.picture_of_picture(info, entry, queries))
            or (uses_frames and self.video_of_video(info, entry, frames))
            or (uses_pictures and self.frames_of_picture(info, entry, frames))
            or (uses_frames and self.still_of_video(info, entry, queries))
            or None
        )

    def picture_of_picture(self, info, entry, queries):
        found = []
        for listed in entry.values:
            for place, view in enumerate(queries):
                for bits, turn in self.hits(info, view, listed):
                    name = view[3][turn]
                    if listed.role is Role.BORDERLESS and not name.startswith("border"):
                        name = "border-removed" if name == "none" else f"border-removed-{name}"
                    found.append((bits, place, turn, list(Role).index(listed.role), name))
        if not found:
            return None
        bits, *_, name = min(found)
        return {"algorithm": Algorithm.PDQ, "distance_bits": bits, "transform": name}

    def spans(self, info, entry):
        return [
            FrameSpan(one.at_ms / 1000, one.until_ms / 1000, one.pdq, counts=self.listed_counts(info, one))
            for one in entry.frames
        ]

    def still_of_video(self, info, entry, queries):
        found = [
            (bits, place, turn, number)
            for number, listed in enumerate(entry.frames)
            for place, view in enumerate(queries)
            for bits, turn in self.hits(info, view, listed)
        ]
        if not found:
            return None
        bits, place, turn, _ = min(found)
        pairs = [(0, number) for *_, number in found]
        overlap = video.compare(pairs, query=[FrameSpan(0, 0, b"")], known=self.spans(info, entry))
        return {
            "algorithm": Algorithm.PDQ_FRAMES, "distance_bits": bits, "transform": queries[place][3][turn],
            "share_of_known": overlap.share_of_known, "time_ranges": TimeRanges((), overlap.ranges_known),
        }  # fmt: skip

    def query_spans(self, info, frames):
        return [
            FrameSpan(
                one.at_seconds, one.until_seconds, one.value.pdq, counts=not gate and quality >= info.policy.min_quality
            )
            for _, gate, quality, _, one in frames
        ]

    def video_of_video(self, info, entry, frames):
        best = None
        for turn in range(8):
            pairs = [
                (place, number, bits)
                for place, view in enumerate(frames)
                for number, listed in enumerate(entry.frames)
                for bits, one in self.hits(info, view, listed)
                if one == turn
            ]
            if not pairs:
                continue
            placed = [pair[:2] for pair in pairs]
            overlap = video.compare(placed, query=self.query_spans(info, frames), known=self.spans(info, entry))
            share = max(overlap.share_of_query, overlap.share_of_known)
            if video.suffices(overlap, rule=info.policy.overlap_rule) and (best is None or share > best[0]):
                closest = {}
                for place, _, bits in pairs:
                    closest[place] = min(bits, closest.get(place, 99))
                best = share, {
                    "algorithm": Algorithm.PDQ_FRAMES, "distance_bits": statistics.median_low(closest.values()),
                    "transform": TURNS[turn].value, "share_of_query": overlap.share_of_query,
                    "share_of_known": overlap.share_of_known,
                    "time_ranges": TimeRanges(overlap.ranges_query, overlap.ranges_known),
                }  # fmt: skip
        return best and best[1]

    def frames_of_picture(self, info, entry, frames):
        best = None
        for turn in range(8):
            found = [
                (bits, place)
                for place, view in enumerate(frames)
                for listed in entry.values
                for bits, one in self.hits(info, view, listed)
                if one == turn
            ]
            if found and (best is None or min(found)[0] < best["distance_bits"]):
                overlap = video.compare(
                    [(place, 0) for _, place in found],
                    query=self.query_spans(info, frames),
                    known=[FrameSpan(0, 0, b"")],
                )
                best = {
                    "algorithm": Algorithm.PDQ_FRAMES, "distance_bits": min(found)[0], "transform": TURNS[turn].value,
                    "share_of_query": overlap.share_of_query, "time_ranges": TimeRanges(overlap.ranges_query, ()),
                }  # fmt: skip
        return best
