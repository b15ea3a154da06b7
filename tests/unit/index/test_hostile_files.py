# SPDX-License-Identifier: Apache-2.0
"""A file whose checksums are right and whose content is not is refused; it neither crashes nor hides a row."""

import gc
import hashlib
import json
import weakref

import numpy as np
import pytest

from vigie import kernels
from vigie.index import exact, hamming, live, snapshot
from vigie.index.exact import ExactIndex
from vigie.index.hamming import HammingIndex
from vigie.index.snapshot import DamagedFileError

needs_kernels = pytest.mark.skipif(kernels.library() is None, reason="no kernels on this platform")


def opened(sections, prefix):
    named = {f"{prefix}.{name}": array for name, array in sections.items()}
    return snapshot.open_bytes(snapshot.to_bytes(kind="test", meta={}, sections=named), kind="test")


@pytest.fixture(scope="module")
def near():
    """Sections with a plan, and with overflowing groups: half of the rows are near one value."""
    rng = np.random.default_rng(1)
    values = rng.integers(0, 256, (21_000, 32), dtype=np.uint8)
    values[::2] = values[0]
    values[::2, ::3] ^= rng.integers(0, 2, (10_500, 11), dtype=np.uint8)
    return hamming.build(values)[0]


@pytest.fixture(scope="module")
def sections():
    return exact.build(np.random.default_rng(2).integers(0, 256, (5000, 20), dtype=np.uint8))[0]


def with_plan(near, change):
    plan = near["plan"].copy()
    change(plan)
    return near | {"plan": plan}


def set_to(row, column, value):
    def change(plan):
        plan[row, column] = value

    return change


@needs_kernels
class TestPlans:
    @pytest.mark.parametrize(
        "change",
        [
            set_to(0, 0, 1),
            set_to(1, 0, 0),
            set_to(0, 0, -1),
            set_to(-1, 0, 256),
            set_to(0, 1, 0),
            set_to(0, 1, 64),
            set_to(0, 1, -(2**63)),
            set_to(0, 2, -1),
            set_to(0, 2, 4),
            set_to(0, 2, 2**62),
            set_to(slice(None), 2, 0),
            set_to(slice(None), 1, 5),
        ],
    )
    def test_a_plan_that_misses_rows_or_leaves_the_tables_is_refused(self, near, change):
        with pytest.raises(DamagedFileError):
            HammingIndex(opened(with_plan(near, change), "near"), "near")

    def test_a_radius_too_few_for_the_pigeonhole_is_refused(self, near):
        plan = near["plan"].copy()
        while (plan[:, 2] + 1).sum() > hamming.MAX_DISTANCE_BITS:
            plan[np.argmax(plan[:, 2]), 2] -= 1
        with pytest.raises(DamagedFileError):
            HammingIndex(opened(near | {"plan": plan}, "near"), "near")

    def test_a_plan_without_its_last_chunk_is_refused(self, near):
        with pytest.raises(DamagedFileError):
            HammingIndex(opened(near | {"plan": near["plan"][:-1]}, "near"), "near")

    @pytest.mark.parametrize(
        "plan",
        [
            np.full((3, 3), np.nan),
            np.zeros(4, np.int64),
            np.zeros((1, 3), np.int32),
            np.zeros((0, 2), np.int64),
            np.zeros((10_000, 3), np.int64),
        ],
    )
    def test_what_is_no_plan_is_refused(self, near, plan):
        with pytest.raises(DamagedFileError):
            HammingIndex(opened(near | {"plan": plan}, "near"), "near")


