"""What tests stand on, made by the product's own services. Each app has its section."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from expertteam.models import Case
from expertteam.selectors import case_of
from expertteam.services import assign, open_cases
from randomization.design import design_of
from randomization.models import DesignReport
from randomization.services import allocate, ask_for_report, make_due_reports, seal_lists
from screening import services as screening
from screening.document import consent_document
from screening.selectors import coordinator_criteria
from trial.accounts.models import User
from trial.messaging.models import Kind, Message
from trial.messaging.services import enqueue
from trial.people.models import IdentityRecord, Participant, Site
from trial.people.services import Contact, grant, register_participant, sync_sites
from trial.people.services.registration import opened
from trial.protocol.models import Trial, TrialStatus
from trial.protocol.reading import Sources, read_sources
from trial.protocol.schema import BASELINE
from trial.protocol.selectors import active_protocol, active_version, sources_of
from trial.protocol.services import activate, load_protocol, set_trial_status
from trial.questionnaires.services import save_answers, submit

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday at ten in Oslo."""

TINY = Path(__file__).parent / "protocols" / "tiny.toml"
RATIO = "ratio = { talk = 1, usual = 1 }"

_numbers = count(1)

# --- protocol and people ---


def make_trial(
    slug: str = "tiny", *, recruiting: bool = True, changes: dict[str, str] | None = None
) -> Trial:
    """A trial by the tiny protocol, active since a week, with sites; `changes` go into the file's text."""
    sources = read_sources(TINY)
    text = sources.protocol.replace('slug = "tiny"', f'slug = "{slug}"')
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new)
    then = NOW - timedelta(days=7)
    version = load_protocol(sources=Sources(text, sources.instruments), now=then)
    activate(version=version, by="system:test", now=then)
    sync_sites(trial=version.trial, protocol=active_protocol(version.trial), now=then)
    if recruiting:
        set_trial_status(trial=version.trial, name=TrialStatus.Name.RECRUITING, by="system:test", now=then)
    return version.trial


def by_method(method: str) -> dict[str, str]:
    """Changes to the tiny protocol: `make_trial(changes=by_method("simple"))` randomizes so."""
    text = TINY.read_text()
    section = re.search(r"\[randomization\].+?(?=\[weekly\])", text, re.DOTALL)[0]
    strata = section[section.index("[[randomization.strata]]") :]
    more = {
        "simple": "places_per_stratum = 40",
        "permuted_blocks": "block_sizes = [4, 6]\nplaces_per_stratum = 40",
        "big_stick": "maximum_imbalance = 3\nplaces_per_stratum = 40",
        "biased_coin": 'probability = "2/3"\nplaces_per_stratum = 40',
        "minimization": 'probability = "4/5"\nplaces_per_stratum = 400',
        "imported_list": "block_sizes = [4]\nplaces_per_stratum = 40",
    }
    if method in more:
        return {section: f'[randomization]\nmethod = "{method}"\n{RATIO}\n{more[method]}\n\n{strata}'}
    of_site = {"stratified_clusters": 'group = "one"\n', "pairwise_clusters": 'pair = "one"\n'}.get(
        method, ""
    )
    return {
        section: f'[randomization]\nmethod = "{method}"\n{RATIO}\nlate_places = 4\n\n',
        'name = "North"\n': f'name = "North"\ncluster = true\n{of_site}',
        'name = "South"\n': f'name = "South"\ncluster = true\n{of_site}',
    }


def join_sites(trial: Trial, method: str, *keys: str, now: datetime = NOW, **of_site: str) -> list[Site]:
    """More sites by a new version of the trial's protocol, which randomizes sites by the method."""
    sources = read_sources(TINY)
    text = sources.protocol.replace('slug = "tiny"', f'slug = "{trial.slug}"').replace('"1.0"', '"1.1"', 1)
    for old, new in by_method(method).items():
        text = text.replace(old, new)
    more = "".join(f'{name} = "{value}"\n' for name, value in of_site.items())
    sites = "".join(
        f'[[sites]]\nkey = "{key}"\nname = "{key.title()}"\ncluster = true\n{more}\n' for key in keys
    )
    text = text.replace("[eligibility]", f"{sites}[eligibility]", 1)
    version = load_protocol(sources=Sources(text, sources.instruments), now=now, reason="New sites.")
    activate(version=version, by="system:test", now=now)
    sync_sites(trial=trial, protocol=active_protocol(trial), now=now)
    return [trial.sites.get(key=key) for key in keys]


def amend(trial: Trial, changes: dict[str, str], *, version: str = "1.1", now: datetime = NOW) -> None:
    """A new version of the trial's protocol in force, with these changes in the text of the one before."""
    sources = sources_of(active_version(trial))
    text = re.sub(r'(?m)^version = ".*"', f'version = "{version}"', sources.protocol, count=1)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    loaded = load_protocol(sources=Sources(text, sources.instruments), reason="An amendment.", now=now)
    activate(version=loaded, by="system:test", now=now)
    sync_sites(trial=trial, protocol=active_protocol(trial), now=now)


def lock_data(trial: Trial, *, now: datetime = NOW) -> None:
    """The trial is over and its data are final."""
    for name in (TrialStatus.Name.CLOSED, TrialStatus.Name.LOCKED):
        set_trial_status(trial=trial, name=name, by="system:test", now=now)


