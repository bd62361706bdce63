"""The tiny protocol with each method of randomization: what to change in its text."""

import re

from tests.factories import TINY

_TEXT = TINY.read_text()
_STRATA = re.search(r"\[\[randomization\.strata.+(?=\[weekly\])", _TEXT, re.DOTALL)[0]
_METHOD, _SIZES = 'method = "permuted_blocks"', "block_sizes = [4, 6]\n"
_SITES = ('key = "north"\nname = "North"', 'key = "south"\nname = "South"')
_NO_LISTS = {f"{_SIZES}places_per_stratum = 40\n": "", _STRATA: ""}


def _clusters(method, more):
    return {
        _METHOD: f'method = "{method}"',
        **{site: f"{site}\n{more}cluster = true" for site in _SITES},
        **_NO_LISTS,
    }


DESIGNS = {
    "permuted_blocks": {},
    "simple": {_METHOD: 'method = "simple"', _SIZES: ""},
    "big_stick": {_METHOD: 'method = "big_stick"', _SIZES: "maximum_imbalance = 3\n"},
    "biased_coin": {_METHOD: 'method = "biased_coin"', _SIZES: 'probability = "2/3"\n'},
    "minimization": {_METHOD: 'method = "minimization"', _SIZES: 'probability = "4/5"\n'},
    "imported_list": {_METHOD: 'method = "imported_list"', _SIZES: "block_sizes = [4]\n"},
    "complete_clusters": _clusters("complete_clusters", ""),
    "stratified_clusters": _clusters("stratified_clusters", 'group = "big"\n'),
    "pairwise_clusters": _clusters("pairwise_clusters", 'pair = "one"\n'),
}