@needs_kernels
class TestNearSections:
    @pytest.mark.parametrize("name", ["bases0", "ends0", "ids1", "overflow0", "ends3", "values"])
    def test_a_section_of_another_shape_or_type_is_refused(self, near, name):
        array = near[name]
        hollow = np.empty((len(array), 0), array.dtype)
        wrong = [hollow, array[:-1], array.astype(np.uint64), array.reshape(-1, 1), array.reshape(1, -1)]
        for other in wrong[:1] + wrong[2:] if name == "overflow0" else wrong:
            with pytest.raises(DamagedFileError):
                HammingIndex(opened(near | {name: other}, "near"), "near")
        with pytest.raises(DamagedFileError):
            HammingIndex(opened({key: kept for key, kept in near.items() if key != name}, "near"), "near")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("bases0", 0xFFFFFFFF),
            ("bases0", 0x80000000 | 100_000),
            ("bases0", 0x7FFFFFFF),
            ("bases2", 0xFFFFFFFF),
            ("bases2", 21_000),
            ("ids1", 21_000),
            ("ids1", 0xFFFFFFFF),
            ("overflow0", 0xFFFFFFFF),
            ("overflow1", 0x10000000),
        ],
    )
    def test_a_number_that_leads_outside_is_refused_by_the_search(self, near, name, value):
        array = near[name].copy()
        array.ravel()[1::2] = value
        index = HammingIndex(opened(near | {name: array}, "near"), "near")
        with pytest.raises(DamagedFileError):
            index.search(near["values"][::50], max_distance_bits=31)

    def test_groups_that_overflow_into_an_empty_table_are_refused(self, near):
        for number in range(len(near["plan"])):
            name = f"overflow{number}"
            assert len(near[name])
            index = HammingIndex(opened(near | {name: near[name][:0]}, "near"), "near")
            with pytest.raises(DamagedFileError):
                index.search(near["values"], max_distance_bits=31)

    def test_noise_in_any_table_ends_in_an_answer_or_a_refusal(self, near):
        rng = np.random.default_rng(7)
        names = [name for name in near if name not in ("plan", "values")]
        for _ in range(60):
            name = names[rng.integers(len(names))]
            noise = rng.integers(0, 256, near[name].nbytes, dtype=np.uint8)
            index = HammingIndex(
                opened(near | {name: noise.view(near[name].dtype).reshape(near[name].shape)}, "n"), "n"
            )
            try:
                found = index.search(near["values"][:5], max_distance_bits=31)
            except DamagedFileError:
                continue
            assert (found.row < len(near["values"])).all()


class TestExactSections:
    @pytest.mark.parametrize(
        "change",
        [
            {"table": np.empty((2049, 0), np.uint32)},
            {"table": np.empty(0, np.uint32)},
            {"table": np.zeros(1, np.uint32)},
            {"table": np.zeros(2050, np.uint32)},
            {"table": np.zeros((2049, 1), np.uint32)},
            {"table": np.zeros(2049, np.float32)},
            {"rows": np.empty((5000, 0), np.uint8)},
            {"rows": np.zeros((5000, 20), np.uint64)},
            {"rows": np.zeros(5000, np.uint8)},
            {"rows": np.zeros((5000, 3), np.uint8)},
        ],
    )
    def test_a_section_of_another_shape_or_type_is_refused(self, sections, change):
        with pytest.raises(DamagedFileError):
            ExactIndex(opened(sections | change, "e"), "e")

    @needs_kernels
    @pytest.mark.parametrize("value", [5001, 0xFFFFFFFF])
    def test_a_bucket_that_ends_outside_is_refused_by_the_look_up(self, sections, value):
        table = sections["table"].copy()
        table[1::2] = value
        index = ExactIndex(opened(sections | {"table": table}, "e"), "e")
        with pytest.raises(DamagedFileError):
            index.lookup(sections["rows"])


