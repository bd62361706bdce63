"""A list that was made elsewhere is read whole, or refused with all that is wrong with it."""

import csv
import io
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from randomization.designs import Factor, ImportedDesign, strata, stratum_key
from randomization.importing import FactorWords, ListRefused, ListWords, read_list
from randomization.importing.words import meanings

DESIGN = ImportedDesign(
    ratio={"talk": 1, "usual": 1},
    factors=(Factor("site", ("north", "south")), Factor("complaint", ("body", "mind"))),
    places_per_stratum=4,
    block_size=4,
)
WORDS = ListWords(
    arms=meanings({"talk": ["talk", "Samtale", "1"], "usual": ["usual", "Vanlig oppfølging", "0"]}),
    factors=(
        FactorWords(
            "site",
            frozenset({"site", "redcap_data_access_group"}),
            meanings({"north": ["north", "1330"], "south": ["south", "1331"]}),
        ),
        FactorWords(
            "complaint",
            frozenset({"complaint", "main_complaint"}),
            meanings({"body": ["body", "pain", "1"], "mind": ["mind", "2"]}),
        ),
    ),
)
RAW = {"talk": "1", "usual": "0", "north": "1330", "south": "1331", "body": "1", "mind": "2"}
KEYS = [stratum_key(levels) for levels in strata(DESIGN.factors)]
BLOCK = ["talk", "usual", "usual", "talk"]


def written(rows, delimiter=",", encoding="utf-8"):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode(encoding)


def ours(places, codes=None, start=1):
    """The list in our own format, a stratum in one column."""
    yield ["stratum", "position", "arm", *(["code"] if codes else [])]
    for key, held in places.items():
        for at, arm in enumerate(held):
            yield [key, at + start, arm, *([codes[key][at]] if codes else [])]


def by_factor(places):
    """The list in our own format, a column for each factor."""
    yield ["position", "site", "complaint", "arm"]
    for levels in strata(DESIGN.factors):
        for at, arm in enumerate(places[stratum_key(levels)], start=1):
            yield [at, *levels.values(), arm]


def redcap(
    places, codes=None, names=RAW, header=("redcap_randomization_group", "redcap_randomization_number")
):
    """REDCap's allocation table: rows of different strata mixed, as they may be."""
    rows = [
        [
            at,
            names[arm],
            *([codes[stratum_key(levels)][at]] if codes else []),
            *map(names.get, levels.values()),
        ]
        for levels in strata(DESIGN.factors)
        for at, arm in enumerate(places[stratum_key(levels)])
    ]
    yield [*header[: 2 if codes else 1], "redcap_data_access_group", "main_complaint"]
    yield from (row[1:] for row in sorted(rows, key=lambda row: row[0]))


def read(rows, **options):
    raw = rows if isinstance(rows, bytes) else written(rows)
    return read_list(raw, **{"design": DESIGN, "words": WORDS} | options)


def defects(rows, **options):
    with pytest.raises(ListRefused) as refused:
        read(rows, **options)
    return [(one.row, one.column, one.what) for one in refused.value.defects]


GOOD = dict.fromkeys(KEYS, BLOCK)
CODES = {key: [f"{7 * (10 * number + at):03}" for at in range(4)] for number, key in enumerate(KEYS)}


def changed(row, *cells):
    """The good list in our format with one row replaced; the header is row 1."""
    rows = list(ours(GOOD))
    rows[row - 1] = list(cells)
    return rows


