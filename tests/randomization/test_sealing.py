import os
from uuid import UUID

import pytest

from randomization.errors import ListDamaged
from randomization.sealing import seal, seal_place, unseal, unseal_place

PLACE = {"list_id": UUID(int=1), "stratum": "all", "position": 1}


def test_sealed_arm_opens_at_its_own_place():
    assert unseal_place(seal_place("expert_team", **PLACE), **PLACE) == "expert_team"


def test_sealed_arm_moved_to_another_place_does_not_open():
    with pytest.raises(ListDamaged):
        unseal_place(seal_place("expert_team", **PLACE), **PLACE | {"position": 2})


def test_changed_byte_does_not_open():
    sealed = seal(b"seed", table="sealedlist", row="1", field="seed")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(ListDamaged):
            unseal(changed, table="sealedlist", row="1", field="seed")


def test_arms_with_long_and_short_names_have_equally_long_seals():
    assert len(seal_place("a", **PLACE)) == len(seal_place("a" * 60, **PLACE))


def test_same_arm_sealed_twice_looks_different():
    assert seal_place("usual", **PLACE) != seal_place("usual", **PLACE)


def test_old_key_still_opens_after_a_new_one_is_added(settings):
    old, new = os.urandom(32).hex(), os.urandom(32).hex()
    settings.RANDOMIZATION_KEY = old
    sealed = seal_place("usual", **PLACE)
    settings.RANDOMIZATION_KEY = f"{new}, {old}"
    assert unseal_place(sealed, **PLACE) == "usual"
    resealed = seal_place("usual", **PLACE)
    settings.RANDOMIZATION_KEY = new
    assert unseal_place(resealed, **PLACE) == "usual"
    with pytest.raises(ListDamaged):
        unseal_place(sealed, **PLACE)
