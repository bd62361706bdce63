import re
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from trial.people.study_id import ALPHABET, PATTERN, check_character, new_study_id, read_study_id

bodies = st.text(alphabet=ALPHABET, min_size=5, max_size=5)


@given(bodies, st.integers(0, 5), st.sampled_from(ALPHABET))
def test_every_wrong_character_is_caught(body, position, wrong):
    right = body + check_character(body)
    changed = right[:position] + wrong + right[position + 1 :]
    assert (read_study_id(changed) is not None) == (changed == right)


@given(bodies, st.sampled_from(list(combinations(range(6), 2))))
def test_every_swap_of_two_characters_is_caught(body, places):
    right = body + check_character(body)
    characters = list(right)
    one, other = places
    characters[one], characters[other] = characters[other], characters[one]
    swapped = "".join(characters)
    assert (read_study_id(swapped) is not None) == (swapped == right)


@given(bodies)
def test_however_it_is_typed_it_is_read_the_same(body):
    right = body + check_character(body)
    written = f"{right[:3]}-{right[3:]}"
    for typed in (written, right, right.lower(), f" {right[:3]} {right[3:]} ", f"{right[:2]}.{right[2:]}"):
        assert read_study_id(typed) == written


def test_no_two_characters_look_alike():
    look_alike = ["0OQD", "1ILl", "2Z", "5S", "6G", "8B", "UV", "NM"]
    assert all(sum(character in ALPHABET for character in group) <= 1 for group in look_alike)


def test_new_ids_are_valid_and_follow_no_order():
    ids = [new_study_id() for _ in range(500)]
    assert all(re.match(PATTERN, one) and read_study_id(one) == one for one in ids)
    assert ids != sorted(ids)
    assert len(set(ids)) > 490


def test_what_cannot_be_a_study_id_is_none():
    for typed in ("", "K7F", "K7F-4MXX", "O0O-O0O", "k7f 4m?"):
        assert read_study_id(typed) is None
