"""verify_list.py is run as an outsider runs it: one file, another process, no part of Tilbake."""

import csv
import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from randomization import verify_list
from randomization.decisions import Tally
from randomization.designs import (
    BlockDesign,
    ClusterDesign,
    CoinDesign,
    Factor,
    ImportedDesign,
    MinimizationDesign,
    PairDesign,
    SimpleDesign,
    StratifiedClusterDesign,
    canonical,
    commitment,
    design_from,
)
from tests.randomization.test_specification import VECTORS

SCRIPT = Path(verify_list.__file__)
SEED, NONCE = bytes(range(32)), bytes(range(32, 64))
TWO, THREE = {"new": 1, "usual": 1}, {"a": 2, "b": 1, "c": 3}
FACTORS = (Factor("site", ("north", "south"), weight=2), Factor("complaint", ("pain", "mind", "other")))
SITES = {"city": ("s5", "s1", "s3", "s2"), "land": ("s4", "s6", "s7")}
IN_STRATA = {"factors": FACTORS, "places_per_stratum": 20}

MADE = {
    "simple": SimpleDesign(THREE, **IN_STRATA),
    "simple without strata": SimpleDesign(TWO, (), 50),
    "blocks": BlockDesign(TWO, **IN_STRATA, block_sizes=(4, 6)),
    "blocks of one size": BlockDesign(THREE, **IN_STRATA, block_sizes=(12,)),
    "big stick": CoinDesign(TWO, **IN_STRATA, probability=Fraction(1, 2), maximum_imbalance=3),
    "Efron's coin": CoinDesign(TWO, **IN_STRATA, probability=Fraction(2, 3), maximum_imbalance=None),
    "tolerant coin": CoinDesign(TWO, **IN_STRATA, probability=Fraction(3, 5), maximum_imbalance=2),
    "minimization": MinimizationDesign(TWO, **IN_STRATA, probability=Fraction(4, 5), imbalance="range"),
    "minimization 2:1:3": MinimizationDesign(
        THREE, **IN_STRATA, probability=Fraction(7, 10), imbalance="variance"
    ),
    "sites": ClusterDesign(TWO, {"all": SITES["city"]}, late_places=0),
    "sites, more to come": ClusterDesign(TWO, {"all": SITES["land"]}, late_places=8),
    "sites in groups": StratifiedClusterDesign(TWO, SITES, late_places=4),
    "pairs": PairDesign(("new", "usual"), {"p2": ("s4", "s1"), "p1": ("s2", "s3")}),
    "pairs, more to come": PairDesign(("new", "usual"), {"p1": ("s2", "s3")}, late_places=4),
}


class Files:
    """What the trial reveals and archives, in one folder, to be spoiled by the tests."""

    def __init__(self, folder, design, places, *, extended=False):
        self.folder, self.design, self.places = folder, design, places
        listed = canonical("example", design, places)
        self.commitment = commitment(NONCE, listed)
        (folder / "list.txt").write_bytes(listed)
        (folder / "nonce.txt").write_text(NONCE.hex() + "\n")
        (folder / "seed.txt").write_text(SEED.hex() + "\n")
        self.allocations, self.envelopes, self.sites = [], [], []

    def add(self, stratum="all", position=None, *, arm=None, site="north", envelope="", **more):
        position = position or 1 + sum(row["stratum"] == stratum for row in self.allocations)
        number = len(self.allocations) + 1
        row = {"number": number, "study_id": f"T-{number:03}", "stratum": stratum, "position": position}
        row |= {"arm": arm or self.places[stratum][position - 1], "site": site, "envelope": envelope}
        self.allocations.append(row | more)
        return self.allocations[-1]

    def print_envelope(self, number, stratum, position, state="used"):
        self.envelopes.append(
            {"site": "north", "number": number, "stratum": stratum, "position": position, "state": state}
        )

    def join(self, site, stratum, position):
        arm = self.places[stratum][position - 1]
        self.sites.append({"site": site, "stratum": stratum, "position": position, "arm": arm})

    def minimize(self, count):
        """So many decisions by the product's own code."""
        tally = Tally()
        for number in range(count):
            levels = {one.key: one.levels[number * 7 % 5 % len(one.levels)] for one in self.design.factors}
            decision = self.design.decide(levels, tally.counts, int(self.places["all"][number]))
            tally.add(decision)
            self.add(arm=decision.arm, **{f"level:{key}": level for key, level in levels.items()})

    def check(self, *more, seed=True):
        arguments = ["list.txt", "nonce.txt", self.commitment]
        for name in ("allocations", "envelopes", "sites"):
            rows = getattr(self, name)
            if rows:
                text = io.StringIO()
                writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
                (self.folder / f"{name}.csv").write_text(text.getvalue())
                arguments += [*([] if name == "allocations" else [f"--{name}"]), f"{name}.csv"]
        return run(self.folder, *arguments, *(["--seed", "seed.txt"] if seed else []), *more)


