# SPDX-License-Identifier: Apache-2.0
import io
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.lists.list_building import CLAIM, NOW, digest, entries, flipped, opened, pdq_value, picture_entry
from vigie.fingerprints import gates
from vigie.fingerprints.values import Algorithm, Digests
from vigie.lists import columns, exporting, reading
from vigie.lists.entries import Claim, FrameValue, Kind, Role, derived_depiction
from vigie.lists.reading import AmbiguousHexError, EmptySourceError, RefusedRowsError, UnknownColumnsError
from vigie.lists.rows import Given

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((Path(__file__).parents[3] / "docs/reference/list-entry.schema.json").read_text(encoding="utf-8"))
)
GIVEN = Given(CLAIM, NOW)
MD5 = digest(1, algorithm=Algorithm.MD5).hex()
SHA1 = digest(1, algorithm=Algorithm.SHA1).hex()
SHA256 = digest(1, algorithm=Algorithm.SHA256).hex()
PDQ = pdq_value(1).hex()
BLANK = gates.built_in().values[100].tobytes().hex()
UNBALANCED = "ff" * 20 + "00" * 12


def read(content: bytes | str, *, skip_bad: bool = False, given: Given = GIVEN) -> reading.Reading:
    raw = content.encode() if isinstance(content, str) else content
    return reading.read(io.BytesIO(raw), given=given, skip_bad=skip_bad)


def entries_of(content, **more):
    return list(columns.to_entries(read(content, **more).columns))


def refusals(content) -> list[tuple[int, str]]:
    with pytest.raises(RefusedRowsError) as caught:
        read(content)
    skipped = read(content, skip_bad=True)
    found = caught.value.reading
    assert found.refused_count == skipped.refused_count == len(found.refused)
    assert f"line {found.refused[0].line}" in str(caught.value)
    return [(one.line, one.code.removeprefix("lists.")) for one in found.refused]


class TestExportAndBack:
    @given(st.lists(entries(), max_size=6))
    @settings(max_examples=60)
    def test_loses_nothing_either_way(self, found):
        once = columns.join([columns.of_entries(found)])
        for lines in (exporting.to_json_lines(once), exporting.to_csv(once)):
            content = b"".join(lines)
            if content.count(b"\n") > content.startswith(b"depiction"):
                back = read(content, given=Given(Claim(None, None, "somebody else"), NOW)).columns
                assert list(columns.to_entries(back)) == list(columns.to_entries(once))
                assert opened(columns.to_entries(back)).info.counts == opened(columns.to_entries(once)).info.counts

    @given(entries())
    @settings(max_examples=40)
    def test_json_lines_are_what_the_schema_says(self, entry):
        [line] = exporting.to_json_lines(columns.of_entries([entry]))
        SCHEMA.validate(json.loads(line))