def make_user(
    role: str | None = None,
    *,
    trial: Trial | None = None,
    site: Site | None = None,
    email: str | None = None,
    password: str | None = None,
) -> User:
    """Somebody on the staff; with a role at a site, in a trial, or (with neither) in the installation."""
    number = next(_numbers)
    user = User.objects.create_user(
        email or f"user{number}@example.org",
        password,
        name=f"{role or 'user'} {number}".replace("_", " ").title(),
    )
    if role is not None:
        grant(user=user, role=role, trial=trial, site=site, by=None, now=NOW)
    return user


def make_contact(*, name: str | None = None, phone: str | None = None) -> Contact:
    """A fictional person; each call another one."""
    number = next(_numbers)
    return Contact(name=name or f"Eksempel Person{number}", phone=phone or f"+47 680500{number % 100:02d}")


def make_participant(
    trial: Trial,
    site: Site | None = None,
    *,
    contact: Contact | None = None,
    language: str = "nb",
    now: datetime = NOW,
) -> Participant:
    """A registered participant at the site, or at the trial's first one."""
    return register_participant(
        trial=trial,
        site=site or trial.sites.get(key="north"),
        language=language,
        protocol_version=active_version(trial),
        contact=contact or make_contact(),
        now=now,
    )


# --- screening and randomization ---


def identity_of(participant: Participant) -> Contact:
    """Who it is, without leaving a trace."""
    return opened(IdentityRecord.objects.get(participant=participant))


def make_screened_participant(
    trial: Trial, site: Site | None = None, *, complaint: str = "pain", now: datetime = NOW
) -> Participant:
    """A participant who answered, consented, registered and finished the baseline questionnaire."""
    answers = {"sick_listed": True, "weeks_sick_listed": 12, "main_complaint": complaint}
    attempt = screening.begin(trial=trial, language="nb", now=now)
    screening.answer_page(attempt=attempt, answers=answers, now=now)
    screening.decide(attempt=attempt, now=now)
    document = consent_document(active_protocol(trial), "nb")
    ticks = {tick.key: True for tick in document.ticks}
    contact = make_contact()
    screening.give_consent(
        attempt=attempt, language="nb", shown=document.sha256, ticks=ticks, name=contact.name, now=now
    )
    participant = screening.register(
        attempt=attempt, site=site or trial.sites.get(key="north"), contact=contact, now=now
    ).participant
    answer_baseline(participant, now=now)
    return participant


def answer_baseline(participant: Participant, *, now: datetime = NOW) -> None:
    """The baseline questionnaire, answered and locked."""
    wellbeing = {"calm": "sometimes", "tired": "sometimes", "pain_now": 4}
    background = {"has_employer": True, "hours_a_week": 37.5}
    save_answers(
        participant=participant,
        occasion=BASELINE,
        answers=wellbeing | background,
        language="nb",
        now=now,
    )
    submit(participant=participant, occasion=BASELINE, language="nb", now=now)
    screening.submit_baseline(participant=participant, now=now)


def make_verified_participant(
    trial: Trial,
    site: Site | None = None,
    *,
    complaint: str = "pain",
    by: User | None = None,
    now: datetime = NOW,
) -> Participant:
    """The same, verified as eligible: ready to be randomized once the list is sealed."""
    participant = make_screened_participant(trial, site, complaint=complaint, now=now)
    screening.verify(
        participant=participant,
        by=by or make_user("coordinator", trial=trial),
        decisions={criterion.key: True for criterion in coordinator_criteria(participant)},
        now=now,
    )
    return participant


def seal(trial: Trial) -> None:
    """The trial's list is made and sealed by a statistician."""
    seal_lists(trial=trial, by=make_user("statistician", trial=trial), now=NOW)


def make_report(trial: Trial) -> DesignReport:
    """A design report on the trial's own design and blocks of 4 beside it, computed."""
    design: Any = design_of(active_protocol(trial))
    report = ask_for_report(
        trial=trial,
        designs=[design, replace(design, block_sizes=(4,))],
        participants=40,
        by=make_user("statistician", trial=trial),
        now=NOW,
    )
    make_due_reports(now=NOW)
    report.refresh_from_db()
    return report


# --- expert team ---


def make_message(
    participant: Participant,
    *,
    key: str = "w01:ask",
    kind: Kind = Kind.WEEKLY,
    body: str = "Hvor mange dager?",
    language: str = "nb",
    due_at: datetime = NOW,
    **more: Any,
) -> Message:
    """A planned SMS, by default the first weekly question."""
    return enqueue(
        participant=participant,
        protocol_version=participant.protocol_version,
        key=key,
        kind=kind,
        body=body,
        language=language,
        due_at=due_at,
        **more,
    )


def make_case(
    trial: Trial, site: Site | None = None, *, complaint: str = "pain", now: datetime = NOW
) -> Case:
    """The case of a new participant who was randomized to the arm with a team; the list must be sealed."""
    coordinator = make_user("coordinator", trial=trial)
    while True:
        participant = make_verified_participant(trial, site, complaint=complaint, by=coordinator, now=now)
        allocate(participant=participant, by=coordinator, now=now)
        open_cases(now=now)
        if case := case_of(participant):
            return case


def make_expert(case: Case, *, profession: str = "adviser", lead: bool = False, now: datetime = NOW) -> User:
    """An expert at the participant's site who is on the case's team."""
    expert = make_user("expert", site=case.participant.site)
    by = make_user("coordinator", site=case.participant.site)
    assign(case=case, user=expert, profession=profession, by=by, lead=lead, now=now)
    return expert
