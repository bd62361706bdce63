"""Fallback envelopes: places that leave the sequence, are opened on paper, and are all accounted for."""

from datetime import timedelta
from functools import partial

import pytest

from randomization.envelopes import accounts, envelopes_out, strata_of
from randomization.errors import EnvelopeRefused, EnvelopesRefused, NotReady, NotSealed
from randomization.models import (
    Allocation,
    Deviation,
    Envelope,
    EnvelopeReturn,
    EnvelopeUse,
    Notice,
    Place,
    Stratum,
)
from randomization.selectors import arm_for
from randomization.services import (
    allocate,
    print_envelopes,
    reserve_envelopes,
    return_envelope,
    seal_lists,
    use_envelope,
)
from tests.factories import (
    NOW,
    lock_data,
    make_screened_participant,
    make_trial,
    make_user,
    make_verified_participant,
    seal,
)
from tests.randomization.imported import imported_trial, list_file
from tests.randomization.test_allocation import PAIRS, refused
from tests.randomization.test_envelope_pages import words_of
from tests.randomization.test_minimization import MINIMIZED
from tests.randomization.test_notices import TELL
from tests.randomization.test_unblinding import MASKED
from tests.together import at_once
from trial.audit.context import acting
from trial.audit.models import ReadEvent
from trial.people.errors import ReasonMissing
from trial.people.models import Status
from trial.people.services import add_status, close_site
from trial.protocol.errors import DataLocked
from trial.protocol.models import TrialStatus
from trial.protocol.services import set_trial_status

pytestmark = pytest.mark.django_db

BODY, MIND = "site=north;complaint=body", "site=north;complaint=mind"
LATER = NOW + timedelta(days=2)


@pytest.fixture
def north(sealed):
    return sealed.sites.get(key="north")


@pytest.fixture
def statistician(sealed):
    return make_user("statistician", trial=sealed)


@pytest.fixture
def printed(north, statistician):
    """Three printed envelopes of North's first stratum."""
    envelopes = reserve_envelopes(site=north, counts={BODY: 3}, by=statistician, now=NOW)
    print_envelopes(site=north, numbers=[1, 2, 3], by=statistician, now=NOW)
    return envelopes


def used(envelope, participant, by, **more):
    return use_envelope(envelope=envelope, participant=participant, opened_at=LATER, by=by, now=LATER, **more)


def test_reserved_places_are_the_next_ones_and_online_goes_on_after_them(
    sealed, north, statistician, coordinator
):
    allocate(participant=make_verified_participant(sealed, by=coordinator), by=coordinator, now=NOW)
    envelopes = reserve_envelopes(site=north, counts={BODY: 3}, by=statistician, now=NOW)
    online = allocate(participant=make_verified_participant(sealed, by=coordinator), by=coordinator, now=NOW)

    assert [(one.number, one.place.position) for one in envelopes] == [(1, 2), (2, 3), (3, 4)]
    assert online.place.position == 5
    assert Stratum.objects.get(key=BODY).used == 5


def test_numbers_of_a_site_go_on_over_its_strata(north, statistician):
    first = reserve_envelopes(site=north, counts={BODY: 2, MIND: 1}, after=0, by=statistician, now=NOW)
    second = reserve_envelopes(site=north, counts={BODY: 1}, after=3, by=statistician, now=NOW)
    assert [one.number for one in first + second] == [1, 2, 3, 4]


def test_second_click_reserves_nothing_more(north, statistician):
    reserve_envelopes(site=north, counts={BODY: 2}, after=0, by=statistician, now=NOW)
    with pytest.raises(EnvelopesRefused, match="a moment ago"):
        reserve_envelopes(site=north, counts={BODY: 2}, after=0, by=statistician, now=NOW)
    assert Envelope.objects.count() == 2


