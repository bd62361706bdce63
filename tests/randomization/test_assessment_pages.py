"""From the question on the statistician's desk to the report: form, worker, page, document, command."""

import logging
from datetime import timedelta
from io import StringIO
from threading import Barrier, Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from randomization import services, tasks
from randomization.assessment.report import assess
from randomization.design import design_of
from randomization.designs import DesignRefused, ImportedDesign, SimpleDesign
from randomization.forms import ReportForm
from randomization.models import DesignReport
from randomization.services import reports
from randomization.services.reports import GIVE_UP, PATIENCE
from tests.browsers import assert_good
from tests.factories import NOW, by_method, make_report, make_trial, make_user
from tests.pdfs import text_of
from tests.randomization.test_allocation import PAIRS
from trial.audit.models import AuditEvent
from trial.protocol.selectors import active_protocol

pytestmark = pytest.mark.django_db

SECRET = "block_sizes"
MINIMIZATION = {"participants": 24, "method": "minimization", "probability": "4/5"}


@pytest.fixture
def statistician(tiny):
    return make_user("statistician", trial=tiny)


@pytest.fixture
def desk(client, statistician):
    client.force_login(statistician)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture(autouse=True)
def few_lists(monkeypatch):
    """Ten thousand are for the statistician."""
    monkeypatch.setitem(assess.__kwdefaults__, "lists", 200)


def address(name, trial, *rest):
    return reverse(f"randomization:{name}", args=[trial.slug, *rest])


def ask(desk, trial, **answers):
    return desk.post(address("reports", trial), {"participants": 24, "method": ""} | answers)


def asked(trial, statistician, *more):
    design = design_of(active_protocol(trial))
    return services.ask_for_report(
        trial=trial, designs=[design, *more], participants=24, by=statistician, now=NOW
    )


# --- the page ---


def test_statistician_asks_waits_and_reads_the_numbers(desk, tiny):
    assert address("reports", tiny) in desk.get(address("desk", tiny)).content.decode()
    answer = ask(desk, tiny, **MINIMIZATION)
    report = DesignReport.objects.get()
    assert answer["Location"] == address("report", tiny, report.pk)

    waiting = desk.get(answer["Location"])
    assert "waits for a worker" in waiting.content.decode()
    assert waiting["Refresh"] == "3"

    assert services.make_due_reports(now=NOW) == 1
    page = desk.get(answer["Location"])
    assert "Refresh" not in page
    text = page.content.decode()
    for words in (
        "Permuted blocks (4, 6), as in the protocol",
        "Minimization (4/5)",
        "69.33\u00a0%",
        "28.33\u00a0%",
        "Knows only which sizes may come",
        "What troubles you most?",
        "reached by one list in 10,000",
        "seed",
        "data:image/svg+xml;base64,",
    ):
        assert words in text
    assert "Minimization (4/5), as in the protocol" not in text


def test_a_design_that_is_not_the_protocols_is_not_called_so(desk, tiny, statistician):
    simple = SimpleDesign({"talk": 1, "usual": 1}, (), 40)
    other = services.ask_for_report(trial=tiny, designs=[simple], participants=24, by=statistician, now=NOW)
    services.make_due_reports(now=NOW)
    page = desk.get(address("report", tiny, other.pk)).content.decode()
    assert "Simple randomization" in page
    assert "as in the protocol" not in page


def test_the_document_is_the_same_each_time(desk, tiny):
    report = make_report(tiny)
    file = desk.get(address("report_pdf", tiny, report.pk))
    assert file["Content-Type"] == "application/pdf"
    assert file.content.startswith(b"%PDF-")
    assert desk.get(address("report_pdf", tiny, report.pk)).content == file.content


def test_there_is_no_document_before_the_answer(desk, tiny, statistician):
    report = asked(tiny, statistician)
    assert desk.get(address("report_pdf", tiny, report.pk)).status_code == 404