class TestCsv:
    def test_reads_every_column_that_it_names(self):
        [entry] = entries_of(
            "depiction,kind,md5,sha1,sha256,pdq,pdq_quality,pdq_upright,frames,scheme,label,asserted_by,asserted_at\n"
            f"a b,video,{MD5},{SHA1},{SHA256},{PDQ},87,{pdq_value(2).hex()},0-1500:90:{pdq_value(3).hex()},"
            "uk,A,Police,2026-01-31T12:00:00+02:00\n"
        )
        assert (entry.depiction, entry.kind, entry.claim) == ("a b", Kind.VIDEO, Claim("uk", "A", "Police", "vigie-1"))
        assert (entry.md5.hex(), entry.sha1.hex(), entry.sha256.hex()) == (MD5, SHA1, SHA256)
        assert [(one.role, one.quality) for one in entry.values] == [(Role.STORED, 87), (Role.UPRIGHT, None)]
        assert entry.frames == (FrameValue(0, 1500, pdq_value(3), 90),)
        assert entry.asserted_at.isoformat() == "2026-01-31T10:00:00+00:00"

    def test_what_a_row_does_not_say_is_given(self):
        [entry] = entries_of(f"sha256\n{SHA256.upper()}\n")
        assert (entry.claim, entry.asserted_at, entry.kind) == (CLAIM, NOW, Kind.OTHER)
        assert entry.depiction == derived_depiction(bytes.fromhex(SHA256), algorithm=Algorithm.SHA256)

    def test_a_depiction_is_named_after_its_strongest_fingerprint(self):
        names = {name for line in (f"{MD5},,", f",{SHA256},", f"{MD5},{SHA256},", f"{MD5},{SHA256},{PDQ}")
                 for name in [entries_of(f"md5,sha256,pdq\n{line}\n")[0].depiction]}  # fmt: skip
        assert len(names) == 2

    @pytest.mark.parametrize(
        "content",
        [
            f"sha256\r\n{SHA256}\r\n",
            f"\ufeffsha256\n{SHA256}",
            f'"sha256"\n"{SHA256}"\n',
            f"SHA256\n\n{SHA256}\n\n  \n",
            f"sha256,depiction,kind\n{SHA256},,\n",
        ],
    )
    def test_takes_the_common_ways_of_writing(self, content):
        assert [entry.sha256.hex() for entry in entries_of(content)] == [SHA256]

    def test_a_field_may_hold_commas_and_quotes_between_quotes(self):
        [entry] = entries_of(f'depiction,md5\n"a, ""b""",{MD5}\n')
        assert entry.depiction == 'a, "b"'

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            (MD5[:-1], "hex-length"),
            (MD5 + "0", "hex-length"),
            (" " + MD5, "hex-length"),
            (MD5[:-1] + "g", "hex-digits"),
            (MD5[:-1] + "é", "hex-digits"),
            (MD5 + ",x", "field-count"),
            ('"' + MD5, "malformed-quotes"),
            (f'"{MD5}"x', "malformed-quotes"),
            (Digests.EMPTY.md5.hex(), "trivial-content"),
        ],
    )
    def test_refuses_a_line_that_is_wrong_and_names_it(self, line, code):
        assert refusals(f"md5\n{MD5}\n{line}\n{MD5}\n") == [(3, code)]

    @pytest.mark.parametrize(
        ("columns_named", "line", "code"),
        [
            ("depiction", "a", "no-fingerprint"),
            ("depiction", "a" * 201, "malformed-entry"),
            ("kind", "film", "unknown-kind"),
            ("asserted_at", "2026-01-31T12:00:00", "malformed-time"),
            ("asserted_at", "yesterday", "malformed-time"),
            ("asserted_at", "0001-01-01T00:00:00+23:00", "malformed-time"),
            ("asserted_by", "\u202e", "malformed-entry"),
            ("scheme", "uk", "malformed-entry"),
            ("scheme,label", "uk,Z", "labels.unknown-label"),
            ("scheme,label", "mars,A", "labels.unknown-scheme"),
            ("frames", f"5-1:90:{PDQ}", "malformed-frame"),
            ("frames", f"0-1:{PDQ}", "malformed-frame"),
            ("frames", "0-1::", "malformed-frame"),
            ("frames", f"0-9999999999:90:{PDQ}", "malformed-frame"),
            ("frames", f"0-1:101:{PDQ}", "malformed-quality"),
            ("frames", f"0-1:90:{PDQ}0", "hex-length"),
            ("pdq,pdq_quality", f"{PDQ},101", "malformed-quality"),
            ("pdq,pdq_quality", f"{PDQ},x", "malformed-quality"),
            ("pdq,pdq_quality", f"{PDQ},49", "gated-value"),
            ("pdq", BLANK, "gated-value"),
            ("pdq", UNBALANCED, "gated-value"),
            ("frames", f"0-1:90:{BLANK}", "gated-value"),
        ],
    )
    def test_refuses_a_field_that_is_wrong(self, columns_named, line, code):
        has_value = "pdq" in columns_named or "frames" in columns_named or code == "no-fingerprint"
        md5 = "" if has_value else MD5
        assert refusals(f"md5,{columns_named}\n{md5},{line}\n") == [(2, code)]

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            (b"\xff\xfe", "not-utf8"),
            (b"\0", "nul-byte"),
            (b"a" * (reading.MAX_LINE_BYTES + 1), "line-too-long"),
            (b"a" * (3 * reading.MAX_LINE_BYTES), "line-too-long"),
        ],
    )
    def test_refuses_bytes_that_are_no_text_and_reads_on(self, line, code):
        good = MD5.encode()
        assert refusals(b"\n".join([b"md5", good, line, good, b"x"])) == [(3, code), (5, "hex-length")]

    def test_a_line_over_the_limit_may_be_the_last(self):
        assert refusals(b"md5\n" + b"a" * (3 * reading.MAX_LINE_BYTES)) == [(2, "line-too-long")]

    def test_one_refusal_refuses_everything_unless_bad_rows_are_skipped(self):
        content = f"md5\n{MD5}\nx\n{'0' * 31}1\ny\n"
        assert [line for line, _ in refusals(content)] == [3, 5]
        found = read(content, skip_bad=True)
        assert (len(found.columns), found.row_count, found.refused_count) == (2, 4, 2)

    def test_keeps_the_first_remarks_and_counts_all(self):
        found = read("md5\n" + "x\n" * 1000, skip_bad=True)
        assert (found.refused_count, len(found.refused)) == (1000, reading.MAX_REMARKS)
        assert found.refused[-1].line == reading.MAX_REMARKS + 1

    def test_a_value_that_may_never_match_is_left_out_of_a_row_that_has_others(self):
        found = read(f"sha256,pdq,pdq_upright\n{SHA256},{BLANK},{PDQ}\n")
        [entry] = columns.to_entries(found.columns)
        assert [one.role for one in entry.values] == [Role.UPRIGHT]
        assert [(one.line, one.code) for one in found.left_out] == [(2, "lists.gated-value")]

    def test_the_minimum_quality_is_the_lists(self):
        content = f"pdq,pdq_quality\n{PDQ},30\n"
        assert refusals(content) == [(2, "gated-value")]
        assert len(read(content, given=Given(CLAIM, NOW, min_quality=30)).columns) == 1

    @pytest.mark.parametrize(
        "first", ["md5,colour", "md5,md5", "depiction,label", "a\0b", "\xff", "hello", "md5;sha1", '"']
    )
    def test_refuses_columns_that_no_list_has(self, first):
        with pytest.raises(UnknownColumnsError) as caught:
            read(f"{first}\n{MD5},x\n")
        assert "colour" not in str(caught.value)

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
    def test_refuses_an_empty_file(self, content):
        with pytest.raises(EmptySourceError):
            read(content)

    def test_a_header_alone_is_an_empty_list(self):
        assert len(read("md5\n").columns) == 0

    def test_more_rows_than_a_chunk_are_all_read(self, monkeypatch):
        monkeypatch.setattr(reading, "_CHUNK_LINES", 7)
        lines = [digest(seed, algorithm=Algorithm.MD5).hex() for seed in range(40)]
        assert [entry.md5.hex() for entry in entries_of("md5\n" + "\n".join(lines))] == lines

    def test_lines_across_blocks_are_one_line(self, monkeypatch):
        monkeypatch.setattr(reading, "_BLOCK_BYTES", 5)
        assert [entry.md5.hex() for entry in entries_of(f"\ufeffmd5\r\n{MD5}\r\n{SHA1[:32]}")] == [MD5, SHA1[:32]]


