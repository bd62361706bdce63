"""A newcomer walks both trials from the first eligibility question to a line in tonight's export."""

import csv
import io
import re
import zipfile
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from analysis.models import Snapshot
from followup.models import Occasion
from randomization.selectors import allocated_participants
from tests.browser.conftest import PASSWORD
from tests.browser.walk import Keys, answer_questionnaire, choose, go_on
from tests.browsers import DESK, PHONE, assert_good, photograph
from tests.factories import make_user
from trial.accounts.roles import Coordinator, Expert, Monitor, Researcher, Statistician, TrialManager
from trial.core.clock import now as present
from trial.messaging.models import Inbound
from trial.people.models import Participant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EVA = "+46701740605"
KARI = "+4768050010"
NEXT = {"sv": re.compile("Spara och fortsätt|Skicka in"), "nb": re.compile("Lagre og fortsett|Send inn")}


def rows_of(archive: str, file: str, participant: Participant) -> list[dict[str, str]]:
    """The participant's lines in a file of the downloaded snapshot."""
    with zipfile.ZipFile(archive) as opened:
        lines = csv.DictReader(io.StringIO(opened.read(file).decode()))
        return [line for line in lines if line["participant"] == participant.study_id]


def screen_for_workup(page, look):
    page.goto("/")
    look(page)
    page.get_by_role("link", name="WorkUp").click()
    look(page)
    go_on_first(page, "Se om du kan vara med")
    choose(page, "Var har du ont?", "I ryggen")
    look(page)
    go_on(page, "Nästa")
    page.get_by_label("Hur många veckor har du haft ont den här gången?").fill("6")
    look(page)
    go_on(page, "Nästa")
    choose(page, "Har du arbetat minst fyra veckor det senaste året?", "Ja")
    page.get_by_label("Hur många dagar har du varit sjukskriven för dina besvär?").fill("10")
    choose(page, "Har du ålderspension?", "Nej")
    look(page)
    go_on(page, "Nästa")
    page.get_by_label("Hur gammal är du?").fill("44")
    choose(page, "Stämmer något av detta på dig just nu?", "Inget av detta")
    look(page)
    go_on(page, "Nästa")
    look(page)
    go_on(page, "Se om du kan vara med")
    expect(page.get_by_role("heading", level=1)).to_have_text("Du kan vara med")
    look(page)


def go_on_first(page, button):
    page.get_by_role("button", name=button).first.click()


def join_workup(page, look):
    page.get_by_role("link", name="Läs vad det innebär att vara med").click()
    page.get_by_label("Jag vill vara med, och ni får skicka sms").check()
    page.get_by_label("Ni får hämta uppgifter om mig").check()
    page.get_by_label("Ditt fullständiga namn").fill("Eva Exempel")
    look(page)
    go_on(page, "Jag samtycker och vill vara med")
    page.get_by_label("Vilken av de här platserna hör du till?").select_option("Vårdcentral A1")
    page.get_by_label("Mobiltelefon").fill("070-174 06 05")
    page.get_by_label("Personnummer").fill("811228-9874")
    look(page)
    go_on(page, "Nästa")
    look(page)


def randomize(page, participant):
    """From the coordinator's first page to the arm."""
    page.goto("/office/")
    assert_good(page)
    page.get_by_role("link", name="To verify").click()
    assert_good(page)
    page.get_by_role("link", name=participant.study_id).click()
    assert_good(page)
    for group in page.get_by_role("region", name="Does this participant fit?").get_by_role("group").all():
        must = "Must be so." in group.inner_text()
        group.get_by_label("Yes" if must else "No", exact=True).check()
    go_on(page, "Record the decision")
    page.get_by_role("link", name="Randomize").click()
    assert_good(page)
    page.get_by_label("Your password").fill(PASSWORD)
    go_on(page, "Randomize")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{participant.study_id} is randomized")
    assert_good(page)


def download(page, slug):
    """The newest snapshot, as the researcher gets it."""
    page.goto(f"/data/{slug}/")
    assert_good(page)
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").first.click()
    return downloading.value.path()