def test_who_waits_for_long_is_told_that_no_worker_runs(desk, tiny, statistician, time_machine):
    report = asked(tiny, statistician)
    for seconds, told in ((30, False), (90, True)):
        time_machine.move_to(NOW + timedelta(seconds=seconds))
        page = desk.get(address("report", tiny, report.pk)).content.decode()
        assert ("No worker has begun" in page) is told


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"participants": ""}, "Write a whole number."),
        ({"participants": 0}, "Write 1 or more."),
        ({"participants": 5001}, "Write 5000 or less."),
        ({"maximum_imbalance": "1.5"}, "Write a whole number, without decimals."),
        ({"method": "permuted_blocks"}, "The design that you chose needs this"),
        ({"method": "permuted_blocks", "block_sizes": "2"}, "every second allocation could be guessed"),
        ({"method": "permuted_blocks", "block_sizes": "5"}, "must be a multiple of 2"),
        ({"method": "permuted_blocks", "block_sizes": "four"}, "numbers with commas between them"),
        ({"method": "biased_coin", "probability": "two thirds"}, "a fraction of whole numbers"),
        ({"method": "biased_coin", "probability": "2/0"}, "a fraction of whole numbers"),
        ({"method": "biased_coin", "probability": "1e400"}, "a fraction of whole numbers"),
        ({"method": "biased_coin", "probability": "0,8"}, "a fraction of whole numbers"),
        ({"method": "biased_coin", "probability": "1/3"}, "must be at least 1/2"),
        ({"method": "minimization", "probability": "1/2"}, "must lie between 1/2 and 1"),
        ({"method": "big_stick", "maximum_imbalance": 1}, "could be guessed for certain"),
    ],
)
def test_an_answer_that_cannot_be_is_kept_with_the_reason(desk, tiny, answers, told):
    page = ask(desk, tiny, **answers)
    assert page.status_code == 200
    assert told in page.content.decode()
    for value in answers.values():
        assert f'value="{value}"' in page.content.decode()
    assert not DesignReport.objects.exists()


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"method": "simple"},
        {"method": "permuted_blocks", "block_sizes": "4; 8"},
        {"method": "big_stick", "maximum_imbalance": 3},
        {"method": "biased_coin", "probability": "2\t/\u00a03"},
        {"method": "biased_coin", "probability": "2 / 3", "maximum_imbalance": 3},
        MINIMIZATION,
    ],
    ids=str,
)
def test_every_design_that_may_stand_beside_is_computed_and_told(desk, tiny, answers):
    answer = ask(desk, tiny, **answers)
    services.make_due_reports(now=NOW)
    report = DesignReport.objects.get()
    assert len(report.answer["designs"]) == (2 if answers else 1)
    page = desk.get(answer["Location"])
    assert page.status_code == 200
    assert "Overall" in page.content.decode()


@pytest.mark.parametrize(
    ("changes", "measure"),
    [
        (
            by_method("minimization")
            | {'method = "minimization"': 'method = "minimization"\nimbalance = "variance"'},
            "variance",
        ),
        ({}, "range"),
    ],
)
def test_minimization_beside_measures_imbalance_as_the_protocol_does(changes, measure):
    trial = make_trial("other", changes=changes)
    form = ReportForm(MINIMIZATION, design=design_of(active_protocol(trial)), participants=24)
    assert form.is_valid()
    assert form.designs[1].imbalance == measure


def test_sites_cannot_stand_beside_participants(desk, tiny):
    assert "Select a valid choice" in ask(desk, tiny, method="complete_clusters").content.decode()


def test_reasons_come_in_the_readers_language(desk, tiny):
    desk.cookies["django_language"] = "nb"
    page = ask(desk, tiny, method="permuted_blocks", block_sizes="2").content.decode()
    assert "Blocks of 2 are refused" not in page


def test_pairs_of_sites_stand_beside_all_sites_at_once(client):
    pairs = make_trial("pairs", changes=PAIRS)
    client.force_login(make_user("statistician", trial=pairs))
    client.cookies["django_language"] = "en"
    answer = ask(client, pairs, method="complete_clusters")
    services.make_due_reports(now=NOW)
    page = client.get(answer["Location"]).content.decode()
    for words in (
        "Matched pairs of sites, as in the protocol",
        "Whole sites",
        "there is no next arm to guess",
    ):
        assert words in page


def test_an_imported_list_without_blocks_can_only_be_told_of_beside_another_design():
    imported = ImportedDesign({"talk": 1, "usual": 1}, (), 40, None)
    alone = ReportForm({"participants": 24, "method": ""}, design=imported, participants=24)
    assert "does not say how the imported list was made" in str(alone.errors)
    beside = ReportForm({"participants": 24, "method": "simple"}, design=imported, participants=24)
    assert beside.is_valid()
    assert [design.method for design in beside.designs] == ["simple"]


