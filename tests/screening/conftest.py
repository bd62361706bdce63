import pytest

from screening import services
from tests.factories import NOW, make_trial
from trial.people.services import Contact

FITTING = {"sick_listed": True, "weeks_sick_listed": 10, "main_complaint": "pain"}
CONTACT = Contact(name="", phone="+47 68 05 00 01", email="kari@example.org", postal_code="7030")


@pytest.fixture
def trial(db):
    return make_trial()


@pytest.fixture
def site(trial):
    return trial.sites.get(key="north")


@pytest.fixture
def attempt(trial):
    return services.begin(trial=trial, language="nb", now=NOW)


def answer(attempt, answers):
    return services.answer_page(attempt=attempt, answers=answers, now=NOW)


def fit(attempt):
    """Answers with which the visitor can take part, and the decision."""
    return services.decide(attempt=answer(attempt, FITTING), now=NOW)


def consent(attempt, *, name="Kari Eksempel", ticks=None, language="nb"):
    """The visitor agrees to the text of today."""
    from screening.document import consent_document
    from trial.protocol.selectors import protocol_of

    shown = consent_document(protocol_of(attempt.protocol_version), language).sha256
    return services.give_consent(
        attempt=attempt,
        language=language,
        shown=shown,
        ticks={"sms": True} if ticks is None else ticks,
        name=name,
        now=NOW,
    )


@pytest.fixture
def fitting(attempt):
    return fit(attempt)


@pytest.fixture
def consented(fitting):
    consent(fitting)
    return fitting


@pytest.fixture
def participant(consented, site):
    return services.register(attempt=consented, site=site, contact=CONTACT, now=NOW).participant
