from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from tests.factories import NOW, TINY, amend, make_trial
from trial.protocol import selectors
from trial.protocol.checks import ProtocolProblems
from trial.protocol.errors import AlreadyActive, ArmsChanged, ReasonMissing, StatusRefused, VersionExists
from trial.protocol.models import Activation, ProtocolVersion, Trial, TrialStatus
from trial.protocol.reading import Sources, read_sources
from trial.protocol.services import activate, load_protocol, set_trial_status

pytestmark = pytest.mark.django_db


@pytest.fixture
def sources():
    return read_sources(TINY)


def amended(sources, version="1.1"):
    text = sources.protocol.replace('version = "1.0"', f'version = "{version}"').replace(
        "target = 400", "target = 9"
    )
    return Sources(text, sources.instruments)


def test_a_loaded_version_holds_the_whole_files_and_their_hash(sources):
    version = load_protocol(sources=sources, now=NOW)
    version = ProtocolVersion.objects.get(pk=version.pk)
    assert version.source == TINY.read_text()
    assert set(version.instruments) == {"wellbeing", "background"}
    assert version.sha256 == sources.sha256 == selectors.sources_of(version).sha256


def test_a_file_with_mistakes_is_not_stored(sources):
    with pytest.raises(ProtocolProblems):
        load_protocol(
            sources=Sources(sources.protocol.replace("[4, 6]", "[2]"), sources.instruments), now=NOW
        )
    assert not Trial.objects.exists()


def test_loading_the_same_files_again_changes_nothing(sources):
    first = load_protocol(sources=sources, now=NOW)
    again = load_protocol(sources=sources, now=NOW + timedelta(days=1))
    assert again == first
    assert again.loaded_at == NOW


@pytest.mark.parametrize("instrument", [False, True])
def test_the_same_version_with_other_content_is_refused(sources, instrument):
    load_protocol(sources=sources, now=NOW)
    other = (
        Sources(
            sources.protocol, {**sources.instruments, "wellbeing": sources.instruments["wellbeing"] + "\n"}
        )
        if instrument
        else Sources(sources.protocol + "\n", sources.instruments)
    )
    with pytest.raises(VersionExists):
        load_protocol(sources=other, reason="typo", now=NOW)


def test_an_amendment_says_why(sources):
    load_protocol(sources=sources, now=NOW)
    with pytest.raises(ReasonMissing):
        load_protocol(sources=amended(sources), reason="  ", now=NOW)
    assert (
        load_protocol(sources=amended(sources), reason="More participants", now=NOW).reason
        == "More participants"
    )


def test_the_latest_activation_is_in_force_and_the_others_are_remembered(sources):
    first = load_protocol(sources=sources, now=NOW)
    second = load_protocol(sources=amended(sources), reason="More participants", now=NOW)
    activate(version=first, by="user:1", now=NOW)
    assert selectors.active_protocol(first.trial).target == 400
    activate(version=second, by="user:2", now=NOW + timedelta(days=1))
    assert selectors.active_protocol(first.trial).target == 9
    assert selectors.protocol_of(first).target == 400
    rows = Activation.objects.filter(trial=first.trial).values_list("version__version", "by", "reason")
    assert list(rows) == [("1.0", "user:1", ""), ("1.1", "user:2", "More participants")]


def test_going_back_to_an_earlier_version_needs_a_new_version(sources):
    first = load_protocol(sources=sources, now=NOW)
    activate(version=first, by="user:1", now=NOW)
    with pytest.raises(AlreadyActive):
        activate(version=first, by="user:1", now=NOW)


@pytest.mark.parametrize("model", [ProtocolVersion, Activation, TrialStatus])
def test_the_database_refuses_to_change_or_delete_what_was_decided(model):
    make_trial()
    row = model.objects.first()
    column = {ProtocolVersion: "source", Activation: "by", TrialStatus: "by"}[model]
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        model.objects.filter(pk=row.pk).update(**{column: "x"})
    with (
        pytest.raises(IntegrityError, match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE id = %s", [row.pk])


def test_a_trial_goes_from_draft_to_recruiting_to_closed_to_locked():
    trial = make_trial(recruiting=False)
    assert selectors.status_of(trial) == "draft"
    assert selectors.open_trials() == []
    for name in ("recruiting", "closed", "recruiting", "closed", "locked"):
        set_trial_status(trial=trial, name=name, by="user:1", now=NOW)
        assert selectors.status_of(trial) == name
        assert selectors.open_trials() == ([trial] if name == "recruiting" else [])
    assert TrialStatus.objects.filter(trial=trial).count() == 5


@pytest.mark.parametrize(
    ("present", "wanted"), [("draft", "locked"), ("recruiting", "locked"), ("locked", "recruiting")]
)
def test_steps_that_do_not_exist_are_refused(present, wanted):
    trial = make_trial(recruiting=False)
    for name in {"draft": (), "recruiting": ("recruiting",), "locked": ("recruiting", "closed", "locked")}[
        present
    ]:
        set_trial_status(trial=trial, name=name, by="user:1", now=NOW)
    with pytest.raises(StatusRefused):
        set_trial_status(trial=trial, name=wanted, by="user:1", now=NOW)


def test_a_trial_without_protocol_in_force_does_not_recruit(sources):
    version = load_protocol(sources=sources, now=NOW)
    with pytest.raises(StatusRefused, match="active protocol"):
        set_trial_status(trial=version.trial, name="recruiting", by="user:1", now=NOW)


def test_a_known_protocol_is_read_without_its_text(sources, django_assert_num_queries):
    trial = make_trial()
    selectors.active_protocol(trial)
    with django_assert_num_queries(1) as queries:
        assert selectors.active_protocol(trial).slug == "tiny"
    assert '"source"' not in queries.captured_queries[0]["sql"]


def test_the_arms_of_a_trial_that_recruits_stay():
    renamed = {'key = "talk"': 'key = "chat"', "talk = 1": "chat = 1", 'arm = "talk"': 'arm = "chat"'}
    with pytest.raises(ArmsChanged, match="talk, usual"):
        amend(make_trial(), renamed)
    amend(make_trial("draft", recruiting=False), renamed)