@pytest.mark.parametrize("role", ["coordinator", "trial_manager", "researcher", "monitor"])
def test_reports_are_closed_to_who_meets_participants_or_is_blinded(client, tiny, role):
    report = make_report(tiny)
    client.force_login(make_user(role, trial=tiny))
    assert client.get(address("reports", tiny)).status_code == 404
    assert ask(client, tiny).status_code == 404
    assert client.get(address("report", tiny, report.pk)).status_code == 404
    assert client.get(address("report_pdf", tiny, report.pk)).status_code == 404


def test_a_report_is_found_at_its_own_trial_only(client, tiny):
    other = make_trial("other")
    client.force_login(make_user("statistician", trial=other))
    assert client.get(address("report", other, make_report(tiny).pk)).status_code == 404


@pytest.mark.browser
def test_a_report_that_waits_is_a_good_page(desk, tiny, statistician, window):
    report = asked(tiny, statistician)
    page = desk.get(address("report", tiny, report.pk))
    del page.headers["Refresh"]
    window.show(page)
    assert_good(window.page)


@pytest.mark.browser
def test_a_refused_design_is_said_on_a_good_page(desk, tiny, window):
    window.show(ask(desk, tiny, method="permuted_blocks", block_sizes="2"))
    assert_good(window.page)


# --- the worker ---


def test_asking_refuses_what_cannot_be_assessed(tiny, statistician):
    with pytest.raises(DesignRefused):
        services.ask_for_report(
            trial=tiny,
            designs=[SimpleDesign({"talk": 1, "usual": 1}, (), 40)],
            participants=5001,
            by=statistician,
            now=NOW,
        )
    assert not DesignReport.objects.exists()


def test_asking_wakes_a_worker_once_it_is_committed(
    tiny, statistician, monkeypatch, django_capture_on_commit_callbacks
):
    woken = []
    monkeypatch.setattr("trial.messaging.services.wake._begin", woken.append)
    with django_capture_on_commit_callbacks(execute=True):
        asked(tiny, statistician)
        assert woken == []
    assert woken == [reports.MAKE_REPORTS] == [tasks.make_due_reports.name]


def test_the_task_makes_what_is_due_and_returns_nothing(tiny, statistician):
    asked(tiny, statistician)
    assert tasks.make_due_reports.apply().result is None
    assert DesignReport.objects.get().progress == 100


def test_a_report_is_made_once(tiny, statistician):
    report = asked(tiny, statistician)
    assert services.make_due_reports(now=NOW) == 1
    answer = DesignReport.objects.get(pk=report.pk).answer
    assert services.make_due_reports(now=NOW + 2 * PATIENCE) == 0
    assert DesignReport.objects.get(pk=report.pk).answer == answer


def test_what_a_dead_worker_began_is_begun_again_in_time(tiny, statistician):
    report = asked(tiny, statistician)
    DesignReport.objects.update(claimed_at=NOW, progress=45)
    assert services.make_due_reports(now=NOW + PATIENCE) == 0
    assert services.make_due_reports(now=NOW + PATIENCE + timedelta(seconds=1)) == 1
    report.refresh_from_db()
    assert report.answer["designs"]


def test_a_report_that_waited_for_another_one_is_claimed_when_its_turn_comes(tiny, statistician, monkeypatch):
    """Claimed at the beginning of the sweep it would look dead, and be computed twice."""
    asked(tiny, statistician), asked(tiny, statistician)
    passed = [0]

    def slow(design, **arguments):
        passed[0] += 540
        return {}

    monkeypatch.setattr(reports, "monotonic", lambda: passed[0])
    monkeypatch.setattr("randomization.assessment.report.assess", slow)
    assert services.make_due_reports(now=NOW) == 2
    claimed = DesignReport.objects.order_by("claimed_at").values_list("claimed_at", flat=True)
    assert list(claimed) == [NOW, NOW + timedelta(seconds=540)]


