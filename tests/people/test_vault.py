import base64

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from trial.people.identity import blind_index, keys, vault

PLACE = {"table": "people_identityrecord", "row": "a", "field": "phone"}


@pytest.fixture
def ring(settings):
    """Gives the installation these keys."""

    def use(*sealing):
        settings.IDENTITY_KEYS = ",".join(sealing)
        keys.forget()

    yield use
    keys.forget()


def test_what_is_sealed_opens_in_its_place():
    assert vault.open_(vault.seal("+4768050000", **PLACE), **PLACE) == "+4768050000"


def test_the_same_text_never_looks_the_same_twice():
    assert vault.seal("Åse", **PLACE) != vault.seal("Åse", **PLACE)


@pytest.mark.parametrize("moved", [{"row": "b"}, {"field": "name"}, {"table": "screening_consent"}])
def test_moved_to_another_row_field_or_table_it_does_not_open(moved):
    blob = vault.seal("Kari", **PLACE)
    with pytest.raises(vault.CannotOpen, match="changed or moved"):
        vault.open_(blob, **(PLACE | moved))


@pytest.mark.parametrize("position", [0, 2, 8, 20, -1])
def test_a_changed_byte_is_noticed(position):
    blob = bytearray(vault.seal("Kari", **PLACE))
    blob[position] ^= 1
    with pytest.raises(vault.CannotOpen):
        vault.open_(bytes(blob), **PLACE)


def test_the_newest_key_writes_and_older_ones_still_read(ring):
    old, new = keys.new_key(), keys.new_key()
    ring(old)
    sealed_before = vault.seal("Kari", **PLACE)
    ring(new, old)
    sealed_after = vault.seal("Kari", **PLACE)
    assert vault.open_(sealed_before, **PLACE) == vault.open_(sealed_after, **PLACE) == "Kari"
    ring(new)
    assert vault.open_(sealed_after, **PLACE) == "Kari"
    with pytest.raises(vault.CannotOpen, match="IDENTITY_KEYS does not hold"):
        vault.open_(sealed_before, **PLACE)


@pytest.mark.parametrize("weak", ["hemmelig", base64.b64encode(bytes(16)).decode()])
def test_a_key_of_another_length_stops_the_start(ring, weak):
    ring(weak)
    with pytest.raises(ImproperlyConfigured, match="not 32 bytes"):
        keys.key_ring()


def test_without_settings_a_key_file_is_made_for_its_owner_only(settings, tmp_path):
    settings.KEYS_DIR, settings.IDENTITY_KEYS = tmp_path / "keys", ""
    keys.forget()
    first = keys.key_ring()
    file = tmp_path / "keys" / "identity_keys"
    assert file.stat().st_mode & 0o777 == 0o600
    keys.forget()
    assert keys.key_ring() == first
    file.chmod(0o640)
    keys.forget()
    with pytest.raises(ImproperlyConfigured, match="Others can read"):
        keys.key_ring()
    keys.forget()


def test_equal_values_of_two_fields_have_different_indexes():
    assert blind_index("a@b.no", field="email") == blind_index("a@b.no", field="email")
    assert blind_index("a@b.no", field="email") != blind_index("a@b.no", field="phone")
    assert len(blind_index("a@b.no", field="email")) == 32


def test_a_weak_key_is_found_at_the_start_and_not_at_the_first_registration(ring, settings):
    settings.IDENTITY_INDEX_KEY = keys.new_key()
    ring("hemmelig")
    with pytest.raises(ImproperlyConfigured, match="IDENTITY_KEYS"):
        apps.get_app_config("people").ready()
    ring(keys.new_key())
    apps.get_app_config("people").ready()