class TestBareColumn:
    @pytest.mark.parametrize(("text", "algorithm"), [(MD5, Algorithm.MD5), (SHA1, Algorithm.SHA1)])
    def test_the_length_tells_the_algorithm(self, text, algorithm):
        [entry] = entries_of(text)
        assert entry.digest(algorithm).hex() == text

    def test_another_length_further_down_is_refused(self):
        assert refusals(f"{MD5}\n{SHA1}\n") == [(2, "hex-length")]

    def test_64_digits_must_be_named(self):
        with pytest.raises(AmbiguousHexError):
            read(f"{SHA256}\n")
        assert entries_of(f"sha256\n{SHA256}\n")[0].sha256.hex() == SHA256
        assert entries_of(f"pdq\n{PDQ}\n")[0].values[0].pdq.hex() == PDQ


class TestJsonLines:
    def test_reads_what_hash_writes(self):
        line = {
            "path": "/secret/a.jpg", "path_bytes": None, "kind": "picture", "size_bytes": 5000, "md5": MD5,
            "sha1": SHA1, "sha256": SHA256, "pdq": PDQ, "pdq_quality": 99, "pdq_upright": None,
            "pdq_borderless": flipped(bytes.fromhex(PDQ), 20).hex(), "recipe": "vigie-1",
            "frames": [{"at_seconds": 1.5, "pdq": pdq_value(5).hex(), "pdq_quality": 80}], "problem": None,
        }  # fmt: skip
        [entry] = entries_of(json.dumps(line))
        assert [one.role for one in entry.values] == [Role.STORED, Role.BORDERLESS]
        assert entry.frames == (FrameValue(1500, 1500, pdq_value(5), 80),)
        assert "secret" not in b"".join(exporting.to_json_lines(columns.of_entries([entry]))).decode()

    def test_a_file_that_could_not_be_read_is_listed_by_its_digests(self):
        line = {"path": "a", "kind": "picture", "md5": MD5, "problem": {"code": "x", "message": "y"}}
        assert entries_of(json.dumps(line))[0].md5.hex() == MD5

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("{", "malformed-json"),
            ("[]", "malformed-json"),
            ("null", "malformed-json"),
            ('{"md5": 5}', "malformed-json"),
            ('{"md5": "x", "colour": 1}', "malformed-json"),
            ('{"frames": [{"at_seconds": "x"}]}', "malformed-json"),
            ('{"problem": ' + "[" * 50_000 + "]" * 50_000 + "}", "malformed-json"),
            ('{"md5": "x"}', "hex-length"),
            (json.dumps({"depiction": "\ud800", "md5": MD5}), "malformed-json"),
            ("{}", "no-fingerprint"),
            (json.dumps({"md5": MD5, "size_bytes": 10}), "trivial-content"),
            (json.dumps({"pdq": PDQ, "pdq_quality": 101}), "malformed-quality"),
            (json.dumps({"pdq": PDQ, "pdq_quality": -1}), "malformed-quality"),
            (json.dumps({"frames": [{"at_seconds": -1, "pdq": PDQ}]}), "malformed-frame"),
            (json.dumps({"frames": [{"at_seconds": 1e300, "pdq": PDQ}]}), "malformed-frame"),
            (json.dumps({"frames": [{"at_seconds": 5, "until_seconds": 4, "pdq": PDQ}]}), "malformed-frame"),
        ],
    )
    def test_refuses_a_line_that_is_wrong(self, line, code):
        good = json.dumps({"sha256": SHA256})
        assert refusals(f"{good}\n{line}\n{good}") == [(2, code)]

    @given(st.binary(max_size=300))
    def test_no_bytes_at_all_break_it(self, content):
        for begin in (b"", b"{", b"md5\n", MD5.encode() + b"\n"):
            try:
                read(begin + content, skip_bad=True)
            except (UnknownColumnsError, EmptySourceError, AmbiguousHexError):
                continue


class TestTotality:
    def test_equal_rows_become_one_entry(self):
        line = b"".join(exporting.to_json_lines(columns.of_entries([picture_entry(1)])))
        assert len(read(line * 3).columns) == 1