def test_a_report_that_ends_its_workers_is_given_up_and_does_not_hold_up_the_next(tiny, statistician):
    fatal, other = asked(tiny, statistician), asked(tiny, statistician)
    DesignReport.objects.filter(pk=fatal.pk).update(claimed_at=NOW)
    assert services.make_due_reports(now=NOW + GIVE_UP + timedelta(seconds=1)) == 1
    fatal.refresh_from_db()
    other.refresh_from_db()
    assert (fatal.error, fatal.answer) == ("TimeoutError", None)
    assert other.answer["designs"]


def test_a_worker_that_was_given_up_does_not_write_over_its_successor(tiny, statistician, monkeypatch):
    asked(tiny, statistician)

    def slow(design, **arguments):
        DesignReport.objects.update(claimed_at=NOW + PATIENCE)  # another worker takes over
        return {}

    monkeypatch.setattr("randomization.assessment.report.assess", slow)
    assert services.make_due_reports(now=NOW) == 0
    assert DesignReport.objects.get().answer is None


@pytest.mark.django_db(transaction=True)
def test_the_page_shows_how_far_the_report_is_while_it_is_computed(monkeypatch, desk, tiny, statistician):
    report = asked(tiny, statistician, design_of(active_protocol(tiny)))
    halfway, looked, seen = Barrier(2, timeout=20), Barrier(2, timeout=20), []

    def slow(design, *, progress, **arguments):
        progress(0.5)
        if not seen:
            halfway.wait()
            looked.wait()
        return {}

    def look():
        halfway.wait()
        seen.append(desk.get(address("report", tiny, report.pk)).content.decode())
        looked.wait()
        connection.close()

    monkeypatch.setattr("randomization.assessment.report.assess", slow)
    looking = Thread(target=look)
    looking.start()
    services.make_due_reports(now=NOW)
    looking.join()
    assert 'max="100" value="25">25 %</progress>' in seen[0]
    assert "is being computed" in seen[0]


def test_a_report_that_fails_says_so_and_the_log_tells_no_design(
    desk, tiny, statistician, monkeypatch, caplog
):
    report, other = asked(tiny, statistician), asked(tiny, statistician)

    def broken(design, **arguments):
        raise MemoryError(f"{design}")

    monkeypatch.setattr("randomization.assessment.report.assess", broken)
    with caplog.at_level(logging.DEBUG):
        assert services.make_due_reports(now=NOW) == 0
    assert str(report.pk) in caplog.text
    assert "MemoryError" in caplog.text
    assert SECRET not in caplog.text
    assert DesignReport.objects.get(pk=other.pk).error == "MemoryError"
    page = desk.get(address("report", tiny, report.pk))
    assert "could not be computed" in page.content.decode()
    assert "Refresh" not in page


def test_the_trail_knows_that_somebody_asked_and_not_what(tiny):
    make_report(tiny)
    events = AuditEvent.objects.filter(table_name="randomization_designreport")
    assert events.exists()
    for event in events:
        assert SECRET not in str((event.old, event.new))


# --- the command ---


def test_command_writes_the_document(tiny, tmp_path):
    out = StringIO()
    file = tmp_path / "report.pdf"
    call_command("randomization", "report", "tiny", "--participants", "40", "--out", str(file), stdout=out)
    assert "Designrapport" in text_of(
        file.read_bytes()
    )  # in the trial's language, however the command speaks
    assert str(file) in out.getvalue()
    assert SECRET not in out.getvalue()


def test_command_says_what_cannot_be_assessed(tiny, tmp_path):
    file = tmp_path / "report.pdf"
    with pytest.raises(CommandError, match="at most 5000"):
        call_command("randomization", "report", "tiny", "--participants", "9000", "--out", str(file))
    assert not file.exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"participants": 0}, "at least one participant"),
        ({"seed": -1}, "The seed is 0 or a larger number"),
        ({"out": "/proc/nowhere/report.pdf"}, "/proc/nowhere/report.pdf was not written: No such file"),
    ],
)
def test_command_says_in_a_sentence_what_is_wrong(tiny, tmp_path, changed, said):
    options = {"participants": 40, "seed": 1, "out": tmp_path / "report.pdf"} | changed
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with pytest.raises(CommandError, match=said):
        call_command("randomization", "report", "tiny", *words)
    assert not any(tmp_path.iterdir())