def test_from_the_first_question_of_workup_to_a_line_in_the_export(
    workup, provider, phone, open_as, beat, eventually, time_machine
):
    page, eva = open_as(language="sv"), phone(EVA)
    screen_for_workup(page, assert_good)
    join_workup(page, assert_good)
    beat()
    page.get_by_label("Koden från sms:et").fill(eva.code())
    go_on(page, "Fortsätt")
    answer_questionnaire(page, NEXT["sv"])
    assert_good(page)
    participant = Participant.objects.get()
    expect(page.locator(".tb-id")).to_have_text(participant.study_id)

    randomize(open_as(workup.staff[Coordinator], viewport=DESK), participant)
    beat()

    week = Occasion.objects.get(participant=participant, kind="weekly", number=1)
    time_machine.move_to(week.opens_at + timedelta(minutes=1))
    beat()
    assert "Hur många dagar var du sjukskriven" in eva.read()
    eva.answer("2,5 dagar")
    eventually(lambda: Inbound.objects.exists())
    beat()

    page.goto("/me/login/")
    assert_good(page)
    page.get_by_label("Din mobiltelefon").fill("070-1740605")
    go_on(page, "Skicka en kod till mig")
    assert_good(page)
    beat()
    page.get_by_label("Kod").fill(eva.code())
    go_on(page, "Logga in")
    expect(page.get_by_text("Sjukskrivningsdagar: 2,5")).to_be_visible()
    assert_good(page)
    photograph(page, "journey-own-page")

    office = open_as(workup.staff[Coordinator], viewport=DESK)
    office.goto(f"/office/people/participant/{participant.pk}/change/")
    strip = office.get_by_role("list", name="Days of sick leave, week by week")
    expect(strip.get_by_role("listitem")).to_have_count(52)
    expect(strip.get_by_role("listitem").first).to_contain_text("2.5 days")
    assert_good(office)

    time_machine.move_to(week.opens_at + timedelta(hours=13))
    beat()
    archive = download(open_as(workup.staff[Researcher], viewport=DESK), "workup")
    first = rows_of(archive, "weekly.csv", participant)[0]
    assert (first["week"], first["days"]) == ("1", "2.5")
    assert len(rows_of(archive, "participants.csv", participant)) == 1
    assert rows_of(archive, "instruments/ompsq_short.csv", participant)


def screen_for_expert_at_work(page, look):
    page.goto("/t/expert-at-work/")
    look(page)
    go_on_first(page, "Se om du kan delta")
    choose(page, "Er du sykmeldt nå?", "Ja")
    look(page)
    go_on(page, "Neste")
    page.get_by_label("Hvor mange uker har du vært sykmeldt?").fill("12")
    look(page)
    go_on(page, "Neste")
    choose(
        page,
        "Hva er hovedgrunnen til at du er sykmeldt?",
        "Plager i muskler, skjelett eller ledd, som vondt i rygg, nakke eller skuldre",
    )
    look(page)
    photograph(page, "participant")
    go_on(page, "Neste")
    page.get_by_label("Hvor gammel er du?").fill("51")
    page.get_by_label("Hvilket postnummer har du der du bor?").fill("7030")
    choose(page, "Kan du nok norsk til å svare på spørreskjemaer og delta i et videomøte?", "Ja")
    look(page)
    go_on(page, "Neste")
    look(page)
    go_on(page, "Se om du kan delta")
    look(page)


def join_expert_at_work(page, look):
    page.get_by_role("link", name="Les hva det vil si å delta").click()
    page.get_by_label("Jeg vil være med, og dere kan sende meg SMS").check()
    page.get_by_label("Fullt navn").fill("Kari Eksempel")
    look(page)
    go_on(page, "Jeg samtykker og vil delta")
    choose(page, "Hvilket av disse stedene hører du til?", "Trondheim")
    page.get_by_label("Mobiltelefon").fill("68 05 00 10")
    expect(page.get_by_label("Postnummer")).to_have_value("7030")
    page.get_by_label("Fødselsnummer").fill("15438510092")
    look(page)
    go_on(page, "Neste")
    look(page)