@st.composite
def lists(draw):
    """Any list that keeps to its design, the last block of a stratum unfinished or not."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    places, codes = {}, {}
    numbers = rng.sample(range(10**6), 4 * 40)
    for key in KEYS:
        held = [arm for _block in range(draw(st.integers(1, 9))) for arm in rng.sample(BLOCK, 4)]
        places[key] = held[: len(held) - draw(st.integers(0, 3))]
        codes[key] = [f"R{numbers.pop():06}" for _place in places[key]]
    return places, codes


@given(lists(), st.sampled_from(",;\t"), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_any_list_reads_back_from_each_format(both, delimiter, encoding):
    places, codes = both
    for rows in (ours(places), by_factor(places), redcap(places)):
        found = read(written(rows, delimiter, encoding))
        assert (found.places, {code for held in found.codes.values() for code in held}) == (places, {""})
    for rows in (ours(places, codes), redcap(places, codes)):
        found = read(written(rows, delimiter, encoding))
        assert (found.places, found.codes) == (places, codes)


def test_names_and_codes_are_read_in_any_case_and_with_spaces_around():
    names = {"talk": " SAMTALE", "usual": "vanlig  Oppfølging ", "north": "North", "south": "South"}
    assert read(redcap(GOOD, names=names | {"body": "Pain", "mind": "MIND "})).places == GOOD


@pytest.mark.parametrize(
    "header", [("treatment", "redcap_randomization_number"), ("redcap_randomization_group", "treatment")]
)
def test_older_redcap_files_name_the_target_field_itself(header):
    assert read(redcap(GOOD, CODES, header=header)).codes == CODES
    assert read(redcap(GOOD, header=("treatment",))).places == GOOD


def test_notes_beside_redcaps_table_are_for_people():
    rows = [[*row, "", "read me"] for row in redcap(GOOD)]
    rows[0][-2:] = ["", "Notes"]
    assert read(rows).places == GOOD
    rows[0] = rows[0][:-2]
    assert read(rows).places == GOOD


def test_blinded_list_without_arms_is_refused_with_the_reason():
    header, *rows = redcap(GOOD, CODES)
    for number in ("redcap_randomization_number", "kit"):
        ((_row, column, what),) = defects([[number, *header[2:]], *(row[1:] for row in rows)])
        assert column == "redcap_randomization_group"
        assert "commitment covers them" in what


def blinded(codes=CODES, header=("redcap_randomization_number",)):
    """REDCap's table for blinded randomization, and its key."""
    header_and_rows = [row[1:] for row in redcap(GOOD, codes)]
    header_and_rows[0][: len(header)] = header
    return header_and_rows, key_of(codes)


def key_of(codes=CODES, header=("redcap_randomization_number", "redcap_randomization_group")):
    """The key of a blinded table, in an order of its own."""
    told = [(code, RAW[arm]) for key in KEYS for code, arm in zip(codes[key], GOOD[key], strict=True)]
    return [list(header), *map(list, sorted(told, reverse=True))]


@pytest.mark.parametrize("number", ["redcap_randomization_number", "kit"])
@pytest.mark.parametrize("header", [("Code", "ARM"), ("redcap_randomization_number", "arm")])
@given(delimiter=st.sampled_from(",;\t"), encoding=st.sampled_from(["utf-8", "utf-8-sig"]))
def test_blinded_table_is_joined_with_its_key(number, header, delimiter, encoding):
    table, _key = blinded(header=(number,))
    key = written(key_of(header=header), delimiter, encoding)
    found = read(written(table, delimiter, encoding), key=key)
    assert (found.places, found.codes) == (GOOD, CODES)
    again = read(found.file)
    assert (again.places, again.codes) == (GOOD, CODES)


def test_key_tells_arms_by_every_word_and_may_have_notes():
    table, key = blinded()
    key = [[*row, "read me", ""] for row in key]
    key[0][-2:] = ["Site", ""]
    for row in key[1:]:
        row[1] = {"1": " SAMTALE ", "0": "usual"}[row[1]]
    assert read(table, key=written(key)).places == GOOD


def test_defects_of_table_and_key_are_told_at_once_each_in_its_file():
    table, key = blinded()
    table[3][1] = "1332"
    table[4][0] = "not in the key"
    key[2][1] = "placebo"
    key[4][0] = key[3][0]
    key[5] = ["", ""]
    key[6][1] = ""
    key[7][0] = "not in the list"
    with pytest.raises(ListRefused) as refused:
        read(table, key=written(key))
    found = {(one.in_key, one.row, one.column) for one in refused.value.defects}
    number, arm = key[0]
    assert found >= {
        (False, 4, "redcap_data_access_group"),
        (False, 5, number),
        (True, 3, arm),
        (True, 5, number),
        (True, 6, ""),
        (True, 7, arm),
        (True, 8, number),
    }
    lines = refused.value.lines()
    assert any(
        line.startswith("Rows 5") and line.endswith("This randomization number is not in the key.")
        for line in lines
    )
    assert (
        "In the key: Row 3, column redcap_randomization_group: “placebo” is not known. The protocol has: "
        in ("\n".join(lines))
    )
    assert any(
        line.startswith("In the key: Row") and line.endswith("This randomization number is not in the list.")
        for line in lines
    )


def test_number_without_an_arm_and_an_arm_without_a_number_are_refused():
    table, key = blinded()
    ((row, column, what),) = defects(table, key=written([row for row in key if row[0] != table[2][0]]))
    assert (row, column, what) == (3, key[0][0], "This randomization number is not in the key.")
    ((row, column, what),) = defects(table, key=written([*key, ["999", "1"]]))
    assert (row, column, what) == (18, key[0][0], "This randomization number is not in the list.")


