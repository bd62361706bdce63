"""Every method of randomization is checked when the file is: what could not be sealed is not loaded."""

import random
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from randomization.design import design_of
from randomization.errors import DesignRefused
from randomization.models import Stratum
from tests.factories import RATIO, TINY, by_method
from trial.protocol.checks import check, findings
from trial.protocol.checks.imbalance import after_blocks, after_coins, expected_imbalance, most_places
from trial.protocol.checks.strata import LONGEST_KEY
from trial.protocol.reading import Sources, read_sources, study_from
from trial.protocol.schema.trial import Level, Method, StratumFactor

SOURCES = read_sources(TINY)
METHODS = get_args(Method)
TEAM = SOURCES.protocol[SOURCES.protocol.index("[expert_team]") : SOURCES.protocol.index("[[outcomes]]")]


def protocol(method, *changes):
    """The tiny protocol by a method, with changes that must be possible."""
    text = SOURCES.protocol.replace("target = 400", "target = 8")
    for old, new in [*by_method(method).items(), *changes]:
        assert old in text, old
        text = text.replace(old, new, 1)
    return Sources(text, SOURCES.instruments)


def found(sources, *, notes=False):
    return [str(one) for one in findings(sources)[1] if one.note == notes]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_written(method):
    assert check(protocol(method)).protocol.randomization.method == method


THREE = (RATIO, "ratio = { talk = 2, usual = 1 }")
MISTAKES = [
    ("simple", ("places_per_stratum = 40\n", ""), "randomization", "places_per_stratum is missing"),
    ("simple", ("= 40\n", "= 40\nblock_sizes = [4]\n"), "randomization.block_sizes", "permuted_blocks"),
    ("simple", ("= 40\n", "= 40\nlate_places = 2\n"), "randomization.late_places", "complete_clusters or"),
    ("simple", ("= 40\n", "= 300000\n"), "randomization.places_per_stratum", "at most 1000000"),
    ("permuted_blocks", ("[4, 6]", "[4, 4]"), "randomization.block_sizes[1]", "there twice"),
    ("permuted_blocks", ("[4, 6]", "[1]"), "randomization.block_sizes[0]", "not a multiple of 2"),
    ("permuted_blocks", THREE, "randomization.block_sizes[0]", "4 is not a multiple of 3"),
    ("permuted_blocks", (RATIO, "ratio = {}"), "randomization.ratio", "“talk” has no share"),
    (
        "permuted_blocks",
        ('source = "main_complaint"\n', 'source = "main_complaint"\nweight = 2\n'),
        "randomization.strata[1].weight",
        "belongs to minimization",
    ),
    (
        "permuted_blocks",
        ('source = "main_complaint"', 'source = "site"'),
        "randomization.strata[1].source",
        "“site” is there twice",
    ),
    (
        "permuted_blocks",
        ("= 40\n", '= 40\nprobability = "2/3"\n'),
        "randomization.probability",
        "biased_coin",
    ),
    (
        "permuted_blocks",
        ("= 40\n", '= 40\nimbalance = "variance"\n'),
        "randomization.imbalance",
        "minimization",
    ),
    ("big_stick", ("maximum_imbalance = 3\n", ""), "randomization", "maximum_imbalance is missing"),
    ("big_stick", ("imbalance = 3", "imbalance = 1"), "randomization.maximum_imbalance", "known beforehand"),
    ("big_stick", THREE, "randomization.ratio", "one to one"),
    ("big_stick", ("= 40\n", '= 40\nprobability = "2/3"\n'), "randomization.probability", "biased_coin"),
    ("biased_coin", ('probability = "2/3"\n', ""), "randomization", "probability is missing"),
    ("biased_coin", ('"2/3"', '"1/3"'), "randomization.probability", "from 1/2 to below 1"),
    ("biased_coin", ('"2/3"', '"3/3"'), "randomization.probability", "from 1/2 to below 1"),
    ("biased_coin", ('"2/3"', '"2/4"'), "randomization.probability", "balances nothing"),
    ("biased_coin", ('"2/3"', '"0.7"'), "randomization.probability", "not possible"),
    ("biased_coin", THREE, "randomization.ratio", "one to one"),
    ("minimization", ('probability = "4/5"\n', ""), "randomization", "probability is missing"),
    ("minimization", ('"4/5"', '"1/2"'), "randomization.probability", "balances nothing"),
    ("minimization", ('"4/5"', '"5/5"'), "randomization.probability", "can be guessed"),
    ("minimization", ("= 400", "= 7"), "randomization.places_per_stratum", "each of 8 participants"),
    (
        "minimization",
        ("= 400\n", "= 400\nblock_sizes = [4]\n"),
        "randomization.block_sizes",
        "permuted_blocks",
    ),
    ("imported_list", ("[4]", "[4, 6]"), "randomization.block_sizes", "one size"),
    ("imported_list", ("[4]", "[5]"), "randomization.block_sizes[0]", "not a multiple of 2"),
    ("complete_clusters", ("cluster = true", ""), "sites[0]", "randomized as a whole"),
    ("complete_clusters", ("cluster = true", 'cluster = true\ngroup = "a"'), "sites[0].group", "stratified_"),
    ("complete_clusters", THREE, "sites", "2 site(s), and the ratio's sum is 3"),
    (
        "complete_clusters",
        ("late_places = 4\n", "late_places = 4\nplaces_per_stratum = 9\n"),
        "randomization.places_per_stratum",
        "randomize participants",
    ),
    ("complete_clusters", ("places = 4", "places = 1000001"), "randomization.late_places", "at most 1000000"),
    ("stratified_clusters", ('group = "one"\n', ""), "sites[0]", "“north” has no group"),
    ("stratified_clusters", ('group = "one"\n', 'group = "two"\n'), "sites[1].group", "“one” has 1 site(s)"),
    ("stratified_clusters", ('group = "one"\n', 'pair = "one"\n'), "sites[0].pair", "pairwise_clusters"),
    ("pairwise_clusters", ("places = 4", "places = 3"), "randomization.late_places", "two places each"),
    ("pairwise_clusters", ('pair = "one"\n', 'group = "one"\n'), "sites[0].group", "stratified_clusters"),
    ("simple", ("= 40\n", "= 40\nunblinding = {}\n"), "randomization.unblinding", "open trial"),
]


