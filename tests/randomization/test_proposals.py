"""Two statisticians seal together; and a list from elsewhere is sealed like any other."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import DatabaseError, connection, transaction

from randomization.committed import opened
from randomization.designs import canonical, commitment, design_from
from randomization.errors import (
    AlreadySealed,
    ListDamaged,
    ListMissing,
    ListNotWanted,
    ProposalOutdated,
    SecondPersonNeeded,
)
from randomization.importing import ListRefused
from randomization.models import ListExtension, Place, SealedList, SealProposal
from randomization.sealing import unseal
from randomization.selectors import arms_for_analysis, randomization_number, waiting_proposal
from randomization.services import allocate, approve_proposal, extend_lists, propose_list, seal_lists
from randomization.services.proposals import file_of
from tests.factories import NOW, TINY, make_trial, make_user, make_verified_participant, seal
from tests.randomization.imported import (
    BLOCK,
    IMPORTED,
    STRATA,
    TWO_PERSONS,
    blinded_files,
    imported_trial,
    list_file,
)
from tests.together import at_once
from trial.audit.context import acting
from trial.core.errors import DomainError
from trial.people.errors import NotPermitted
from trial.protocol.reading import Sources, read_sources
from trial.protocol.services import activate, load_protocol

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def two(db):
    """A trial that asks for two persons."""
    return make_trial(changes=TWO_PERSONS)


def statistician(trial):
    return make_user("statistician", trial=trial)


def propose(trial, by=None, imported=None, key=None, now=NOW):
    return propose_list(trial=trial, by=by or statistician(trial), imported=imported, key=key, now=now)


def approve(proposal, by=None, now=LATER):
    trial = proposal.protocol_version.trial
    return approve_proposal(proposal=proposal, by=by or statistician(trial), now=now)


def amend(trial, version, changes):
    text = read_sources(TINY).protocol.replace('version = "1.0"', f'version = "{version}"')
    for old, new in changes.items():
        text = text.replace(old, new)
    sources = Sources(text, read_sources(TINY).instruments)
    activate(version=load_protocol(sources=sources, reason="x", now=NOW), by="system:test", now=LATER)


# --- imported lists ---


def test_imported_list_is_sealed_under_a_commitment_and_without_a_seed(db):
    trial = imported_trial()
    sealed = seal_lists(trial=trial, by=statistician(trial), imported=list_file(last=6), now=NOW)
    listed = opened(sealed)
    assert listed == {key: [*BLOCK, *BLOCK[:2]] for key in STRATA}
    nonce = unseal(bytes(sealed.nonce), table="sealedlist", row=str(sealed.pk), field="nonce")
    assert sealed.commitment == commitment(nonce, canonical("tiny", design_from(sealed.design), listed))
    assert sealed.seed is None


def test_participant_gets_the_arm_and_the_number_of_the_file(db):
    trial = imported_trial()
    seal_lists(trial=trial, by=statistician(trial), imported=list_file(codes=True), now=NOW)
    by = make_user("coordinator", trial=trial)
    people = [make_verified_participant(trial, by=by) for _place in BLOCK]
    assert randomization_number(people[0]) == ""
    for one in people:
        allocate(participant=one, by=by, now=NOW)
    arms = arms_for_analysis(trial=trial, reason="test", now=NOW)
    assert [arms[one.pk] for one in people] == BLOCK
    assert [randomization_number(one) for one in people] == ["7", "14", "21", "28"]


def test_blinded_table_with_its_key_is_sealed_like_the_same_list_with_arms(db):
    trial = imported_trial()
    table, key = blinded_files()
    for alone in (None, list_file(), b"code,arm\n7,talk"):
        with pytest.raises(ListRefused):
            seal_lists(trial=trial, by=statistician(trial), imported=table, key=alone, now=NOW)
    sealed = seal_lists(trial=trial, by=statistician(trial), imported=table, key=key, now=NOW)
    assert opened(sealed) == dict.fromkeys(STRATA, BLOCK)
    numbers = Place.objects.filter(stratum__key=STRATA[1]).order_by("position").values_list("code", flat=True)
    assert list(numbers) == ["707", "714", "721", "728"]
    more, more_key = blinded_files(first=5, last=8)
    with pytest.raises(ListRefused):
        extend_lists(trial=trial, by=statistician(trial), imported=more, key=key, now=LATER)
    extend_lists(trial=trial, by=statistician(trial), imported=more, key=more_key, now=LATER)
    assert opened(sealed) == dict.fromkeys(STRATA, BLOCK * 2)


def test_imported_trial_is_sealed_only_with_a_list_that_has_no_defect(db):
    trial = imported_trial()
    with pytest.raises(ListMissing):
        seal(trial)
    with pytest.raises(ListRefused):
        seal_lists(trial=trial, by=statistician(trial), imported=list_file(last=3, first=2), now=NOW)
    assert not SealedList.objects.exists()


def test_file_is_not_needed_where_the_list_is_made_here(tiny):
    seal_lists(trial=tiny, by=statistician(tiny), imported=None, now=NOW)
    assert SealedList.objects.get().seed is not None


@pytest.mark.parametrize("files", [{"imported": list_file()}, {"imported": b""}, {"key": b"code,arm"}])
def test_nobody_takes_a_list_made_here_for_the_file_that_was_chosen(two, files):
    alone = make_trial("alone")
    with pytest.raises(ListNotWanted):
        seal_lists(trial=alone, by=statistician(alone), now=NOW, **files)
    with pytest.raises(ListNotWanted):
        propose(two, **files)
    assert not SealedList.objects.exists()
    assert not SealProposal.objects.exists()
    seal(alone)
    with pytest.raises(ListNotWanted):
        extend_lists(trial=alone, by=statistician(alone), now=LATER, places_per_stratum=80, **files)
    assert not ListExtension.objects.exists()


# --- two persons ---


def test_second_statistician_seals_what_the_first_proposed(two):
    first, second = statistician(two), statistician(two)
    proposal = propose(two, first)
    assert waiting_proposal(two) == proposal
    assert not SealedList.objects.exists()
    sealed = approve(proposal, second)
    assert (sealed.sealed_by, sealed.proposal.by) == (second, first)
    assert waiting_proposal(two) is None


def test_nobody_seals_alone_where_two_are_asked_for(two):
    first = statistician(two)
    with pytest.raises(SecondPersonNeeded):
        seal_lists(trial=two, by=first, now=NOW)
    with pytest.raises(SecondPersonNeeded):
        approve(propose(two, first), first)
    for role in ("coordinator", "trial_manager", "monitor"):
        with pytest.raises(NotPermitted):
            approve(waiting_proposal(two), make_user(role, trial=two))
    with pytest.raises(NotPermitted):
        approve(waiting_proposal(two), statistician(make_trial("other")))
    assert not SealedList.objects.exists()


def test_newer_proposal_replaces_the_older_one(two):
    older, newer = propose(two), propose(two)
    with pytest.raises(ProposalOutdated):
        approve(older)
    assert approve(newer).proposal == newer


def test_proposal_of_another_protocol_version_is_not_approved(two):
    proposal = propose(two)
    amend(two, "2.0", TWO_PERSONS | {"places_per_stratum = 40": "places_per_stratum = 60"})
    assert waiting_proposal(two) is None
    with pytest.raises(ProposalOutdated):
        approve(proposal)
    assert approve(propose(two)).protocol_version.version == "2.0"


def test_nothing_is_proposed_that_cannot_be_sealed(two):
    approve(propose(two))
    with pytest.raises(AlreadySealed):
        propose(two)
    imported = imported_trial("elsewhere", **TWO_PERSONS)
    with pytest.raises(ListMissing):
        propose(imported)
    with pytest.raises(ListRefused):
        propose(imported, imported=list_file(first=2))
    assert SealProposal.objects.count() == 1


def test_proposed_file_waits_sealed_and_opens_at_its_own_proposal_only(db):
    trial = imported_trial(**TWO_PERSONS)
    proposal = propose(trial, imported=list_file())
    assert file_of(proposal) == list_file()
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(p)::text FROM randomization_sealproposal p")
        assert list_file().hex()[:40] not in cursor.fetchone()[0]
        cursor.execute("SELECT new::text FROM audit_event WHERE table_name = 'randomization_sealproposal'")
        assert list_file().hex()[:40] not in cursor.fetchone()[0]
    moved = SealProposal(protocol_version=proposal.protocol_version, by=proposal.by, at=LATER)
    moved.imported = proposal.imported
    with pytest.raises(ListDamaged):
        file_of(moved)
    assert opened(approve(proposal)) == dict.fromkeys(STRATA, BLOCK)
    for act in (SealProposal.objects.all()._raw_delete, lambda _using: SealProposal.objects.update(at=NOW)):
        with pytest.raises(DatabaseError), transaction.atomic():
            act("default")


def test_blinded_table_and_its_key_wait_as_one_file(db):
    trial = imported_trial(**TWO_PERSONS)
    table, key = blinded_files()
    with pytest.raises(ListRefused):
        propose(trial, imported=table)
    proposal = propose(trial, imported=table, key=key)
    assert file_of(proposal).startswith(b"redcap_randomization_group,redcap_randomization_number,site,")
    assert opened(approve(proposal)) == dict.fromkeys(STRATA, BLOCK)
    table, key = blinded_files(first=5, last=8)
    extension = approve(propose(trial, imported=table, key=key, now=LATER + timedelta(hours=1)))
    assert set(extension.sizes.values()) == {8}


def test_second_file_is_appended_by_two_persons_too(db):
    trial = imported_trial(**TWO_PERSONS)
    approve(propose(trial, imported=list_file()))
    more = list_file(first=5, last=8)
    with pytest.raises(SecondPersonNeeded):
        extend_lists(trial=trial, by=statistician(trial), imported=more, now=LATER)
    proposal = propose(trial, imported=more, now=LATER + timedelta(hours=1))
    with pytest.raises(SecondPersonNeeded):
        approve(proposal, proposal.by)
    extension = approve(proposal)
    assert (extension.number, extension.proposal) == (1, proposal)
    with pytest.raises(ProposalOutdated):
        approve(proposal)
    assert Place.objects.count() == 4 * 8


def test_seed_makes_more_places_by_one_person(two):
    approve(propose(two))
    assert extend_lists(trial=two, by=statistician(two), places_per_stratum=80, now=LATER).number == 1


# --- at once ---


def tried(act):
    """What came of it, as somebody at the desk."""
    with acting("system:test"):
        try:
            return act()
        except DomainError as refused:
            return type(refused)


@pytest.mark.django_db(transaction=True)
def test_many_who_approve_at_once_seal_one_list():
    trial = make_trial(changes=TWO_PERSONS)
    proposal = propose(trial)
    people = [statistician(trial) for _ in range(3)]
    acts = [partial(approve, proposal, one) for one in people * 3] + [partial(propose, trial, people[0])]
    done = at_once([partial(tried, act) for act in acts])
    assert SealedList.objects.count() <= 1
    assert [type(one) for one in done].count(SealedList) == SealedList.objects.count()
    if not SealedList.objects.exists():  # the newer proposal was faster than all
        approve(waiting_proposal(trial), people[1])
    assert Place.objects.values("stratum", "position").distinct().count() == Place.objects.count()


@pytest.mark.django_db(transaction=True)
def test_many_who_seal_one_file_at_once_seal_one_list():
    trial = imported_trial()
    by = statistician(trial)
    act = partial(seal_lists, trial=trial, by=by, imported=list_file(), now=NOW)
    done = at_once([partial(tried, act)] * 8)
    assert done.count(AlreadySealed) == 7
    assert Place.objects.count() == 16


@pytest.mark.django_db(transaction=True)
def test_one_file_is_appended_once_however_often_it_is_sent():
    trial = imported_trial()
    by = statistician(trial)
    seal_lists(trial=trial, by=by, imported=list_file(), now=NOW)
    redcap = "redcap_randomization_group,site,complaint\n" + "".join(f"{arm},north,pain\n" for arm in BLOCK)
    act = partial(extend_lists, trial=trial, by=by, imported=redcap.encode(), now=NOW, seen=0)
    done = at_once([partial(tried, act)] * 6)
    assert [type(one) for one in done].count(ListExtension) == 1
    assert Place.objects.count() == 16 + 4


def test_protocol_names_codes_for_what_redcap_calls_arms_sites_and_levels(db):
    codes = {
        'key = "talk"\n': 'key = "talk"\ncode = "1"\n',
        'key = "usual"\n': 'key = "usual"\ncode = "2"\n',
        'key = "north"\n': 'key = "north"\ncode = "1330"\n',
        'key = "south"\n': 'key = "south"\ncode = "1331"\n',
        'values = ["pain"]': 'values = ["pain"], code = "10"',
        'values = ["mind"]': 'values = ["mind"], code = "20"',
        'source = "main_complaint"\n': 'source = "main_complaint"\ncode = "complaint_type"\n',
    }
    trial = make_trial(changes=IMPORTED | codes)
    rows = ["redcap_randomization_group,redcap_data_access_group,complaint_type"]
    rows += [f"{arm},{site},{level}" for arm in (1, 2, 2, 1) for site in (1330, 1331) for level in (10, 20)]
    file = "\ufeff" + "\r\n".join(rows)
    sealed = seal_lists(trial=trial, by=statistician(trial), imported=file.encode(), now=NOW)
    assert opened(sealed) == dict.fromkeys(STRATA, BLOCK)