def test_blocks_of_a_blinded_table_are_checked_as_of_any_other():
    table, key = blinded()
    for row in key[1:]:
        row[1] = "1"
    assert any("in the ratio 1:1" in what for _row, _column, what in defects(table, key=written(key)))


@pytest.mark.parametrize("rows", [ours(GOOD), redcap(GOOD, CODES), redcap(GOOD, header=("treatment",))])
def test_key_is_refused_where_the_list_has_its_arms(rows):
    assert defects(rows, key=written(key_of())) == [
        (None, "", "The list has its arms already. Leave the key away.")
    ]


@pytest.mark.parametrize(
    ("key", "column", "words"),
    [
        (b"", "", "empty"),
        (b"PK\x03\x04xyz", "", "workbook"),
        (b"code\r\n1\r\n", "arm", "missing"),
        (b"arm\r\n1\r\n", "code", "missing"),
        (b"code,arm,redcap_randomization_group\r\n1,1,1\r\n", "redcap_randomization_group", "stands twice"),
    ],
)
def test_file_that_is_no_key_is_refused_beside_what_is_wrong_with_the_list(key, column, words):
    table, _key = blinded()
    table[1][1] = "1332"
    with pytest.raises(ListRefused) as refused:
        read(table, key=key)
    of_list, of_key = refused.value.defects
    assert (of_list.in_key, of_list.row) == (False, 2)
    assert (of_key.in_key, of_key.column) == (True, column)
    assert words in of_key.what


def test_every_defect_is_told_at_once_with_its_row_and_column():
    rows = list(ours(GOOD))
    rows[2][2] = "placebo"  # row 3
    rows[4][0] = "site=east;complaint=body"
    rows[6][1] = 1  # row 7; that position 2 is missing before row 8 needs no word
    rows[9] = [KEYS[2], "x", "usual"]
    rows[11] = [KEYS[2], "", ""]
    rows[14].append("surplus")
    found = {(row, column) for row, column, _what in defects(rows)}
    assert found == {
        (3, "arm"),
        (5, "stratum"),
        (7, "position"),
        (10, "position"),
        (12, "position"),
        (12, "arm"),
        (15, ""),
    }


@pytest.mark.parametrize(
    ("row", "cells", "column", "words"),
    [
        (3, (KEYS[0], 2, "placebo"), "arm", "“placebo” is not known. The protocol has: talk, usual"),
        (3, ("nowhere", 2, "usual"), "stratum", "“nowhere” is not a stratum"),
        (3, (KEYS[0], "2.5", "usual"), "position", "“2.5” is not a position"),
        (3, (KEYS[0], 0, "usual"), "position", "“0” is not a position"),
        (3, (KEYS[0], "", "usual"), "position", "The cell is empty"),
        (3, (KEYS[0], 1, "usual"), "position", "stands in row 2 already"),
        (5, (KEYS[0], 5, "talk"), "position", "position 4 of site=north;complaint=body is missing"),
        (3, (KEYS[0], 7, "usual"), "position", "comes after 7: the rows must be in order"),
        (5, (KEYS[0], 4, "usual"), "", "Positions 1–4 of site=north;complaint=body are a block"),
        (3, (KEYS[0], 2), "", "too short"),
        (3, (KEYS[0], 2, "usual", "x"), "", "too long"),
        (3, ("", "", ""), "", "The row is empty"),
    ],
)
def test_a_defect_names_what_is_wrong(row, cells, column, words):
    found = defects(changed(row, *cells))
    assert any(words in what and where == column for _row, where, what in found), found
    assert row in {number for number, _column, _what in found}


def test_unfinished_last_block_may_not_hold_too_many_of_an_arm():
    assert read(ours(GOOD | {KEYS[0]: [*BLOCK, "talk", "talk"]})).places[KEYS[0]][4:] == ["talk", "talk"]
    ((row, _column, what),) = defects(ours(GOOD | {KEYS[3]: [*BLOCK, "talk", "talk", "talk"]}))
    assert row == 20
    assert "Positions 5–7" in what


def test_blocks_follow_an_uneven_ratio():
    design = ImportedDesign({"talk": 2, "usual": 1}, (), 6, block_size=6)
    words = ListWords(WORDS.arms, ())
    good = [["position", "arm"], *enumerate(["talk", "usual", "talk", "talk", "usual", "talk"], start=1)]
    assert len(read(good, design=design, words=words).places["all"]) == 6
    bad = [["position", "arm"], *enumerate(["talk", "usual", "usual"] * 2, start=1)]
    assert "in the ratio 2:1" in defects(bad, design=design, words=words)[0][2]


