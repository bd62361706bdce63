"""The schedule and the analysis: times, occasions, and names that point at something."""

import re
from collections.abc import Collection, Iterable, Iterator
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from trial.protocol.checks.items import repeated
from trial.protocol.checks.problems import Problem, nearest
from trial.protocol.checks.readable import up_to_a_hole
from trial.protocol.locate import Path
from trial.protocol.reading import Study
from trial.protocol.schema import (
    BASELINE,
    InstrumentUse,
    Kind,
    Outcome,
    Protocol,
    ScheduledQuestionnaire,
)

ALWAYS_STOP = {"stop", "stopp"}

PHONE = re.compile(r"\+?(?:[ ()/.-]*\d){3,15}")

EXAMPLE_PHONE = {"NO": "+47 68 05 00 00", "SE": "+46 31 390 06 00"}


def check(study: Study) -> Iterator[Problem]:
    protocol = study.protocol
    yield from _time_zone(protocol)
    yield from _email(protocol)
    yield from _phone(protocol)
    yield from _languages(protocol)
    yield from _ticks(protocol)
    yield from _criteria(protocol)
    yield from _weekly_tick(protocol)
    yield from _weekly_time(protocol)
    yield from _weekly_days(protocol)
    yield from _stop_words(protocol)
    yield from _questionnaires(protocol)
    yield from _uses(protocol)
    yield from _expert_team(protocol)
    yield from _summary(study)
    yield from _outcomes(study)
    yield from _primary_outcome(protocol)
    yield from _reference_arm(protocol)
    yield from _analysis(protocol)
    yield from _export(study)


def _known(key: str, known: Collection[str], path: Path, what: str) -> Iterator[Problem]:
    if key not in known:
        yield Problem(path, f"there is no {what} “{key}”", nearest(key, known))


@up_to_a_hole
def _time_zone(protocol: Protocol) -> Iterator[Problem]:
    if protocol.time_zone not in available_timezones():
        yield Problem(
            ("time_zone",),
            f"“{protocol.time_zone}” is not a time zone",
            nearest(protocol.time_zone, available_timezones()),
        )


@up_to_a_hole
def _email(protocol: Protocol) -> Iterator[Problem]:
    try:
        validate_email(protocol.contact.email)
    except ValidationError:
        what = f"“{protocol.contact.email}” is not an e-mail address"
        yield Problem(("contact", "email"), what, "such as study@example.org")


@up_to_a_hole
def _phone(protocol: Protocol) -> Iterator[Problem]:
    """Digits as people group them; also short numbers, which only some countries have."""
    phone = protocol.contact.phone
    if phone is not None and not PHONE.fullmatch(phone):
        what, example = f"“{phone}” is not a phone number", EXAMPLE_PHONE[protocol.country]
        yield Problem(("contact", "phone"), what, f"such as {example}")


@up_to_a_hole
def _languages(protocol: Protocol) -> Iterator[Problem]:
    if len(set(protocol.languages)) != len(protocol.languages):
        yield Problem(("languages",), "a language is there twice")


@up_to_a_hole
def _ticks(protocol: Protocol) -> Iterator[Problem]:
    yield from repeated((tick.key for tick in protocol.consent.ticks), ("consent", "ticks"))


@up_to_a_hole
def _criteria(protocol: Protocol) -> Iterator[Problem]:
    yield from repeated((one.key for one in protocol.eligibility.criteria), ("eligibility", "criteria"))


@up_to_a_hole
def _weekly_tick(protocol: Protocol) -> Iterator[Problem]:
    ticks = {tick.key for tick in protocol.consent.ticks}
    yield from _known(protocol.weekly.tick, ticks, ("weekly", "tick"), "consent tick")


@up_to_a_hole
def _weekly_time(protocol: Protocol) -> Iterator[Problem]:
    weekly = protocol.weekly
    if protocol.messages.are_quiet(weekly.at):
        hours = f"{protocol.messages.quiet_from:%H:%M}–{protocol.messages.quiet_to:%H:%M}"
        yield Problem(
            ("weekly", "at"), f"{weekly.at:%H:%M} is within the quiet hours {hours}", "a time outside them"
        )


@up_to_a_hole
def _weekly_days(protocol: Protocol) -> Iterator[Problem]:
    weekly = protocol.weekly
    if weekly.minimum >= weekly.maximum:
        yield Problem(("weekly", "maximum"), f"must be more than the minimum, {weekly.minimum}")
    elif weekly.step <= 0 or (weekly.maximum - weekly.minimum) % weekly.step:
        yield Problem(("weekly", "step"), "steps from the minimum must end at the maximum")


@up_to_a_hole
def _stop_words(protocol: Protocol) -> Iterator[Problem]:
    """A word that answers an open question must not end the messages."""
    weekly = protocol.weekly
    answers = {
        word.casefold()
        for words in (weekly.unit_words, weekly.whole_week_words, weekly.no_day_words)
        for of_language in words.values()
        for word in of_language
    }
    for number, word in enumerate(weekly.stop_words):
        if word.casefold() in answers or word.strip().replace(",", ".").replace(".", "").isdigit():
            what = f"“{word}” is also an answer to the weekly question"
            yield Problem(("weekly", "stop_words", number), what, "a word that answers nothing")
    for word in sorted(answers & ALWAYS_STOP):
        yield Problem(("weekly",), f"“{word}” always ends the messages; it cannot be an answer")


@up_to_a_hole
def _questionnaires(protocol: Protocol) -> Iterator[Problem]:
    path = ("questionnaires",)
    yield from repeated((one.occasion for one in protocol.questionnaires), path, name="occasion")
    yield from repeated((str(one.week) for one in protocol.questionnaires), path, name="week")
    for number, one in enumerate(protocol.questionnaires):
        yield from _reminder(one, (*path, number))
        yield from _occasion(protocol, one, (*path, number, "occasion"))