def run(folder, *arguments):
    """(exit code, all that was said) of the script alone, in Python's isolated mode."""
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def files(folder, name):
    design = MADE[name]
    return Files(folder, design, design.list_from(SEED, trial="example"))


@pytest.fixture
def blocks(tmp_path):
    return files(tmp_path, "blocks")


NORTH = "site=north;complaint=pain"
SOUTH = "site=south;complaint=mind"


@pytest.mark.parametrize("name", MADE)
def test_the_list_of_every_design_is_made_again_by_code_that_shares_nothing(tmp_path, name):
    code, said = files(tmp_path, name).check()
    assert code == 0, said
    assert "The seed makes this list, every place of it." in said


@pytest.mark.parametrize("name", MADE)
def test_another_seed_makes_another_list(tmp_path, name):
    made = files(tmp_path, name)
    # a few small designs may give the same list by chance: this seed does not
    (tmp_path / "seed.txt").write_text(bytes(range(5, 37)).hex())
    code, said = made.check()
    assert code == 1, said
    assert "the seed does not make place" in said


@pytest.mark.parametrize("vector", VECTORS["lists"], ids=lambda vector: vector["design"]["method"])
def test_the_specifications_vectors_are_made_too(tmp_path, vector):
    made = Files(tmp_path, design_from(vector["design"]), vector["places"])
    assert made.commitment == vector["commitment"]
    for decision in vector.get("decisions", ()):
        levels = {f"level:{key}": level for key, level in decision["levels"].items()}
        made.add(arm=decision["arm"], **levels)
    code, said = made.check()
    assert code == 0, said


def test_list_nonce_and_commitment_agree_as_sha256sum_computes_it_too(blocks):
    code, said = blocks.check(seed=False)
    assert (code, said) == (
        0,
        "OK      The list is the one that was committed to: 6 strata, 124 places.\n",
    )
    command = "{ xxd -r -p nonce.txt; cat list.txt; } | sha256sum"
    told = subprocess.run(command, shell=True, cwd=blocks.folder, capture_output=True, text=True, check=True)
    assert told.stdout.split()[0] == blocks.commitment


def test_commitment_may_be_copied_in_groups_and_in_capitals(blocks):
    shown = " ".join(blocks.commitment[at : at + 8].upper() for at in range(0, 64, 8))
    assert run(blocks.folder, "list.txt", "nonce.txt", shown)[0] == 0


def test_one_changed_place_is_noticed(blocks):
    path = blocks.folder / "list.txt"
    path.write_text(path.read_text().replace("\n1 new\n", "\n1 usual\n", 1))
    assert blocks.check() == (1, "NOT OK  list and nonce do not give this commitment.\n")


def test_allocations_that_follow_the_list_agree(blocks):
    for stratum in (NORTH, SOUTH, NORTH, NORTH, SOUTH):
        blocks.add(stratum)
    code, said = blocks.check()
    assert (code, said.splitlines()[-1]) == (0, "OK      All 5 allocations follow the list.")