class TestHeaders:
    @pytest.mark.parametrize(
        "header",
        [
            b"[1]",
            b"3",
            b'"x"',
            b"null",
            b"[" * 100_000,
            b"9" * 5000,
            b"\xff\xfe",
        ],
    )
    def test_what_is_no_header_is_refused(self, header):
        with pytest.raises(DamagedFileError):
            snapshot.open_bytes(sealed(header), kind="test")

    @pytest.mark.parametrize(
        "shape",
        [
            [],
            [0, 2**70],
            [0, 2**62, 2**62],
            [1] * 100,
            [-1, -1],
            [-1, 0],
            [2**63],
            [1.5],
            [None],
        ],
    )
    @pytest.mark.parametrize("dtype", ["|u1", "<i8"])
    def test_a_shape_that_cannot_be_is_refused(self, shape, dtype):
        with pytest.raises(DamagedFileError):
            snapshot.open_bytes(with_section({"dtype": dtype, "shape": shape, "offset": 0}), kind="test")

    @pytest.mark.parametrize("offset", [-4096, 1, 8192, 2**70, 4096])
    def test_a_section_that_lies_elsewhere_is_refused(self, offset):
        with pytest.raises(DamagedFileError):
            snapshot.open_bytes(with_section({"dtype": "|u1", "shape": [4096], "offset": offset}), kind="test")


def sealed(header, blocks=b""):
    """Return a file with this header, its checksum right."""
    prefix = snapshot._PREFIX.pack(b"VIGIESNP", 1, len(header), hashlib.sha256(header).digest(), 0)
    table = b"".join(
        hashlib.sha256(blocks[start : start + 4096]).digest()[:16] for start in range(0, len(blocks), 4096)
    )
    return (prefix + header).ljust(4096, b"\0") + blocks + table


def with_section(section):
    blocks = bytes(4096)
    table = hashlib.sha256(blocks).digest()[:16]
    fields = {
        "kind": "test",
        "meta": {},
        "sections": {"a": section},
        "first_block": 4096,
        "blocks": 1,
        "table_sha256": hashlib.sha256(table).hexdigest(),
        "signature_bytes": 0,
    }
    return sealed(json.dumps(fields).encode(), blocks)


@needs_kernels
class TestGuard:
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_a_check_that_breaks_off_never_counts_as_passed(self):
        rows = np.random.default_rng(3).integers(0, 256, (50_000, 32), dtype=np.uint8)
        sections = exact.build(rows)[0]
        file = opened(sections, "e")
        genuine, asked = file._answer, []

        def breaks_off_every_second_time(block):
            asked.append(block)
            if len(asked) % 2:
                return genuine(block)
            raise MemoryError

        file.guard = kernels.guard(
            base=file.guard.base, blocks=file.guard.blocks, seen=file.guard.seen, check=breaks_off_every_second_time
        )
        index = ExactIndex(file, "e")
        for at in range(0, 50_000, 1000):
            before = len(asked)
            broke_off = False
            try:
                index.lookup(sections["rows"][at : at + 1])
            except DamagedFileError:
                broke_off = True
            assert broke_off == any(number % 2 for number in range(before, len(asked)))

    def test_a_snapshot_is_let_go_as_soon_as_nobody_holds_it(self):
        gc.disable()
        try:
            file = opened({"a": np.arange(10)}, "x")
            gone = weakref.ref(file)
            del file
            assert gone() is None
        finally:
            gc.enable()


class TestComparingRowByRow:
    @pytest.mark.parametrize("shape", [(10, 16), (10, 0), (320,)])
    def test_refuses_values_of_another_width(self, shape):
        right = np.zeros((3, 32), np.uint8)
        with pytest.raises(hamming.WrongShapeError):
            hamming.brute_force(np.zeros(shape, np.uint8), right, max_distance_bits=31)
        with pytest.raises(hamming.WrongShapeError):
            hamming.brute_force(right, np.zeros(shape, np.uint8), max_distance_bits=31)


class TestLiveFiles:
    @pytest.mark.parametrize(
        "items", [np.arange(3), np.arange(5.0), np.arange(10).reshape(5, 2), np.empty((5, 0), int)]
    )
    @pytest.mark.parametrize("base", [live.NearBase, live.ExactBase])
    def test_items_that_do_not_go_with_the_rows_are_refused(self, tmp_path, base, items):
        sections, _ = base.build(np.zeros((5, 32), np.uint8))
        path = tmp_path / "live"
        snapshot.write(path, kind=live.KIND, meta={}, sections=sections | {"items": items})
        with pytest.raises(DamagedFileError):
            live.LiveIndex(path, base=base)