@pytest.mark.parametrize(("method", "change", "path", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_its_reason(method, change, path, words):
    mistakes = found(protocol(method, change))
    assert any(f": {path}: " in line and words in line for line in mistakes), mistakes


def test_minimization_needs_factors():
    sources = protocol("minimization")
    start, end = sources.protocol.index("[[randomization.strata]]"), sources.protocol.index("[weekly]")
    without = Sources(sources.protocol[:start] + sources.protocol[end:], sources.instruments)
    assert [
        "randomization.strata: minimization needs factors to balance" in one for one in found(without)
    ] == [True]


def test_names_of_strata_that_are_too_long_for_the_table_are_refused():
    assert Stratum._meta.get_field("key").max_length == LONGEST_KEY
    factor = '[[randomization.strata]]\nkey = "{key}"\nsource = "{source}"\nlevels = [\n{levels}\n]\n'
    levels = "\n".join(
        f'  {{ key = "{value * 12}", name = {{ nb = "x", en = "x" }}, values = ["{value}"] }},'
        for value in ("pain", "mind", "other")
    )
    added = "".join(
        factor.format(key=f"{letter * 60}", source="main_complaint", levels=levels) for letter in "abcd"
    )
    mistakes = found(protocol("simple", ("[weekly]", f"{added}\n[weekly]")))
    assert any("more than 400 letters" in line for line in mistakes), mistakes


def test_every_mistake_of_a_design_is_said_in_one_round():
    changes = [
        (RATIO, "ratio = { talk = 2, usual = 1 }"),
        ('"2/3"', '"3/3"'),
        ("= 40\n", "= 40\nlate_places = 2\n"),
    ]
    mistakes = " ".join(found(protocol("biased_coin", *changes)))
    assert all(word in mistakes for word in ("one to one", "3/3 is not", "late_places: belongs to")), mistakes


BLINDED = ("= 40\n", '= 40\nmasking = "blinded"\nunblinding = { second_person = true }\n')


def test_blinded_trial_has_no_expert_team_and_should_be_able_to_unblind():
    assert not found(protocol("simple", (TEAM, ""), BLINDED))
    without = protocol("simple", (TEAM, ""), ("= 40\n", '= 40\nmasking = "blinded"\n'))
    assert any("in an emergency" in note for note in found(without, notes=True))


def test_blinded_clusters_are_noted():
    change = ("late_places = 4\n", 'late_places = 4\nmasking = "blinded"\nunblinding = {}\n')
    sources = protocol("complete_clusters", (TEAM, ""), change)
    assert not found(sources)
    assert any("same arm" in note for note in found(sources, notes=True))


# --- strata ---


def stratified_by(source, *levels):
    """The tiny protocol with these levels of another question instead of the complaint's."""
    text = SOURCES.protocol
    start, end = text.index('source = "main_complaint"\nlevels'), text.index("[weekly]")
    written = ",\n".join(
        f'  {{ key = "level{number}", name = {{ nb = "Nivå", en = "Level" }}, {level} }}'
        for number, level in enumerate(levels)
    )
    text = f'{text[:start]}source = "{source}"\nlevels = [\n{written}\n]\n\n{text[end:]}'
    return Sources(text, SOURCES.instruments)


def test_an_answer_with_decimals_that_is_a_levels_minimum_belongs_to_it():
    levels = [
        Level(key=key, name={"en": key}, minimum=low) for key, low in (("low", "0.7"), ("high", "37.8"))
    ]
    factor = StratumFactor(key="age", source="age", levels=levels)
    assert [factor.level_of(age) for age in (0.6, 0.7, 37.7, 37.8)] == [None, "low", "low", "high"]


def test_numbers_and_yes_or_no_are_strata_too():
    ranges = check(stratified_by("pain_now", "minimum = 0", "minimum = 5", "minimum = 7"))
    (_site, factor) = ranges.protocol.randomization.strata
    assert [factor.level_of(pain) for pain in (0, 4, 4.5, 5, 10, None)] == [
        *["level0"] * 3,
        "level1",
        "level2",
        None,
    ]
    either = check(stratified_by("has_employer", 'values = ["yes"]', 'values = ["no"]'))
    (_site, factor) = either.protocol.randomization.strata
    assert [factor.level_of(answer) for answer in (True, False, None)] == ["level0", "level1", None]


@pytest.mark.parametrize(
    ("source", "levels", "words"),
    [
        ("pain_now", ["minimum = 0", 'values = ["yes"]'], "each level needs a minimum, and no values"),
        ("pain_now", ["minimum = 0", "minimum = 5", "minimum = 5"], "larger than that of the level before"),
        ("pain_now", ["minimum = 1", "minimum = 5"], "begin with the minimum of “pain_now”"),
        ("pain_now", ["minimum = 0", "minimum = 11"], "no answer above 10"),
        ("pain_now", ["minimum = 0", "minimum = 4.5"], "begin with a possible answer"),
        ("pain_now", [], "“pain_now” divides nobody"),
        ("has_employer", ['values = ["yes", "no"]', 'code = "1"'], "no answer belongs to the level"),
        ("has_employer", ['values = ["yes"]'], "the option “no” of “has_employer” belongs to no level"),
        ("has_employer", ['values = ["yes"]', "minimum = 0"], "levels with values, and no minimum"),
        ("has_employer", ['values = ["yes"]', 'values = ["no", "maybe"]'], "has no option “maybe”"),
        ("hours_a_week", ["minimum = 0"], "“hours_a_week” can stay unanswered"),
        ("tried", ['values = ["nothing"]'], "“tried” is of kind “multiple”"),
    ],
)
def test_levels_that_leave_an_answer_out_or_to_two_are_refused(source, levels, words):
    mistakes = found(stratified_by(source, *levels))
    assert any("randomization.strata[1]" in line and words in line for line in mistakes), mistakes


@pytest.mark.parametrize("method", ["permuted_blocks", "big_stick", "biased_coin", "imported_list"])
def test_many_strata_are_noted_with_the_expected_imbalance(method):
    (note,) = [note for note in found(protocol(method), notes=True) if "strata leave" in note]
    assert "4 strata leave about 2 participants" in note
    assert "miss the ratio by 1." in note or "miss the ratio by 2." in note
    enough = protocol(method, ("target = 8", "target = 80"))
    assert not [note for note in found(enough, notes=True) if "strata leave" in note]


def test_many_strata_of_an_imported_list_without_a_block_size_are_noted_without_a_number():
    without = protocol("imported_list", ("block_sizes = [4]\n", ""))
    (note,) = [note for note in found(without, notes=True) if "strata leave" in note]
    assert "miss the ratio" not in note


def test_strata_of_simple_randomization_and_lists_that_are_too_short_are_noted():
    notes = " ".join(found(protocol("simple", ("= 40\n", "= 1\n")), notes=True))
    assert "simple randomization balances no stratum" in notes
    assert "4 strata have 4 places for 8 participants" in notes


def test_minimization_may_have_many_factors():
    assert not [note for note in found(protocol("minimization"), notes=True) if "strata" in note]


def missed_in_simulation(ratio, arms, sizes, participants, strata, rounds=1500):
    """The mean over whole trials in which each stratum gets a binomial number of participants."""
    chance, unit, missed = random.Random(5), sum(ratio.values()), 0.0
    for _ in range(rounds):
        y = 0.0
        for _ in range(strata):
            places = sum(chance.random() < 1 / strata for _ in range(participants))
            listed = []
            while len(listed) < places:
                size = chance.choice(sizes)
                block = [arm for arm, share in ratio.items() for _ in range(share * size // unit)]
                listed += chance.sample(block, size)
            used = listed[:places]
            planned = places * (ratio[arms[0]] - ratio[arms[1]]) / unit
            y += used.count(arms[0]) - used.count(arms[1]) - planned
        missed += abs(y)
    return missed / rounds


@pytest.mark.parametrize(
    ("ratio", "sizes", "participants", "strata"),
    [
        ({"a": 1, "b": 1}, (4, 6), 30, 6),
        ({"a": 1, "b": 1}, (4,), 21, 1),
        ({"a": 2, "b": 1}, (6, 9), 20, 4),
        ({"a": 2, "b": 1, "c": 1}, (8,), 25, 5),
    ],
)
def test_expected_imbalance_is_what_a_simulation_finds(ratio, sizes, participants, strata):
    shares = ratio["a"] - ratio["b"]
    ours = expected_imbalance(
        after_blocks(ratio, ("a", "b"), sizes, most_places(participants, strata)),
        planned=Fraction(shares, sum(ratio.values())),
        participants=participants,
        strata=strata,
    )
    simulated = missed_in_simulation(ratio, ("a", "b"), sizes, participants, strata)
    assert ours == pytest.approx(simulated, rel=0.06)


def test_expected_imbalance_of_known_cases():
    def blocks(participants, strata=1, sizes=(4,)):
        after = after_blocks({"a": 1, "b": 1}, ("a", "b"), sizes, most_places(participants, strata))
        return expected_imbalance(after, planned=Fraction(0), participants=participants, strata=strata)

    assert blocks(8) == pytest.approx(0, abs=1e-9)
    assert blocks(9) == pytest.approx(1)
    assert blocks(10) == pytest.approx(2 * 2 / 6)  # both of one arm in two of six orders
    assert blocks(400, 200) > 5 * blocks(400)

    coins = after_coins(Fraction(1, 2), 2, 3)
    assert coins[3] == {1: 0.5, -1: 0.5}  # the big stick of 2 forces what would be the third of a kind


# --- the design refuses nothing that the check lets through ---

FRACTIONS = ["1/3", "1/2", "2/3", "4/5", "3/3", "5/4"]
DESIGNS = st.fixed_dictionaries(
    {"method": st.sampled_from([f'"{method}"' for method in METHODS])},
    optional={
        "ratio": st.sampled_from(["{ talk = 2, usual = 1 }", "{ talk = 1 }", "{}"]),
        "block_sizes": st.lists(st.integers(1, 6), max_size=2).map(str),
        "places_per_stratum": st.sampled_from(["8", "400000"]),
        "probability": st.sampled_from([f'"{one}"' for one in FRACTIONS]),
        "maximum_imbalance": st.integers(1, 3).map(str),
        "late_places": st.integers(0, 3).map(str),
    },
)
SITES = st.lists(
    st.sampled_from(["", 'group = "one"\n', 'pair = "one"\n', 'pair = "two"\n']), min_size=2, max_size=2
)


def written(keys, sites, strata):
    text, old = SOURCES.protocol, SOURCES.protocol
    section = text[text.index("[randomization]") : text.index("[weekly]")]
    factors = section[section.index("[[randomization.strata]]") :] if strata else ""
    keys = {"ratio": "{ talk = 1, usual = 1 }"} | keys
    new = "[randomization]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()) + "\n" + factors
    text = text.replace(section, new)
    if "clusters" in keys["method"]:
        for name, more in zip(("North", "South"), sites, strict=True):
            text = text.replace(f'name = "{name}"\n', f'name = "{name}"\ncluster = true\n{more}')
    assert text != old
    return Sources(text, SOURCES.instruments)


@settings(max_examples=120, deadline=None)
@given(keys=DESIGNS, sites=SITES, strata=st.booleans())
@example({"method": '"big_stick"', "maximum_imbalance": "2", "places_per_stratum": "8"}, ["", ""], True)
@example({"method": '"minimization"', "probability": '"2/3"', "places_per_stratum": "8"}, ["", ""], True)
@example({"method": '"stratified_clusters"', "late_places": "3"}, ['group = "one"\n'] * 2, False)
def test_what_the_check_lets_through_can_be_sealed(keys, sites, strata):
    study, _problems = findings(written(keys, sites, strata))
    if study is None:
        return
    design = design_of(study.protocol)
    if keys["method"] == '"imported_list"':
        design.refuse_what_can_be_guessed()
    else:
        assert design.list_from(bytes(32), trial="tiny")


@pytest.mark.parametrize(
    ("method", "change"),
    [
        (method, change)
        for method, change, path, _words in MISTAKES
        if path.removesuffix("[0]").removesuffix("[1]").removeprefix("randomization.")
        in ("block_sizes", "late_places", "maximum_imbalance", "ratio")
        and method not in ("simple", "imported_list")
        and "\nblock_sizes" not in change[1]
    ],
)
def test_what_the_check_says_of_a_guess_the_design_refuses_too(method, change):
    """The two do not drift apart."""
    sources = protocol(method, change)
    assert found(sources)
    with pytest.raises(DesignRefused):
        design_of(study_from(sources).protocol).list_from(bytes(32), trial="tiny")