@up_to_a_hole
def _reminder(one: ScheduledQuestionnaire, path: Path) -> Iterator[Problem]:
    if one.reminder_after_hours >= one.open_days * 24:
        what = "the reminder comes after the questionnaire has closed"
        yield Problem((*path, "reminder_after_hours"), what)


@up_to_a_hole
def _occasion(protocol: Protocol, one: ScheduledQuestionnaire, path: Path) -> Iterator[Problem]:
    if one.occasion == BASELINE:
        yield Problem(path, "“baseline” is before randomization", f"week{one.week}")
    if not protocol.instruments_at(one.occasion):
        what = f"no instrument is answered at “{one.occasion}”"
        yield Problem(path, what, "name it among an instrument's occasions")


@up_to_a_hole
def _uses(protocol: Protocol) -> Iterator[Problem]:
    yield from repeated((use.instrument for use in protocol.instruments), ("instruments",), name="instrument")
    for number, use in enumerate(protocol.instruments):
        yield from _occasions_of(use, _occasions(protocol), ("instruments", number, "occasions"))
    if not protocol.instruments_at(BASELINE):
        yield Problem(("instruments",), "nothing is answered at “baseline”")


@up_to_a_hole
def _occasions_of(use: InstrumentUse, known: Collection[str], path: Path) -> Iterator[Problem]:
    for place, occasion in enumerate(use.occasions):
        yield from _known(occasion, known, (*path, place), "occasion")


def _occasions(protocol: Protocol) -> list[str]:
    return [BASELINE, *(one.occasion for one in protocol.questionnaires)]


def _measures(study: Study, keys: Iterable[str]) -> set[str]:
    """Items and scores of the instruments."""
    instruments = [study.instruments[key] for key in keys]
    return {key for one in instruments for key in (*(item.key for item in one.items), *one.results)}


@up_to_a_hole
def _expert_team(protocol: Protocol) -> Iterator[Problem]:
    if team := protocol.expert_team:
        yield from repeated((one.key for one in team.professions), ("expert_team", "professions"))
        yield from _known(team.arm, {arm.key for arm in protocol.arms}, ("expert_team", "arm"), "arm")


@up_to_a_hole
def _summary(study: Study) -> Iterator[Problem]:
    protocol, team = study.protocol, study.protocol.expert_team
    known = {item.key for item in protocol.eligibility.items}
    known |= _measures(study, protocol.instruments_at(BASELINE))
    for number, key in enumerate(team.summary if team else ()):
        yield from _known(key, known, ("expert_team", "summary", number), "item or score of the baseline")


@up_to_a_hole
def _outcomes(study: Study) -> Iterator[Problem]:
    protocol = study.protocol
    yield from repeated((outcome.key for outcome in protocol.outcomes), ("outcomes",))
    for number, outcome in enumerate(protocol.outcomes):
        yield from _outcome(study, outcome, ("outcomes", number))


@up_to_a_hole
def _outcome(study: Study, outcome: Outcome, path: Path) -> Iterator[Problem]:
    if outcome.source == "questionnaire" and not (outcome.measure and outcome.occasions):
        yield Problem(path, "says neither what is measured nor when", "measure and occasions")
    for place, occasion in enumerate(outcome.occasions):
        known = _occasions(study.protocol)
        yield from _known(occasion, known, (*path, "occasions", place), "occasion")
        if outcome.measure and occasion in known:
            measures = _measures(study, study.protocol.instruments_at(occasion))
            what = f"item or score at {occasion} called"
            yield from _known(outcome.measure, measures, (*path, "measure"), what)


@up_to_a_hole
def _primary_outcome(protocol: Protocol) -> Iterator[Problem]:
    primary = {outcome.key for outcome in protocol.outcomes if outcome.role == "primary"}
    yield from _known(protocol.analysis.primary, primary, ("analysis", "primary"), "primary outcome")


@up_to_a_hole
def _reference_arm(protocol: Protocol) -> Iterator[Problem]:
    arms = {arm.key for arm in protocol.arms}
    yield from _known(protocol.analysis.reference_arm, arms, ("analysis", "reference_arm"), "arm")


@up_to_a_hole
def _analysis(protocol: Protocol) -> Iterator[Problem]:
    analysis, weekly = protocol.analysis, protocol.weekly
    if analysis.working.week > weekly.weeks:
        what = f"week {analysis.working.week} is after the last weekly question"
        yield Problem(("analysis", "working", "week"), what, f"at most {weekly.weeks}")
    if analysis.working.consecutive_weeks > analysis.working.week:
        yield Problem(("analysis", "working", "consecutive_weeks"), "more weeks than there are until then")
    for name in ("working", "sustained"):
        days = getattr(analysis, name).maximum_days
        if not weekly.minimum <= days < weekly.maximum:
            what = f"{days} is not from {weekly.minimum} to below {weekly.maximum}"
            yield Problem(("analysis", name, "maximum_days"), what)


@up_to_a_hole
def _export(study: Study) -> Iterator[Problem]:
    items = {item.key: item for item in study.protocol.eligibility.items}
    items |= {item.key: item for one in study.instruments.values() for item in one.items}
    for number, key in enumerate(study.protocol.export.leave_out):
        yield from _known(key, items, ("export", "leave_out", number), "item")
    for key, item in items.items():
        if item.kind == Kind.TEXT and key not in study.protocol.export.leave_out:
            what = f"the free text “{key}” may name somebody and is exported"
            yield Problem(("export", "leave_out"), what, "leave it out", note=True)
