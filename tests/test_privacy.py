"""Every column of the database has a privacy class, said once."""

from collections import Counter

import pytest
from django.apps import apps
from django.db.models import BinaryField

from trial.core.models import Model

THIRD_PARTY = {
    # What libraries keep is about staff and machines. A session may name a participant by study id.
    "account.EmailAddress": "open",
    "account.EmailConfirmation": "open",
    "admin.LogEntry": "open",
    "auth.Group": "open",
    "auth.Group_permissions": "open",
    "auth.Permission": "open",
    "contenttypes.ContentType": "open",
    "mfa.Authenticator": "open",
    "sessions.Session": "pseudonymous",
}
NOT_AUDITED = {"audit.AuditEvent", "audit.AuditBlock", "messaging.Heartbeat"}

MODELS = apps.get_models(include_auto_created=True)
OURS = [model for model in MODELS if issubclass(model, Model)]
THEIRS = [model for model in MODELS if not issubclass(model, Model)]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_field_of_ours_has_exactly_one_privacy_class(model):
    assert hasattr(model, "privacy"), "declare privacy = Privacy(...)"
    fields = Counter(field.name for field in model._meta.concrete_fields)
    assert Counter(model.privacy.fields()) == fields


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_identity_field_is_sealed(model):
    """In the identity vault's tables an identity is bytes: ciphertext or a blind index."""
    for name in model.privacy.identity:
        assert isinstance(model._meta.get_field(name), BinaryField), f"{name} can be read in the database"


def test_every_table_of_a_library_is_classified_and_no_model_of_ours_escapes():
    assert {model._meta.label for model in THEIRS} == THIRD_PARTY.keys()


def test_the_masked_columns_exist():
    for model in OURS:
        assert set(model.audit_redact) <= {field.name for field in model._meta.concrete_fields}


def test_only_the_trail_itself_and_the_heartbeat_are_outside_the_trail():
    from trial.audit.tables import watched

    tables = {table.table for table in watched()}
    outside = {model._meta.label for model in OURS if model._meta.db_table not in tables}
    assert outside == NOT_AUDITED