def test_more_than_are_left_are_not_reserved_at_all(sealed, north, statistician):
    left = Stratum.objects.get(key=BODY).places
    with pytest.raises(EnvelopesRefused, match=f"Only {left} places"):
        reserve_envelopes(site=north, counts={BODY: left + 1}, by=statistician, now=NOW)
    with pytest.raises(EnvelopesRefused):
        reserve_envelopes(site=north, counts={BODY: 0}, by=statistician, now=NOW)
    assert Stratum.objects.get(key=BODY).used == 0


def test_only_strata_of_the_site_are_offered_and_taken(north, statistician):
    assert [stratum.key for stratum in strata_of(north)] == [BODY, MIND]
    for key in ("site=south;complaint=body", "nothing"):
        with pytest.raises(EnvelopesRefused, match="No participant of this site"):
            reserve_envelopes(site=north, counts={key: 1}, by=statistician, now=NOW)


def test_nothing_is_reserved_before_sealing_or_while_site_or_trial_is_closed(tiny):
    north, by = tiny.sites.get(key="north"), make_user("statistician", trial=tiny)
    reserve = partial(reserve_envelopes, site=north, counts={BODY: 1}, by=by, now=NOW)
    with pytest.raises(NotSealed):
        reserve()
    seal(tiny)
    close_site(site=north, by=make_user("trial_manager", trial=tiny), now=NOW)
    north.refresh_from_db()
    with pytest.raises(EnvelopesRefused, match="while the trial recruits"):
        reserve()
    set_trial_status(trial=tiny, name=TrialStatus.Name.CLOSED, by="system:test", now=NOW)
    with pytest.raises(EnvelopesRefused, match="while the trial recruits"):
        reserve_envelopes(
            site=tiny.sites.get(key="south"), counts={"site=south;complaint=body": 1}, by=by, now=NOW
        )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (PAIRS, "whole site has one group"),
        (MINIMIZED, "minimization"),
        (MASKED, "blinded trial"),
    ],
)
def test_designs_whose_arm_no_envelope_may_or_can_know_have_none(db, changes, why):
    trial = make_trial("other", changes=changes)
    seal(trial)
    with pytest.raises(EnvelopesRefused, match=why):
        reserve_envelopes(
            site=trial.sites.get(key="north"),
            counts={"all": 1},
            by=make_user("statistician", trial=trial),
            now=NOW,
        )


def test_each_envelope_is_printed_once_and_the_read_log_knows(north, statistician):
    reserve_envelopes(site=north, counts={BODY: 2}, by=statistician, now=NOW)
    pdf = print_envelopes(site=north, numbers=[1], by=statistician, now=NOW)
    assert pdf.startswith(b"%PDF")
    for numbers in ([1], [1, 2], [7], []):
        with pytest.raises(EnvelopesRefused, match="printed once"):
            print_envelopes(site=north, numbers=numbers, by=statistician, now=NOW)
    read = ReadEvent.objects.get(what="envelopes of tiny")
    assert (read.fields, read.reason, read.study_id) == (["arm"], "to print envelopes", "")


@pytest.mark.parametrize(("changes", "inside"), [({}, {"Samtale", "oppfølging"}), (MASKED, {"7", "14"})])
def test_a_numbered_place_is_printed_by_its_arm_unless_the_trial_is_blinded(db, changes, inside):
    trial = imported_trial("numbered", **changes)
    by = make_user("statistician", trial=trial)
    seal_lists(trial=trial, by=by, now=NOW, imported=list_file(codes=True))
    site = trial.sites.get(key="north")
    reserve_envelopes(site=site, counts={BODY: 2}, by=by, now=NOW)
    printed = print_envelopes(site=site, numbers=[1, 2], by=by, now=NOW)
    words = {word for word, _millimetres in words_of(printed)}
    assert words & {"Samtale", "oppfølging", "7", "14"} == inside


def test_nothing_is_printed_once_the_trial_or_its_site_is_closed_or_the_data_are_final(
    sealed, north, statistician
):
    reserve_envelopes(site=north, counts={BODY: 1}, by=statistician, now=NOW)
    close_site(site=north, by=make_user("trial_manager", trial=sealed), now=NOW)
    north.refresh_from_db()
    for close in (lambda: None, lambda: lock_data(sealed)):
        close()
        with pytest.raises(EnvelopesRefused, match="while the trial recruits"):
            print_envelopes(site=north, numbers=[1], by=statistician, now=NOW)
    assert not ReadEvent.objects.filter(what="envelopes of tiny").exists()