def test_stratum_or_arm_without_a_place_is_refused():
    assert [what for _row, _column, what in defects(ours(dict.fromkeys(KEYS[1:], BLOCK)))] == [
        "The stratum site=north;complaint=body has no place."
    ]
    design = ImportedDesign(DESIGN.ratio, DESIGN.factors, 4, block_size=None)
    found = defects(ours({key: ["talk"] for key in KEYS}), design=design)
    assert found == [(None, "", "No place is for the arm usual.")]


def test_fewer_places_than_planned_are_noted_and_not_refused():
    found = read(ours(GOOD | {KEYS[1]: BLOCK[:3]}))
    assert found.notes == ["Fewer places than the protocol plans (4) in: site=north;complaint=mind."]
    assert read(ours(GOOD)).notes == []


def test_list_without_blocks_far_from_the_ratio_is_noted():
    design = ImportedDesign(DESIGN.ratio, DESIGN.factors, 4, block_size=None)
    found = read(ours({key: ["talk"] * 19 + ["usual"] for key in KEYS}), design=design)
    assert "far from the protocol's ratio" in found.notes[0]


def with_codes(**codes):
    numbers = {key: list(held) for key, held in CODES.items()}
    for at, code in codes.items():
        numbers[KEYS[0]][int(at[1:])] = code
    return ours(GOOD, numbers)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "The cell is empty"),
        ("000", "stands in row 2 already"),
        ("x" * 41, "at most 40 characters"),
        ("Talk-17", "names an arm"),
        ("=cmd|1", "letters, digits, spaces and"),
        ("<script>", "letters, digits, spaces and"),
        ("12\t3", "letters, digits, spaces and"),
    ],
)
def test_randomization_number_is_given_once_and_tells_nothing(code, words):
    ((row, column, what),) = defects(with_codes(_1=code))
    assert (row, column) == (3, "code")
    assert words in what


def test_randomization_number_may_be_written_as_kits_are():
    assert read(with_codes(_1="Å 12/b_3.4-5")).codes[KEYS[0]][1] == "Å 12/b_3.4-5"


@pytest.mark.parametrize("before", ["", "K", "Kit-"])
def test_randomization_numbers_that_tell_the_arm_by_a_letter_are_refused(before):
    numbers = {
        key: [f"{before}{'AB'[arm == 'talk']}{number}{at}7" for at, arm in enumerate(held)]
        for number, (key, held) in enumerate((GOOD | {KEYS[0]: BLOCK * 3}).items())
    }
    found = defects(ours(GOOD | {KEYS[0]: BLOCK * 3}, numbers))
    assert "one of their characters" in found[0][2]


def by_odd_length(number, arm):
    """Three or five digits for one arm, four for the other: no single character tells it."""
    return f"{number:0{4 if arm == 'usual' else 3 if number % 4 else 5}}"


def by_last_letter(number, arm):
    """Numbers of different length, so that counting from the start finds nothing."""
    return f"{number if number % 3 else 100 + number}{'AB'[arm == 'talk']}"


@pytest.mark.parametrize("told", [by_odd_length, by_last_letter])
def test_randomization_numbers_that_tell_the_arm_by_length_or_from_their_end_are_refused(told):
    places = GOOD | {KEYS[0]: BLOCK * 10}
    counter = itertools.count()
    numbers = {key: [told(next(counter), arm) for arm in held] for key, held in places.items()}
    assert [what for _row, _column, what in defects(ours(places, numbers))] == [
        "The randomization numbers tell the arm by one of their characters or by their length."
    ]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"\r\n\r\n", "empty"),
        (b"stratum,position,arm\r\n", "no places"),
        (b"PK\x03\x04xyz", "workbook"),
        (written(ours(GOOD), encoding="utf-16"), "UTF-16"),
        (written(ours(GOOD), encoding="utf-16-le"), "UTF-16"),
        (written(ours(GOOD), encoding="utf-16-be"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1", "not a text file"),
        (written([["position", "arm"], [1, "Vanlig oppfølging"]], encoding="latin-1"), "UTF-8"),
        (b'stratum,position,arm\r\n"x,1,talk\r\n', "quotation mark"),
        (b"stratum,position,arm,stratum\r\nx,1,talk,x\r\n", "stands twice"),
        (b"stratum,position\r\nx,1\r\n", "missing"),
        (b"stratum,position,arm,age\r\nx,1,talk,9\r\n", "not known"),
        (b"site,position,arm\r\nnorth,1,talk\r\n", "missing"),
        (b"stratum,site,complaint,position,arm\r\nx,north,body,1,talk\r\n", "stands twice"),
        (b"name,email\r\nKari,k@example.org\r\n", "must name the columns"),
        (b"redcap_randomization_group,main_complaint\r\n1,1\r\n", "missing"),
    ],
)
def test_file_that_is_no_list_is_refused_with_what_to_do(raw, words):
    assert any(words in what for _row, _column, what in defects(raw))


