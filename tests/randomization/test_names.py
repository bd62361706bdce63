"""The statistician reads every design in words, with the names of the protocol."""

from typing import get_args

import pytest
from django.urls import reverse
from django.utils import translation

from randomization.design import design_of
from randomization.names import METHODS, Names, in_short
from tests.factories import TINY, by_method, make_trial, make_user
from trial.protocol.checks import check
from trial.protocol.reading import Sources, read_sources
from trial.protocol.schema.trial import Method

BALANCED = {"Balanced by: Site": "North, South", "Balanced by: What troubles you most?": "Body, Mind"}
RATIO = {"Ratio": "Talk : Usual follow-up = 1 : 1"}
IN_STRATA = RATIO | BALANCED | {"Places in each stratum": "at least 40"}
WORDS = {
    "simple": {"Method": "Simple randomization: each place is drawn by the ratio alone"} | IN_STRATA,
    "permuted_blocks": {
        "Method": "Permuted blocks: each block holds the ratio, in a drawn order",
        "Block sizes": "4, 6 (each block's size is drawn)",
    }
    | IN_STRATA,
    "big_stick": {
        "Method": "Big stick: a fair coin, until one arm is too far ahead",
        "Probability of the arm that is behind": "1/2",
        "Largest difference in a stratum": "3",
    }
    | IN_STRATA,
    "biased_coin": {
        "Method": "Biased coin: the arm that is behind is preferred",
        "Probability of the arm that is behind": "2/3",
    }
    | IN_STRATA,
    "minimization": {
        "Method": "Minimization: the arm that balances the factors best is preferred",
        "Probability of the preferred arm": "4/5",
        "Measure of imbalance": "range of the numbers",
        "Balanced by: Site": "North, South (weight 1)",
        "Balanced by: What troubles you most?": "Body, Mind (weight 1)",
        "Places in the one list": "at least 400",
    }
    | RATIO,
    "imported_list": {"Method": "Imported list: it is made elsewhere", "Block sizes": "4"} | IN_STRATA,
    "complete_clusters": {
        "Method": "Whole sites: all at once",
        "Sites": "North, South",
        "Places for late sites": "4",
    }
    | RATIO,
    "stratified_clusters": {
        "Method": "Groups of sites: all at once within each group",
        "Places for late sites": "4 in each group of sites",
    }
    | RATIO,
    "pairwise_clusters": {
        "Method": "Matched pairs of sites: one of each pair to each arm, all at once",
        "Arms": "Talk, Usual follow-up",
        "Places for late sites": "4",
    },
}


SHORT = {
    "simple": "Simple randomization",
    "permuted_blocks": "Permuted blocks (4, 6)",
    "big_stick": "Big stick (at most 3 apart)",
    "biased_coin": "Biased coin (2/3)",
    "minimization": "Minimization (4/5)",
    "imported_list": "Imported list (4)",
    "complete_clusters": "Whole sites",
    "stratified_clusters": "Groups of sites",
    "pairwise_clusters": "Matched pairs of sites",
}


def names_and_design(method):
    sources = read_sources(TINY)
    text = sources.protocol
    for old, new in by_method(method).items():
        text = text.replace(old, new)
    study = check(Sources(text, sources.instruments))
    return Names(study, "en"), design_of(study.protocol)


@pytest.mark.parametrize("method", WORDS)
def test_a_design_is_told_in_words(method):
    names, design = names_and_design(method)
    with translation.override("en"):
        assert dict(names.facts(design)) == WORDS[method]
        assert in_short(design) == SHORT[method]
    together = [("one", ["North", "South"])]
    assert names.units(design) == (together if method[:5] in ("strat", "pairw") else [])


def test_every_method_of_the_protocol_file_has_its_name_once():
    assert tuple(METHODS) == get_args(Method)
    assert len({name for name, _does in METHODS.values()}) == len(METHODS)


def test_strata_of_sites_have_names():
    names, _design = names_and_design("stratified_clusters")
    with translation.override("en"):
        assert names.stratum("late=one") == "Late sites, one"
        assert names.stratum("late") == "Late sites"
        assert names.stratum("all") == "Everybody"


@pytest.mark.django_db
@pytest.mark.parametrize("method", WORDS)
def test_the_desk_shows_every_design(client, method):
    trial = make_trial(changes=by_method(method))
    client.force_login(make_user("statistician", trial=trial))
    client.cookies["django_language"] = "en"
    page = client.get(reverse("randomization:desk", args=[trial.slug])).content.decode()
    for words in WORDS[method].values():
        assert words.replace("'", "&#x27;") in page