def test_from_the_first_question_of_expert_at_work_to_advice_and_a_line_in_the_export(
    expert_at_work, provider, phone, open_as, beat, time_machine
):
    page, kari = open_as(language="nb"), phone(KARI)
    screen_for_expert_at_work(page, assert_good)
    join_expert_at_work(page, assert_good)
    beat()
    page.get_by_label("Kode fra SMS-en").fill(kari.code())
    go_on(page, "Gå videre")
    answer_questionnaire(page, NEXT["nb"])
    assert_good(page)
    participant = Participant.objects.get()

    office = open_as(expert_at_work.staff[Coordinator], viewport=DESK)
    randomize(office, participant)
    expect(office.get_by_text("Digital expert team", exact=True)).to_be_visible()
    beat()
    put_on_the_team(office, participant, expert_at_work.staff[Expert])
    advise(open_as(expert_at_work.staff[Expert], viewport=DESK), participant)
    beat()
    assert "Rådene fra ekspertteamet ditt er klare" in kari.read()

    page.goto("/me/")
    expect(page.get_by_role("link", name="Åpne møtet")).to_have_attribute(
        "href", "https://video.example/kari"
    )
    assert_good(page)
    page.get_by_role("link", name="Les rådet ditt").click()
    expect(page.get_by_text("Snakk med lederen din om en gradvis start.")).to_be_visible()
    assert_good(page)

    time_machine.move_to(present() + timedelta(days=1))
    beat()
    archive = download(open_as(expert_at_work.staff[Researcher], viewport=DESK), "expert-at-work")
    line = rows_of(archive, "participants.csv", participant)[0]
    assert line["arm"] in ("A", "B"), "The arm is masked until the lock."


def put_on_the_team(page, participant, expert):
    page.goto(f"/office/people/participant/{participant.pk}/allocation/")
    page.get_by_label("Why?").fill("To put a team together")
    go_on(page, "Show the group")
    assert_good(page)
    page.get_by_role("link", name="The expert team's case").click()
    assert_good(page)
    page.get_by_role("link", name="Change the team").click()
    page.get_by_label("Who", exact=True).select_option(label=str(expert))
    page.get_by_label("Role on the team").select_option("NAV adviser")
    page.get_by_label("Leads the team").check()
    assert_good(page)
    go_on(page, "Put on the team")
    assert_good(page)


def advise(page, participant):
    """Reads, meets, writes, signs, and enters the time that it took."""
    page.goto("/cases/")
    assert_good(page)
    page.get_by_role("link", name=participant.study_id).click()
    assert_good(page)
    page.get_by_role("link", name="Plan a meeting").click()
    page.get_by_label("Day").fill(str(present().date() + timedelta(days=3)))
    page.get_by_label("Time").fill("12:30")
    page.get_by_label("Video link").fill("https://video.example/kari")
    assert_good(page)
    go_on(page, "Plan it")
    page.get_by_role("link", name="Write a note").click()
    page.get_by_label("Text").fill("The employer can offer other tasks.")
    go_on(page, "Save and sign")
    page.get_by_role("link", name="Write advice").click()
    page.get_by_label("Text").fill("Snakk med lederen din om en gradvis start.")
    assert_good(page)
    go_on(page, "Sign and give to the participant")
    page.get_by_role("link", name="Enter working time").click()
    page.get_by_label("Minutes").fill("40")
    page.get_by_role("group", name="What for").get_by_role("radio").first.check()
    go_on(page, "Enter")
    assert_good(page)
    page.get_by_role("link", name=participant.study_id).click()
    expect(page.get_by_text("The participant can read it")).to_be_visible()
    assert_good(page)
    photograph(page, "journey-case")


def test_a_participant_without_javascript(workup, provider, phone, open_as, beat):
    page = open_as(language="sv", java_script_enabled=False)
    look = no_look  # axe is a script itself
    screen_for_workup(page, look)
    join_workup(page, look)
    beat()
    page.get_by_label("Koden från sms:et").fill(phone(EVA).code())
    go_on(page, "Fortsätt")
    answer_questionnaire(page, NEXT["sv"], looks=False)

    expect(page.locator(".tb-id")).to_have_text(Participant.objects.get().study_id)
    page.get_by_role("link", name="Din egen sida").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Din egen sida")


def no_look(page):
    pass


def test_a_participant_by_keyboard_alone(expert_at_work, provider, phone, open_as, beat):
    page = open_as(viewport=DESK, language="nb")
    page.goto("/t/expert-at-work/")
    keys, button, field = Keys(page), lambda name: page.get_by_role("button", name=name), page.get_by_label

    def pick(question, answer):
        group = page.get_by_role("group", name=question)
        keys.pick(group.get_by_label(answer), group)

    keys.press(button("Se om du kan delta").first)
    pick("Er du sykmeldt nå?", "Ja")
    keys.press(button("Neste"))
    keys.write(field("Hvor mange uker har du vært sykmeldt?"), "12")
    keys.press(button("Neste"))
    pick("Hva er hovedgrunnen til at du er sykmeldt?", "Psykiske plager")
    keys.press(button("Neste"))
    keys.write(field("Hvor gammel er du?"), "51")
    keys.write(field("Hvilket postnummer har du der du bor?"), "7030")
    pick("Kan du nok norsk", "Ja")
    keys.press(button("Neste"))
    keys.press(button("Se om du kan delta"))
    keys.press(page.get_by_role("link", name="Les hva det vil si å delta"))
    keys.tick(field("Jeg vil være med, og dere kan sende meg SMS"))
    keys.write(field("Fullt navn"), "Kari Eksempel")
    keys.press(button("Jeg samtykker og vil delta"))
    pick("Hvilket av disse stedene hører du til?", "Trondheim")
    keys.write(field("Mobiltelefon"), "68 05 00 10")
    keys.write(field("Fødselsnummer"), "15438510092")
    keys.press(button("Neste"))
    beat()
    keys.write(field("Kode fra SMS-en"), phone(KARI).code())
    keys.press(button("Gå videre"))
    keys.answer_questionnaire(NEXT["nb"])

    expect(page.locator(".tb-id")).to_have_text(Participant.objects.get().study_id)