def test_every_row_of_the_wrong_encoding_is_named_beside_other_defects():
    rows = list(ours(GOOD, CODES))
    rows[2][2] = rows[6][2] = "Vanlig oppfølging"  # rows 3 and 7
    rows[8][0], rows[9][1], rows[10][3] = "ø", "ø", "ø"  # rows 9 to 11
    rows[11][2] = "placebo"
    found = defects(written(rows, encoding="latin-1"))
    assert [row for row, _column, what in found if "UTF-8" in what] == [3, 7, 9, 10, 11]
    assert [(row, column) for row, column, what in found if "UTF-8" not in what] == [(12, "arm")]


def test_rows_of_the_wrong_encoding_are_named_in_the_key_too():
    table, key = blinded()
    key[2][1], key[3][0] = "tjå", "å"
    with pytest.raises(ListRefused) as refused:
        read(table, key=written(key, encoding="latin-1"))
    of_key = [(one.row, one.column) for one in refused.value.defects if one.in_key]
    assert of_key == [(3, ""), (4, "")]


def test_gap_is_told_unless_rows_that_are_told_anyway_may_fill_it():
    rows = list(ours(GOOD | {KEYS[0]: BLOCK * 3}))
    rows[2][1], rows[5][0] = "x", "nowhere"  # positions 2 and 5
    assert [(row, column) for row, column, _what in defects(rows)] == [(3, "position"), (6, "stratum")]
    del rows[9]  # position 9
    assert [(row, column) for row, column, _what in defects(rows)] == [
        (3, "position"),
        (4, "position"),
        (6, "stratum"),
        (7, "position"),
        (10, "position"),
    ]


def test_word_with_two_meanings_is_refused():
    words = ListWords(meanings({"talk": ["talk", "1"], "usual": ["usual", "1"]}), WORDS.factors)
    assert "can mean several things" in defects(changed(2, KEYS[0], 1, "1"), words=words)[0][2]


def test_unknown_stratum_does_not_make_redcaps_blocks_look_wrong():
    rows = list(redcap(GOOD))
    rows[1][1] = "1332"
    assert [(row, column) for row, column, _what in defects(rows)] == [(2, "redcap_data_access_group")]


def test_extension_goes_on_where_the_list_ended():
    before = dict.fromkeys(KEYS, BLOCK[:3])
    more = {KEYS[0]: ["talk", *BLOCK]}
    assert read(ours(more, start=4), before=before).places[KEYS[0]] == ["talk", *BLOCK]
    assert {what for _row, _column, what in defects(ours({KEYS[0]: BLOCK}), before=before)} == {
        "The first positions of site=north;complaint=body are sealed already: the next one is 4."
    }
    assert "position 4 of" in defects(ours(more, start=5), before=before)[0][2]
    assert "Positions 1–4" in defects(ours({KEYS[0]: ["usual"]}, start=4), before=before)[0][2]


def test_extension_repeats_no_randomization_number():
    before, sealed = dict.fromkeys(KEYS, BLOCK), frozenset({"a1"})
    more = {KEYS[0]: ["talk"]}
    assert read(ours(more, {KEYS[0]: ["a2"]}, start=5), before=before, codes_before=sealed).codes[
        KEYS[0]
    ] == ["a2"]
    for codes in ({KEYS[0]: ["A1"]}, None):
        (one,) = defects(ours(more, codes, start=5), before=before, codes_before=sealed)
        assert one[:2] == (2, "code")


def test_account_names_rows_once_and_is_cut_where_it_would_be_the_whole_list():
    rows = list(ours(dict.fromkeys(KEYS, BLOCK * 20)))
    rows[1:] = [[stratum, at, "9"] for stratum, at, _arm in rows[1:]]
    with pytest.raises(ListRefused) as refused:
        read(rows)
    assert len(refused.value.defects) == 320
    (line,) = refused.value.lines()
    assert line.startswith("Rows 2, 3, 4,")
    assert "21 and 300 more, column arm: “9” is not known." in line