def test_opened_envelope_is_the_participants_randomization_with_what_was_printed(
    sealed, printed, coordinator
):
    participant = make_verified_participant(sealed, by=coordinator)
    opened_at = NOW + timedelta(hours=3)
    allocation = use_envelope(
        envelope=printed[0], participant=participant, opened_at=opened_at, by=coordinator, now=LATER
    )
    assert (allocation.envelope, allocation.place, allocation.at) == (printed[0], printed[0].place, LATER)
    assert EnvelopeUse.objects.get().opened_at == opened_at
    assert not Deviation.objects.exists()
    arm = arm_for(user=coordinator, participant=participant, reason="to compare with the paper", now=LATER)
    assert arm.key in {"talk", "usual"}


def test_second_click_shows_the_first_record(sealed, printed, coordinator):
    participant = make_verified_participant(sealed, by=coordinator)
    assert used(printed[0], participant, coordinator) == used(printed[0], participant, coordinator)
    assert Allocation.objects.count() == EnvelopeUse.objects.count() == 1


def test_wrong_group_is_recorded_with_a_deviation_because_the_arm_is_known(sealed, printed, coordinator):
    participant = make_verified_participant(sealed, complaint="mind", by=coordinator)
    used(printed[0], participant, coordinator, language="en")
    deviation = Deviation.objects.get()
    assert (deviation.kind, deviation.participant) == ("wrong_stratum", participant)
    assert deviation.description == (
        "Envelope 1 is for “North, Body”; the participant belongs to “North, Mind”."
    )


def test_number_out_of_order_is_recorded_with_a_deviation(sealed, printed, coordinator):
    people = [make_verified_participant(sealed, by=coordinator) for _ in printed]
    used(printed[2], people[0], coordinator)
    used(printed[0], people[1], coordinator)
    used(printed[1], people[2], coordinator)
    deviation = Deviation.objects.get()
    assert (deviation.kind, deviation.participant) == ("other", people[0])
    assert deviation.description == "Envelope 3 was opened before number 1, 2."


def test_returned_envelope_leaves_no_gap_in_the_order(sealed, printed, coordinator):
    give_back(printed[0], coordinator)
    used(printed[1], make_verified_participant(sealed, by=coordinator), coordinator)
    assert not Deviation.objects.exists()


def give_back(envelope, by, kind="lost"):
    return return_envelope(envelope=envelope, kind=kind, explanation="Not found.", by=by, now=LATER)


def test_who_was_randomized_online_gets_no_envelope_and_who_has_one_is_not_randomized_online(
    sealed, printed, coordinator
):
    online = make_verified_participant(sealed, by=coordinator)
    allocate(participant=online, by=coordinator, now=NOW)
    with pytest.raises(EnvelopeRefused, match="randomized already"):
        used(printed[0], online, coordinator)
    on_paper = make_verified_participant(sealed, by=coordinator)
    first = used(printed[0], on_paper, coordinator)
    assert allocate(participant=on_paper, by=coordinator, now=LATER) == first


def test_envelope_is_used_once_and_not_after_its_return(sealed, printed, coordinator):
    one, other = (make_verified_participant(sealed, by=coordinator) for _ in range(2))
    used(printed[0], one, coordinator)
    give_back(printed[1], coordinator)
    for envelope in printed[:2]:
        with pytest.raises(EnvelopeRefused, match="on record already"):
            used(envelope, other, coordinator)
    with pytest.raises(EnvelopeRefused, match="on record already"):
        give_back(printed[0], coordinator)