def log_in(page, user, place):
    """Through the real log-in, to where the person was going."""
    page.goto(place)
    assert_good(page)
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("navigation", name="Rooms")).to_be_visible()
    assert_good(page)


def test_a_coordinator_s_day(workup, provider, open_as, beat, time_machine):
    """What waits, a participant's break, a name on the phone, and a week told by phone."""
    participant = workup.randomized()
    waiting = workup.arrived()
    beat()
    week = Occasion.objects.get(participant=participant, kind="weekly", number=1)
    time_machine.move_to(week.opens_at + timedelta(hours=1))
    beat()
    page = open_as(viewport=DESK)
    log_in(page, workup.staff[Coordinator], "/office/")
    photograph(page, "journey-dashboard")
    page.get_by_role("link", name="To verify").click()
    expect(page.get_by_role("link", name=waiting.study_id)).to_be_visible()
    page.goto("/office/")
    page.get_by_label("Find by study id").fill(participant.study_id.lower())
    page.get_by_role("search").get_by_role("button", name="Find").click()
    assert_good(page)
    page.get_by_role("link", name=participant.study_id).click()
    page.get_by_text("Read name and phone").click()
    assert_good(page)
    page.get_by_role("region", name="Who this is").get_by_role("textbox").fill("To call about week 1")
    for box in page.get_by_role("region", name="Who this is").get_by_role("checkbox").all():
        box.check()
    go_on(page, "Show")
    assert_good(page)
    go_on_link(page, "Done")
    page.get_by_role("link", name="Record a call").click()
    page.get_by_label("Talked, and got answers").check()
    page.get_by_label("Days in week 1").fill("3")
    go_on(page, "Record the call")
    page.goto(f"/office/people/participant/{participant.pk}/change/")
    page.get_by_text("Record a break, a stop or a withdrawal").click()
    page.get_by_role("combobox", name="What happened").select_option("Paused")
    page.get_by_role("textbox", name="Reason").fill("Asked by phone")
    assert_good(page)
    go_on(page, "Record")
    expect(page.locator(".of-head").get_by_text("Paused")).to_be_visible()
    strip = page.get_by_role("list", name="Days of sick leave, week by week")
    expect(strip.get_by_role("listitem").first).to_contain_text("3 days")
    assert_good(page)


def go_on_link(page, link):
    page.get_by_role("link", name=link, exact=True).click()


def test_a_statistician_proves_that_the_list_was_sealed_first(expert_at_work, open_as):
    page = open_as(viewport=DESK)
    log_in(page, expert_at_work.staff[Statistician], "/randomization/expert-at-work/")
    commitment = page.locator("code.tb-hash").inner_text()
    expert_at_work.randomized()
    page.reload()
    assert page.locator("code.tb-hash").inner_text() == commitment
    used = page.get_by_role("region", name="Places used").locator("td:nth-child(2)")
    assert sum(int(number) for number in used.all_inner_texts()) == 1
    assert_good(page)
    anybody = open_as(language="nb")
    anybody.goto("/randomization/expert-at-work/commitment/")
    expect(anybody.get_by_text(commitment)).to_be_visible()
    assert_good(anybody)
    refused = page.goto("/office/")
    assert "/office/" not in page.url or refused.status == 404


