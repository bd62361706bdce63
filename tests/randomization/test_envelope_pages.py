"""The statistician's pages for envelopes, and the sheets that they print."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from randomization.envelope_pdf import Sheet, envelopes_pdf
from randomization.models import Envelope, EnvelopePrint, EnvelopeReturn, Stratum
from randomization.services import reserve_envelopes, use_envelope
from tests.factories import NOW, make_user, make_verified_participant
from tests.pdfs import text_of
from trial.audit.models import ReadEvent
from trial.protocol.models import TrialStatus
from trial.protocol.services import set_trial_status

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
BODY = "site=north;complaint=body"
ARMS = ("Talk", "Usual follow-up")


@pytest.fixture
def statistician(sealed):
    return make_user("statistician", trial=sealed, password=PASSWORD)


@pytest.fixture
def desk(client, statistician, time_machine):
    time_machine.move_to(NOW)
    client.force_login(statistician)
    client.cookies["django_language"] = "en"
    return client


def address(name, *more):
    return reverse(f"randomization:{name}", args=["tiny", *more])


def reserve(desk, **counts):
    page = desk.get(address("site_envelopes", "north"))
    form = page.context["form"]
    strata = {stratum.key: stratum.pk for stratum in Stratum.objects.all()}
    data = {f"count_{strata[f'site=north;complaint={key}']}": number for key, number in counts.items()}
    return desk.post(
        address("site_envelopes", "north"),
        data | {"password": PASSWORD, "after": form["after"].value()},
        follow=True,
    )


def test_statistician_reserves_prints_and_finds_every_envelope(desk):
    page = reserve(desk, body=2, mind=1).content.decode()
    assert "3 envelopes are reserved." in page
    assert "North, Mind" in page
    refused = desk.post(address("print_envelopes", "north"), {"password": "wrong"})
    assert refused["Content-Type"].startswith("text/html")
    assert not EnvelopePrint.objects.exists()

    pdf = desk.post(address("print_envelopes", "north"), {"password": PASSWORD})

    assert pdf["Content-Type"] == "application/pdf"
    assert pdf["Content-Disposition"] == 'attachment; filename="envelopes.pdf"'
    assert "no-store" in pdf["Cache-Control"]
    assert pdf.content.count(b"/Type /Page\n") == 3
    assert EnvelopePrint.objects.count() == 3
    assert ReadEvent.objects.filter(what="envelopes of tiny").count() == 1
    again = desk.post(address("print_envelopes", "north"), {"password": PASSWORD})
    assert again["Content-Type"].startswith("text/html")
    assert "There is nothing to print" in again.content.decode()
    overview = desk.get(address("envelopes"))
    assert overview.context["totals"] == {"reserved": 3, "used": 0, "returned": 0, "out": 3}


def test_too_many_envelopes_at_once_are_refused_in_our_words(desk):
    assert "Write 200 or less." in reserve(desk, body=201).content.decode()


def test_one_envelope_is_printed_by_itself_once(desk):
    reserve(desk, body=2)
    pdf = desk.post(address("print_envelope", "north", 2), {"password": PASSWORD})
    assert pdf.content.count(b"/Type /Page\n") == 1
    again = desk.post(address("print_envelope", "north", 2), {"password": PASSWORD})
    assert "There is nothing to print" in again.content.decode()


def test_the_same_form_sent_twice_reserves_once(desk):
    page = desk.get(address("site_envelopes", "north"))
    stratum = Stratum.objects.get(key=BODY)
    data = {f"count_{stratum.pk}": 2, "password": PASSWORD, "after": page.context["form"]["after"].value()}
    desk.post(address("site_envelopes", "north"), data)
    second = desk.post(address("site_envelopes", "north"), data)
    assert "reserved a moment ago" in second.content.decode()
    assert Envelope.objects.count() == 2


def test_a_closed_trial_says_how_many_envelopes_are_out_and_reserves_none(desk, sealed):
    reserve(desk, body=2)
    set_trial_status(trial=sealed, name=TrialStatus.Name.CLOSED, by="system:test", now=NOW)
    assert "2 envelopes are still out" in desk.get(address("envelopes")).content.decode()
    assert "while the trial recruits" in desk.get(address("site_envelopes", "north")).content.decode()


def test_a_closed_trial_prints_no_envelope_and_says_why(desk, sealed):
    reserve(desk, body=2)
    printing = address("print_envelopes", "north")
    assert printing in desk.get(address("site_envelopes", "north")).content.decode()
    set_trial_status(trial=sealed, name=TrialStatus.Name.CLOSED, by="system:test", now=NOW)
    for where in (printing, address("print_envelope", "north", 1)):
        page = desk.post(where, {"password": PASSWORD}, follow=True).content.decode()
        assert "reserved and printed while the trial recruits" in page
        assert where not in page
    assert not EnvelopePrint.objects.exists()


def test_statistician_records_what_came_back(desk):
    reserve(desk, body=1)
    where = address("return_envelope", "north", 1)
    assert "Write what happened" in desk.post(where, {"kind": "lost"}).content.decode()
    page = desk.post(where, {"kind": "unopened", "explanation": "Misprint."}, follow=True)
    assert "Misprint." in page.content.decode()
    assert EnvelopeReturn.objects.get().kind == "unopened"


def test_statistician_never_reads_for_whom_an_envelope_was_opened(desk, sealed, coordinator):
    reserve(desk, body=1)
    desk.post(address("print_envelopes", "north"), {"password": PASSWORD})
    participant = make_verified_participant(sealed, by=coordinator)
    use_envelope(
        envelope=Envelope.objects.get(),
        participant=participant,
        opened_at=NOW + timedelta(hours=1),
        by=coordinator,
        now=NOW + timedelta(hours=2),
    )
    page = desk.get(address("site_envelopes", "north")).content.decode()
    assert "Used" in page
    assert participant.study_id not in page
    for arm in ARMS:
        assert arm not in page


@pytest.mark.parametrize("role", ["coordinator", "trial_manager", "researcher", "monitor"])
def test_whoever_may_not_reserve_finds_no_such_page(client, sealed, statistician, role):
    north = sealed.sites.get(key="north")
    reserve_envelopes(site=north, counts={BODY: 1}, by=statistician, now=NOW)
    client.force_login(make_user(role, trial=sealed, password=PASSWORD))
    for name, more in (
        ("envelopes", ()),
        ("site_envelopes", ("north",)),
        ("print_envelopes", ("north",)),
        ("print_envelope", ("north", 1)),
        ("return_envelope", ("north", 1)),
    ):
        assert client.get(address(name, *more)).status_code == 404
        if name != "envelopes":
            assert client.post(address(name, *more), {"password": PASSWORD}).status_code == 404
    assert not EnvelopePrint.objects.exists()


# --- the sheets ---


def sheet(inside, number=1):
    return Sheet(
        trial="Tiny trial",
        site="North",
        number=number,
        stratum="North, Body",
        qr=f"https://trial.example.org/office/people/participant/envelopes/#envelope-{number}",
        inside=inside,
    )


def words_of(pdf):
    """(word, millimetres from the page's upper edge) of all that can be read from the file."""
    found = re.findall(r'<word xMin="[^"]+" yMin="([^"]+)"[^>]+>([^<]+)</word>', text_of(pdf, "-bbox"))
    return [(word, float(y) * 25.4 / 72) for y, word in found]


def test_no_file_and_no_page_is_longer_for_one_arm_than_for_another():
    one, other = (envelopes_pdf([sheet(arm)], possible=ARMS, language="en") for arm in ARMS)
    assert one != other
    assert len(one) == len(other)
    lengths = [re.findall(rb"/Length (\d+)", pdf) for pdf in (one, other)]
    assert lengths[0] == lengths[1]


def test_a_file_of_many_is_as_long_whatever_the_arms_are():
    first = [sheet(ARMS[number % 2], number) for number in range(1, 5)]
    second = [sheet(ARMS[0], number) for number in range(1, 5)]
    files = [envelopes_pdf(sheets, possible=ARMS, language="en") for sheets in (first, second)]
    assert len({len(file) for file in files}) == 1


@pytest.mark.parametrize("arm", ARMS)
def test_the_arm_stands_on_the_inner_panel_where_masks_lie_before_and_behind_it(arm):
    """In the window from 222 to 252 mm: 30 to 60 mm from the fold at 192, as on the front and on the flap."""
    words = words_of(envelopes_pdf([sheet(arm)], possible=ARMS, language="en"))
    for word in arm.split():
        (where,) = [y for found, y in words if found == word]
        assert 222 < where < 252
    for word in ("Tiny", "North,", "Open"):
        assert all(y < 192 for found, y in words if found == word)


def test_a_very_long_arm_still_takes_the_room_that_every_arm_takes():
    long = "Individual placement and support with a job specialist and a psychologist"
    one, other = (envelopes_pdf([sheet(arm)], possible=[long, "No"], language="en") for arm in (long, "No"))
    assert len(one) == len(other)