def test_envelopes_used_and_unused_leave_no_gap(blocks):
    blocks.add(NORTH, 1)
    blocks.add(NORTH, 4)
    blocks.add(NORTH, 3, envelope="2")
    blocks.print_envelope(1, NORTH, 2, "unopened")
    blocks.print_envelope(2, NORTH, 3)
    code, said = blocks.check()
    assert code == 0, said


def test_envelopes_that_were_used_are_asked_for(blocks):
    blocks.add(NORTH, 2)
    blocks.add(NORTH, 1, envelope="1")
    code, said = blocks.check()
    assert (code, said.splitlines()[-1]) == (
        2,
        "verify_list.py: some places were in envelopes: give --envelopes FILE.",
    )
    blocks.print_envelope(1, NORTH, 1)
    code, said = blocks.check()
    assert code == 0, said


def test_envelopes_that_were_reserved_only_are_asked_for_and_not_called_skipped(blocks):
    blocks.add(NORTH, 1)
    blocks.add(NORTH, 3)
    code, said = blocks.check()
    assert (code, said.splitlines()[-1]) == (
        2,
        f"verify_list.py: {NORTH}: place 2 is skipped or reserved: give --envelopes FILE.",
    )
    blocks.print_envelope(1, NORTH, 2, "out")
    code, said = blocks.check()
    assert code == 0, said


def given(blocks):
    for stratum in (NORTH, NORTH, SOUTH, NORTH):
        blocks.add(stratum)


def exchanged_arm(blocks):
    given(blocks)
    blocks.allocations[1]["arm"] = "new" if blocks.allocations[1]["arm"] == "usual" else "usual"


def removed_row(blocks):
    given(blocks)
    del blocks.allocations[1]


def skipped_place(blocks):
    blocks.add(NORTH, 1)
    blocks.add(NORTH, 3)
    blocks.print_envelope(1, SOUTH, 1, "out")


def doubled_place(blocks):
    blocks.add(NORTH, 1)
    blocks.add(NORTH, 1)


def wrong_order(blocks):
    blocks.add(NORTH, 2)
    blocks.add(NORTH, 1)


def same_participant(blocks):
    given(blocks)
    blocks.allocations[2]["study_id"] = "T-001"


def unknown_stratum(blocks):
    given(blocks)
    blocks.allocations[2]["stratum"] = "site=west"


def beyond_the_list(blocks):
    given(blocks)
    blocks.allocations[2]["position"] = 99


def envelope_for_nobody(blocks):
    given(blocks)
    blocks.print_envelope(1, NORTH, 4)


def envelope_that_was_returned(blocks):
    blocks.add(NORTH, 1, envelope="1")
    blocks.print_envelope(1, NORTH, 1, "unopened")


def place_in_an_envelope_and_given(blocks):
    given(blocks)
    blocks.print_envelope(1, NORTH, 2, "lost")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (exchanged_arm, "allocation 2 (T-002) does not have the arm of its place"),
        (removed_row, "allocation 2 is missing or out of order"),
        (skipped_place, f"place 2 of {NORTH} was skipped"),
        (doubled_place, f"place 1 of {NORTH} was given twice"),
        (wrong_order, f"allocation 2 (T-002): place 1 of {NORTH} was given too late"),
        (same_participant, "T-001 was allocated twice"),
        (unknown_stratum, "allocation 3 (T-003): the list has no stratum site=west"),
        (beyond_the_list, f"allocation 3 (T-003): {SOUTH} has places 1 to"),
        (envelope_for_nobody, "do not say the same of which envelopes were used"),
        (envelope_that_was_returned, "do not say the same of which envelopes were used"),
        (place_in_an_envelope_and_given, f"place 2 of {NORTH} was given twice"),
    ],
)
def test_first_thing_that_does_not_agree_is_said(blocks, spoil, said):
    spoil(blocks)
    code, told = blocks.check()
    assert code == 1, told
    assert told.splitlines()[-1].startswith("NOT OK")
    assert said in told