def test_a_researcher_fetches_the_night_s_snapshot_and_sees_nobody_s_name(
    expert_at_work, provider, open_as, beat, time_machine
):
    participant = expert_at_work.randomized()
    beat()
    time_machine.move_to(present() + timedelta(days=1))
    beat()
    page = open_as(viewport=DESK)
    log_in(page, expert_at_work.staff[Researcher], "/data/expert-at-work/")
    archive = download(page, "expert-at-work")
    assert rows_of(archive, "weekly.csv", participant)[0]["missing"] == "not_due"
    assert not Snapshot.objects.filter(masked=False).exists()
    for closed in ("/office/", f"/office/people/participant/{participant.pk}/change/", "/cases/"):
        page.goto(closed)
        expect(page.get_by_text(participant.study_id)).to_have_count(0)


def test_a_trial_manager_invites_a_coordinator_closes_a_site_and_the_trial(expert_at_work, open_as):
    page = open_as(viewport=DESK)
    log_in(page, expert_at_work.staff[TrialManager], "/office/")
    page.get_by_role("link", name="Expert @ Work").click()
    assert_good(page)
    page.get_by_role("link", name="1.0").click()
    assert_good(page)

    page.goto("/office/accounts/user/add/")
    assert_good(page)
    page.get_by_label("Name").fill("Nora Nygård")
    page.get_by_label("E-mail").fill("nora@example.org")
    go_on(page, "Save")
    assert_good(page)
    page.goto("/office/people/membership/add/")
    assert_good(page)
    page.get_by_label("User").select_option("Nora Nygård")
    page.get_by_label("Role").select_option("Coordinator")
    page.get_by_label("Trial").select_option("expert-at-work")
    go_on(page, "Save")
    assert_good(page)
    expect(page.get_by_role("row", name="Nora Nygård")).to_be_visible()

    page.goto("/office/people/site/")
    assert_good(page)
    page.get_by_role("link", name="Sunnmøre").click()
    page.get_by_label("Takes in participants").uncheck()
    assert_good(page)
    go_on(page, "Save")

    page.goto(f"/office/protocol/trial/{expert_at_work.trial.pk}/change/")
    choose(page, "The trial is from now on", "closed to new participants")
    page.get_by_label("Reason").fill("The target is reached")
    go_on(page, "Record")
    expect(page.get_by_text("The target is reached")).to_be_visible()
    assert_good(page)
    public = open_as(language="nb")
    public.goto("/t/expert-at-work/")
    expect(public.get_by_text("Denne studien tar ikke imot nye deltakere nå.")).to_be_visible()
    assert_good(public)


def test_a_monitor_reads_who_did_what_and_changes_nothing(expert_at_work, open_as):
    participant = expert_at_work.randomized()
    page = open_as(viewport=DESK)
    log_in(page, expert_at_work.staff[Monitor], "/office/")
    page.goto(f"/office/people/participant/{participant.pk}/change/")
    assert_good(page)
    expect(page.locator("main form")).to_have_count(0)
    go_on_link(page, "History")
    expect(page.get_by_text(str(expert_at_work.staff[Coordinator])).first).to_be_visible()
    assert_good(page)
    for trail in ("auditevent", "readevent"):
        page.goto(f"/office/audit/{trail}/")
        assert_good(page)
    page.goto("/data/expert-at-work/")
    assert_good(page)
    expect(page.get_by_role("button", name="Download")).to_have_count(0)


def test_a_system_administrator_lets_people_in_and_meets_no_participant(expert_at_work, open_as):
    participant = expert_at_work.arrived()
    user = make_user("system_administrator", password=PASSWORD)
    page = open_as(viewport=DESK)
    log_in(page, user, "/office/")
    expect(page.get_by_role("heading", name="The machinery")).to_be_visible()
    page.goto("/office/accounts/user/")
    assert_good(page)
    page.get_by_role("link", name=str(expert_at_work.staff[Coordinator])).click()
    assert_good(page)
    for closed in (
        f"/office/people/participant/{participant.pk}/change/",
        "/data/expert-at-work/",
        "/cases/",
    ):
        page.goto(closed)
        expect(page.get_by_text(participant.study_id)).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_office_of_a_trial_in_full_swing(workup, open_as, scheme):
    workup.lives(weeks=20, participants=5)
    page = open_as(workup.staff[Coordinator], viewport=DESK, color_scheme=scheme)
    page.goto("/office/")
    assert_good(page)
    first = allocated_participants(workup.trial).order_by("registered_at").first()
    page.goto(f"/office/people/participant/{first.pk}/change/")
    strip = page.get_by_role("list", name="Days of sick leave, week by week")
    expect(strip.get_by_role("listitem")).to_have_count(52)
    assert_good(page)
    if scheme == "light":
        photograph(page, "office", whole=False)
    page.set_viewport_size(PHONE)
    assert_good(page)