def test_envelope_of_another_site_or_one_never_printed_is_refused(
    sealed, north, printed, coordinator, statistician
):
    reserve_envelopes(site=north, counts={BODY: 1}, by=statistician, now=NOW)
    not_printed = Envelope.objects.get(number=4)
    elsewhere = make_verified_participant(sealed, sealed.sites.get(key="south"), by=coordinator)
    here = make_verified_participant(sealed, by=coordinator)
    for envelope, participant in ((printed[0], elsewhere), (not_printed, here)):
        with pytest.raises(EnvelopeRefused, match="participant's site"):
            used(envelope, participant, coordinator)


def test_an_envelope_opened_in_the_minute_of_printing_is_recorded(sealed, north, statistician, coordinator):
    """Paper tells no seconds."""
    envelopes = reserve_envelopes(site=north, counts={BODY: 1}, by=statistician, now=NOW)
    print_envelopes(site=north, numbers=[1], by=statistician, now=NOW + timedelta(seconds=30))
    participant = make_verified_participant(sealed, by=coordinator)
    assert use_envelope(
        envelope=envelopes[0], participant=participant, opened_at=NOW, by=coordinator, now=LATER
    )


def test_whom_the_protocol_names_is_told_of_an_opened_envelope(db):
    trial = make_trial("tells", changes=TELL)
    seal(trial)
    by, north = make_user("coordinator", trial=trial), trial.sites.get(key="north")
    statistician = make_user("statistician", trial=trial)
    [envelope] = reserve_envelopes(site=north, counts={BODY: 1}, by=statistician, now=NOW)
    print_envelopes(site=north, numbers=[1], by=statistician, now=NOW)
    allocation = used(envelope, make_verified_participant(trial, by=by), by)
    told = Notice.objects.get(recipient=by)
    assert (told.kind, told.about, told.planned_at) == (Notice.Kind.RANDOMIZED, allocation.pk, LATER)


@pytest.mark.parametrize("opened_at", [NOW - timedelta(hours=1), LATER + timedelta(minutes=1)])
def test_envelope_is_opened_between_printing_and_now(sealed, printed, coordinator, opened_at):
    participant = make_verified_participant(sealed, by=coordinator)
    with pytest.raises(EnvelopeRefused, match="after it was printed"):
        use_envelope(
            envelope=printed[0], participant=participant, opened_at=opened_at, by=coordinator, now=LATER
        )


def test_no_envelope_is_recorded_once_the_data_are_final(sealed, printed, coordinator):
    participant = make_verified_participant(sealed, by=coordinator)
    lock_data(sealed)
    with pytest.raises(DataLocked):
        used(printed[0], participant, coordinator)


def test_what_must_hold_online_must_hold_on_paper(sealed, printed, coordinator):
    with pytest.raises(NotReady, match="Is verified as eligible"):
        used(printed[0], make_screened_participant(sealed), coordinator)


def test_who_withdrew_after_the_envelope_was_opened_is_recorded_and_who_had_before_is_not(
    sealed, printed, coordinator
):
    before, after = (make_verified_participant(sealed, by=coordinator) for _ in range(2))
    opened_at = NOW + timedelta(hours=3)
    for participant, hours in ((before, 2), (after, 4)):
        add_status(
            participant=participant,
            name=Status.WITHDRAWN_CONTACT,
            by=coordinator,
            now=NOW + timedelta(hours=hours),
            reason="told by telephone",
        )
    use = partial(use_envelope, opened_at=opened_at, by=coordinator, now=LATER)
    with pytest.raises(NotReady, match="Has not withdrawn"):
        use(envelope=printed[0], participant=before)
    assert use(envelope=printed[0], participant=after).participant == after


def test_return_needs_an_explanation_and_is_recorded_once(printed, coordinator):
    with pytest.raises(ReasonMissing):
        return_envelope(envelope=printed[0], kind="lost", explanation=" ", by=coordinator, now=LATER)
    assert give_back(printed[0], coordinator) == give_back(printed[0], coordinator, kind="unopened")
    assert EnvelopeReturn.objects.get().kind == "lost"