@pytest.mark.parametrize("name", ["minimization", "minimization 2:1:3"])
def test_every_decision_of_minimization_is_made_again(tmp_path, name):
    made = files(tmp_path, name)
    made.minimize(20)
    assert len({row["arm"] for row in made.allocations}) > 1
    code, said = made.check()
    assert code == 0, said

    changed = made.allocations[9]
    changed["arm"] = next(arm for arm in made.design.ratio if arm != changed["arm"])
    code, said = made.check()
    assert (code, "allocation 10 (T-010) does not have the arm" in said) == (1, True)


def test_level_that_the_design_does_not_know_is_said(tmp_path):
    made = files(tmp_path, "minimization")
    made.minimize(3)
    made.allocations[1]["level:site"] = "west"
    assert made.check()[1].endswith("allocation 2 (T-002): site has no level 'west'.\n")


def test_participants_have_the_place_of_their_site(tmp_path):
    made = files(tmp_path, "sites in groups")
    made.add("group=city", 3, site="s3")
    made.add("group=land", 1, site="s4")
    made.add("late=city", 2, site="s9")
    made.add("group=city", 3, site="s3")
    code, said = made.check()
    assert code == 0, said
    made.add("late=city", 1, site="s9")
    assert "(T-005) does not have the place of the site s9" in made.check()[1]
    made.allocations[-1]["position"], made.allocations[-1]["site"] = 2, "s10"
    assert "(T-005) has the place of the site s9" in made.check()[1]
    made.allocations[-1] |= {"stratum": "group=city", "site": "s1"}
    assert "(T-005) does not have the place of the site s1" in made.check()[1]


def late_sites(folder, *late):
    """All sites of the design, and so many that came later: (site, position)."""
    made = files(folder, "sites, more to come")
    for position, site in enumerate(sorted(SITES["land"]), start=1):
        made.join(site, "all", position)
    for site, position in late:
        made.join(site, "late", position)
    made.add("all", 1, site="s4")
    return made


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ([("s9", 1), ("s8", 2)], None),
        ([("s9", 1), ("s8", 3)], "place 2 of late was skipped"),
        ([("s9", 2), ("s8", 1)], "site s8: place 1 of late was given too late"),
        ([("s9", 1), ("s8", 1)], "place 1 of late was given twice"),
    ],
)
def test_late_sites_have_the_late_places_in_order(tmp_path, late, expected):
    code, said = late_sites(tmp_path, *late).check()
    assert code == bool(expected), said
    assert (expected or "All 1 allocations follow the list") in said


def test_sites_have_their_arm_and_every_allocation_a_site(tmp_path):
    made = late_sites(tmp_path, ("s9", 1))
    made.sites[-1]["arm"] = "new" if made.sites[-1]["arm"] == "usual" else "usual"
    assert "site s9 does not have the arm of its place" in made.check()[1]
    made = late_sites(tmp_path)
    made.add("late", 1, site="s9")
    assert "no place is named for the site s9" in made.check()[1]


def test_imported_list_is_checked_without_a_seed(tmp_path):
    design = ImportedDesign(TWO, (), 4, block_size=4)
    made = Files(tmp_path, design, {"all": ["new", "usual", "usual", "new"]})
    made.add()
    made.add()
    assert made.check(seed=False)[0] == 0
    assert "no seed makes this list" in made.check()[1]


def test_list_that_was_made_longer_agrees_with_the_same_seed(tmp_path):
    design = MADE["blocks"]
    longer = dict.fromkeys(design.sizes(), 20) | {NORTH: 60}
    made = Files(tmp_path, design, design.list_from(SEED, trial="example", sizes=longer))
    assert made.check()[0] == 0
    shorter = dict.fromkeys(design.sizes(), 20) | {NORTH: 10}
    made = Files(tmp_path, design, design.list_from(SEED, trial="example", sizes=shorter))
    assert "the seed does not make place" in made.check()[1]