def test_every_envelope_is_accounted_for(sealed, north, printed, coordinator, statistician):
    used(printed[0], make_verified_participant(sealed, by=coordinator), coordinator)
    give_back(printed[1], coordinator)
    reserve_envelopes(site=north, counts={MIND: 1}, by=statistician, now=NOW)
    account, other = accounts([north, sealed.sites.get(key="south")], "en")
    assert (len(account.tracked), account.used, account.returned, account.out) == (4, 1, 1, 2)
    assert [str(one.state) for one in account.tracked] == ["Used", "Lost", "Out", "Not printed yet"]
    assert [one.stratum for one in account.tracked] == ["North, Body"] * 3 + ["North, Mind"]
    assert not other.tracked
    assert envelopes_out(sealed) == 2


def test_database_refuses_what_the_services_do(sealed, north, printed, coordinator, statistician):
    participant = make_verified_participant(sealed, by=coordinator)
    row = {
        "participant": participant,
        "place": printed[2].place,
        "protocol_version": participant.protocol_version,
        "at": NOW,
        "by": coordinator,
    }
    assert refused(lambda: Allocation.objects.create(**row))  # the last reserved place, online
    assert refused(lambda: Allocation.objects.create(**row, envelope=printed[1]))
    assert refused(lambda: Envelope.objects.update(number=9))
    assert refused(lambda: Envelope.objects.all()._raw_delete("default"))
    later = Place.objects.get(stratum__key=MIND, position=1)
    assert refused(
        lambda: Envelope.objects.create(site=north, place=later, number=9, at=NOW, by=statistician)
    )
    used(printed[0], participant, coordinator)
    assert refused(
        lambda: EnvelopeReturn.objects.create(
            envelope=printed[0], kind="lost", explanation="x", at=NOW, by=coordinator
        )
    )
    give_back(printed[2], coordinator)
    row["participant"] = make_verified_participant(sealed, by=coordinator)
    assert refused(lambda: Allocation.objects.create(**row, envelope=printed[2]))


# --- many at once ---


def apart(act):
    """In a thread of its own; what is refused counts as None."""
    try:
        with acting("system:test"):
            return act()
    except (EnvelopeRefused, EnvelopesRefused):
        return None


@pytest.mark.django_db(transaction=True)
def test_reserving_and_randomizing_at_once_share_no_place_and_leave_no_gap():
    trial = make_trial()
    seal(trial)
    by, north = make_user("coordinator", trial=trial), trial.sites.get(key="north")
    people = [make_verified_participant(trial, by=by) for _ in range(8)]
    reserve = partial(reserve_envelopes, site=north, counts={BODY: 3}, by=by, now=NOW)
    clicks = [partial(allocate, participant=one, by=by, now=NOW) for one in people]
    at_once([partial(apart, act) for act in [*clicks, reserve, reserve]])
    reserved = list(Envelope.objects.order_by("number").values_list("number", "place__position"))
    online = Allocation.objects.values_list("place__position", flat=True)
    assert [number for number, _position in reserved] == list(range(1, 7))
    assert sorted([*online, *(position for _number, position in reserved)]) == list(range(1, 15))


@pytest.mark.django_db(transaction=True)
def test_one_envelope_claimed_for_many_is_one_participants_or_returned():
    trial = make_trial()
    seal(trial)
    by, north = make_user("coordinator", trial=trial), trial.sites.get(key="north")
    (envelope,) = reserve_envelopes(site=north, counts={BODY: 1}, by=by, now=NOW)
    prints = [partial(print_envelopes, site=north, numbers=[1], by=by, now=NOW) for _ in range(4)]
    assert sum(pdf is not None for pdf in at_once([partial(apart, act) for act in prints])) == 1
    people = [make_verified_participant(trial, by=by) for _ in range(6)]
    acts = [partial(used, envelope, one, by) for one in people] + [partial(give_back, envelope, by)]
    done = at_once([partial(apart, act) for act in acts])
    assert sum(one is not None for one in done) == 1
    assert Allocation.objects.count() + EnvelopeReturn.objects.count() == 1