def longer(folder, *, places=("new", "usual", "usual", "new", "new"), name="example", block_size=4):
    """An imported list of four places, kept as first.txt, and one that claims to be the longer one."""
    held = {"all": ["new", "usual", "usual", "new"]}
    Files(folder, ImportedDesign(TWO, (), 4, block_size=4), held)
    (folder / "list.txt").rename(folder / "first.txt")
    design = ImportedDesign(TWO, (), 4, block_size=block_size)
    made = Files(folder, design, {"all": list(places)})
    text = canonical(name, design, made.places)
    (folder / "list.txt").write_bytes(text)
    made.commitment = commitment(NONCE, text)
    return made


def test_longer_list_begins_with_the_earlier_one(tmp_path):
    code, said = longer(tmp_path).check("--earlier", "first.txt", "--earlier", "list.txt", seed=False)
    assert code == 0, said
    assert "Its first places are all those of first.txt." in said
    assert "Its first places are all those of list.txt." in said


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"places": ("new", "new", "usual", "usual", "new")},
            "place 2 of all is not the one of first.txt",
        ),
        ({"places": ("new", "usual", "usual")}, "place 4 of all is not the one of first.txt"),
        ({"name": "other"}, "first.txt is of another trial or design"),
        ({"block_size": 8}, "first.txt is of another trial or design"),
    ],
)
def test_longer_list_that_does_not_begin_with_the_earlier_one_is_said(tmp_path, changes, expected):
    made = longer(tmp_path, **changes)
    assert made.check(seed=False)[0] == 0
    assert made.check("--earlier", "first.txt", seed=False) == (
        1,
        f"OK      The list is the one that was committed to: 1 strata, {len(made.places['all'])} places.\n"
        f"NOT OK  {expected}.\n",
    )


def test_earlier_list_that_is_none_is_said(tmp_path):
    made = longer(tmp_path)
    (tmp_path / "first.txt").write_text("tilbake-list-1\ntrial example\ndesign {}\n")
    code, said = made.check("--earlier", "first.txt", seed=False)
    assert (code, "first.txt is not the list as it was revealed" in said) == (2, True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("list.txt", None, "list.txt cannot be read"),
        ("list.txt", b"\xff\xfetilbake", "not the list as it was revealed"),
        ("list.txt", b"tilbake-list-1\r\ntrial x\r\n", "not the list as it was revealed"),
        ("nonce.txt", b"\xff\xfe0", "nonce.txt must hold 64 hexadecimal digits"),
        ("nonce.txt", b"abcd", "nonce.txt must hold 64 hexadecimal digits"),
        ("seed.txt", b"", "seed.txt must hold 64 hexadecimal digits"),
    ],
)
def test_file_that_cannot_be_read_is_said_in_one_sentence(blocks, name, content, said):
    path = blocks.folder / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    code, told = blocks.check()
    assert code == 2
    assert said in told.splitlines()[-1]
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("number,study_id\n".encode("utf-16"), "is not UTF-8 text"),
        (b"number,study_id\n", "lacks the column arm, envelope, position, site, stratum"),
        (
            b"number,study_id,stratum,position,arm,site,envelope\n1,T-1\n",
            "row 2 of allocations.csv has too many or too few columns",
        ),
        (b'number,study_id\n"1,', "is not a CSV file"),
    ],
)
def test_allocations_that_cannot_be_read_are_said_in_one_sentence(blocks, content, said):
    (blocks.folder / "allocations.csv").write_bytes(content)
    code, told = blocks.check("allocations.csv")
    assert code == 2
    assert said in told.splitlines()[-1]


def test_it_needs_the_standard_library_alone():
    imported = {
        line.split()[1] for line in SCRIPT.read_text().splitlines() if line.startswith(("import ", "from "))
    }
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names
