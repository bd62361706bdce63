"""The protocol file: a whole trial in one frozen document."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from trial.protocol import formats
from trial.protocol.schema.base import FROZEN, Expression, Key, Language, Part, Sentence, Text
from trial.protocol.schema.items import Item, OptionSets, Page, fill_option_sets, items_of

BASELINE = "baseline"
"""The occasion before randomization."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Asked = Literal["required", "optional", "none"]


class TrialContact(Part):
    """Whom a participant may ask."""

    name: Sentence
    """Name of a person or of the study office."""
    role: Text
    """Who that is."""
    email: Sentence
    """E-mail address."""
    phone: Sentence | None = None
    """Phone number as people write it."""


class Arm(Part):
    """One group of the trial."""

    key: Key
    """Name in exports, once unmasked."""
    name: Text
    """What people call it."""
    description: Text
    """What happens to those who are in it."""
    code: Sentence | None = None
    """What an imported list calls it, beside key and name (`imported_list`)."""


class Site(Part):
    """A place that recruits; in a cluster trial, a unit that is randomized."""

    key: Key
    """Name in exports."""
    name: Sentence
    """What people call it."""
    pair: Key | None = None
    """The pair to which the unit belongs (`pairwise_clusters`)."""
    group: Key | None = None
    """The group of units within which it is randomized (`stratified_clusters`)."""
    cluster: bool = False
    """Whether the site as a whole is randomized."""
    code: Sentence | None = None
    """What an imported list calls it, such as the number of REDCap's data access group (`imported_list`)."""


class Criterion(Part):
    """A condition for taking part."""

    key: Key
    """Name in the counts of screen failures."""
    kind: Literal["inclusion", "exclusion"]
    """An `inclusion` must be true, an `exclusion` must be false."""
    label: Text
    """What the coordinator reads in the checklist."""
    reason: Text
    """What somebody is told who cannot take part because of it, in plain and kind words."""
    expression: Expression | None = None
    """The condition over answers; without one, the coordinator decides."""
    checked_by: Literal["participant", "coordinator"] = "participant"
    """`participant`: decided from the eligibility answers at once. `coordinator`: confirmed by a person, who
    sees what the expression says about the eligibility and baseline answers and scores."""


class Eligibility(Part):
    """Who may take part."""

    introduction: Text
    """What to know before the first question."""
    option_sets: OptionSets = {}
    """Lists of options that several items share."""
    pages: tuple[Page, ...]
    """The eligibility questions, page by page."""
    criteria: tuple[Criterion, ...]
    """The conditions."""

    _fill = model_validator(mode="before")(fill_option_sets)

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(items_of(self.pages))


class Tick(Part):
    """One thing that a participant agrees to, separately."""

    key: Key
    """Name in exports and in `weekly.tick`."""
    label: Text
    """The sentence beside the box."""
    required: bool = False
    """Whether one can take part only with it."""


class Consent(Part):
    """What a participant agrees to."""

    version: Sentence
    """Version of the text, as approved by the ethics committee."""
    title: Text
    """Heading."""
    text: Text
    """The full information: paragraphs divided by blank lines, headings with `## `, lists with `- `."""
    ticks: tuple[Tick, ...]
    """The boxes, each ticked or not by the participant; none is ticked beforehand."""


class ContactDetails(Part):
    """What the trial must know to reach a participant. Kept apart from all answers, encrypted."""

    identity_number: Literal["norwegian", "swedish", "none"]
    """Which national identity number is asked for."""
    identity_number_why: Text | None = None
    """What the number is used for, shown beside the field."""
    email: Asked = "optional"
    """Whether an e-mail address is asked for."""
    postal_code: Asked = "none"
    """Whether a postal code is asked for."""


class InstrumentUse(Part):
    """An instrument and when it is answered."""

    instrument: Key
    """Key of the instrument."""
    occasions: tuple[Key, ...]
    """`baseline` and occasions of `questionnaires`."""


class Level(Part):
    """One level of a stratum factor."""

    key: Key
    """Name of the level."""
    name: Text
    """What the statistician reads."""
    values: tuple[Key, ...] = ()
    """The answers that belong to it: options of a `single` item, or `yes` and `no`."""
    minimum: Decimal | None = None
    """The lowest answer to a `number` or `scale` that belongs to it, up to the next level's."""
    code: Sentence | None = None
    """What an imported list calls it, beside key, name and answers (`imported_list`)."""


class StratumFactor(Part):
    """Something that the allocation is balanced within."""

    key: Key
    """Name of the factor."""
    source: Key
    """`site`, or a `single`, `yes_no`, `number` or `scale` item that is answered before randomization."""
    levels: tuple[Level, ...] = ()
    """Levels by answer; none for `site`, where each site is a level."""
    weight: PositiveInt = 1
    """How much its imbalance counts beside that of the other factors (`minimization`)."""
    code: Sentence | None = None
    """What an imported list calls its column, beside key and source (`imported_list`)."""

    def level_of(self, answer: bool | str | float | None) -> str | None:
        """Key of the level to which an answer belongs; None without an answer."""
        if answer is None:
            return None
        if isinstance(answer, bool):
            answer = "yes" if answer else "no"
        if isinstance(answer, str):
            return next((level.key for level in self.levels if answer in level.values), None)
        number = Decimal(str(answer))  # as it was written: 37.8 is a little less as a float
        starts = [(level.minimum, level.key) for level in self.levels if level.minimum is not None]
        return next((key for minimum, key in reversed(starts) if minimum <= number), None)


Method = Literal[
    "simple",
    "permuted_blocks",
    "big_stick",
    "biased_coin",
    "minimization",
    "imported_list",
    "complete_clusters",
    "stratified_clusters",
    "pairwise_clusters",
]

CLUSTERS = ("complete_clusters", "stratified_clusters", "pairwise_clusters")
"""The methods by which whole sites are randomized."""

Probability = Annotated[str, Field(pattern=r"^[1-9]\d{0,3}/[1-9]\d{0,3}$")]

StaffRole = Literal["coordinator", "trial_manager", "statistician", "monitor", "unblinded_staff"]
"""Who may be told by e-mail that somebody was randomized or unblinded."""


class Unblinding(Part):
    """Emergency unblinding of one participant in a blinded trial."""

    second_person: bool = False
    """Whether another person must approve before the arm is shown."""
    tell: tuple[StaffRole, ...] = ()
    """Roles whose members are told at once by e-mail that somebody asked, and the answer; never the arm."""


class Randomization(Part):
    """How participants or clusters come into arms. The seed is never in a file."""

    method: Method
    """`simple`: each place is drawn by the ratio alone.
    `permuted_blocks`: each participant, within strata.
    `big_stick`: a fair coin, until one arm is `maximum_imbalance` ahead.
    `biased_coin`: a coin that prefers the arm that is behind (Efron).
    `minimization`: prefers the arm that balances the factors best (Pocock and Simon).
    `imported_list`: a list made elsewhere, which the statistician imports.
    `complete_clusters`: all units at once. `stratified_clusters`: all units at once, within their `group`s.
    `pairwise_clusters`: one unit of each pair to each arm."""
    ratio: Annotated[Mapping[Key, PositiveInt], *FROZEN]
    """How many to each arm: `{ team = 1, usual = 1 }`."""
    block_sizes: tuple[PositiveInt, ...] = ()
    """Sizes of the blocks, chosen at random; each a multiple of the ratio's sum, never 2.
    With `imported_list`: the one size by which its blocks are checked."""
    strata: tuple[StratumFactor, ...] = ()
    """Factors; every combination of their levels is a stratum with its own list.
    With `minimization`: the factors that are balanced, each by itself."""
    places_per_stratum: PositiveInt | None = None
    """Length of the list of each stratum; enough that none runs out.
    With `minimization` there is one list for all."""
    probability: Probability | None = None
    """Of the preferred arm, as a fraction: `"2/3"` (`biased_coin`), `"4/5"` (`minimization`)."""
    maximum_imbalance: PositiveInt | None = None
    """How far one arm may come ahead of the other within a stratum (`big_stick`, `biased_coin`)."""
    imbalance: Literal["range", "variance"] = "range"
    """How the imbalance within a level is measured (`minimization`)."""
    late_places: Annotated[int, Field(ge=0)] = 0
    """Sealed places for units that join after the others (cluster trials), in each `group`; 0: none may."""
    masking: Literal["open", "blinded"] = "open"
    """`blinded`: who meets participants never sees an arm, except by emergency unblinding."""
    two_person_seal: bool = False
    """Whether one statistician proposes the list and another one approves it."""
    tell: tuple[StaffRole, ...] = ()
    """Roles whose members are told by e-mail of each randomization, with the arm where the role may know."""
    unblinding: Unblinding | None = None
    """Emergency unblinding (`masking = "blinded"`)."""

    @property
    def is_by_site(self) -> bool:
        """Whether whole sites are randomized, and participants inherit."""
        return self.method in CLUSTERS


class Weekly(Part):
    """The weekly question by SMS."""

    weeks: Annotated[int, Field(ge=1, le=520)]
    """How many weeks it is asked."""
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    """The day it is sent, about the seven days before."""
    at: time
    """The local time it is sent."""
    tick: Key
    """The consent tick without which nothing is sent."""
    question: Text
    """The SMS; a plain reply must be able to answer it.
    `{from}` and `{to}` are the first and last day asked about."""
    reminder: Text
    """The SMS to those who have not answered; same placeholders."""
    reminder_after_hours: Annotated[int, Field(ge=1, le=144)]
    """Hours from the question to the reminder."""
    minimum: Decimal = Decimal(0)
    """Smallest number of days."""
    maximum: Decimal = Decimal(7)
    """Largest number of days."""
    step: Decimal = Decimal("0.5")
    """Answers are multiples of this."""
    unit_words: Annotated[Mapping[Language, tuple[Sentence, ...]], *FROZEN]
    """Words that may follow the number in a reply: "dager", "days"."""
    whole_week_words: Annotated[Mapping[Language, tuple[Sentence, ...]], *FROZEN]
    """Replies that mean `maximum`: "hele uka", "all week"."""
    no_day_words: Annotated[Mapping[Language, tuple[Sentence, ...]], *FROZEN]
    """Replies that mean `minimum`: "ingen", "none"."""
    backfill_weeks: Annotated[int, Field(ge=0)] = 4
    """Answers for weeks longer ago than this are not accepted: memory is no longer reliable."""
    thanks: Text | None = None
    """The SMS after an answer; none saves the participant a message a week."""
    unclear: Text | None = None
    """The SMS after a reply that we could not read; none leaves it to the coordinator alone."""
    stop_words: tuple[Sentence, ...] = ()
    """Replies that end all messages, beside STOP, which always does."""
    call_after_weeks: PositiveInt = 3
    """Weeks in a row without an answer after which the coordinator calls."""

    @property
    def weekday_number(self) -> int:
        """Monday is 0, as in `datetime.weekday()`."""
        return WEEKDAYS.index(self.weekday)


class ScheduledQuestionnaire(Part):
    """A questionnaire some weeks after randomization; `instruments` says which are answered."""

    occasion: Key
    """Name of the occasion: `week13`."""
    week: Annotated[int, Field(ge=1)]
    """Weeks after randomization when it opens."""
    title: Text
    """Heading of the questionnaire."""
    invitation: Text
    """The SMS: `{address}` is the short address to type, `{code}` the participant's code."""
    reminder: Text
    """The SMS to those who have not answered; same placeholders."""
    reminder_after_hours: Annotated[int, Field(ge=24)]
    """Hours from invitation to reminder."""
    open_days: Annotated[int, Field(ge=1)]
    """Days during which it can be answered."""


class Messages(Part):
    """What holds for all messages."""

    quiet_from: time
    """No message is sent from this local time …"""
    quiet_to: time
    """… to this one."""
    code: Text
    """The SMS with a code to log in or to come back: `{code}`."""
    stop_confirmation: Text
    """The SMS after STOP."""
    resume_confirmation: Text
    """The SMS after START."""

    def are_quiet(self, at: time) -> bool:
        """Whether no message is sent at this local time."""
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= at < self.quiet_to
        return at >= self.quiet_from or at < self.quiet_to


class Profession(Part):
    """Somebody who may be in an expert team."""

    key: Key
    """Name in exports."""
    name: Text
    """What people call the profession."""
    required: bool = False
    """Whether every team needs one."""
    suggest: Expression | None = None
    """When this profession is suggested for the team; over eligibility and baseline answers and scores."""


class ExpertTeam(Part):
    """The expert team that participants of one arm get."""

    arm: Key
    """The arm."""
    professions: tuple[Profession, ...]
    """Who may be in a team."""
    summary: tuple[Key, ...]
    """Items and scores of eligibility and baseline that the team reads first."""
    advice_ready: Text
    """The SMS when advice is signed: `{address}`."""


class Outcome(Part):
    """What the trial measures."""

    key: Key
    """Name in exports and in the analysis."""
    name: Text
    """What people call it."""
    role: Literal["primary", "secondary", "exploratory"]
    """Its place in the analysis plan."""
    source: Literal["weekly", "questionnaire", "register", "expert_team", "interview"]
    """Where its data come from."""
    measure: Key | None = None
    """Item or score that measures it (`questionnaire`)."""
    occasions: tuple[Key, ...] = ()
    """When it is measured (`questionnaire`)."""


class Export(Part):
    """The nightly export for researchers."""

    at: time
    """The local time it is made."""
    leave_out: tuple[Key, ...] = ()
    """Items that never leave in an export, such as free text that may name somebody."""


class WorkingRule(Part):
    """When somebody counts as working at a point of time: weekly answers at most `maximum_days`, in a row."""

    week: PositiveInt
    """The last of the weeks that count."""
    consecutive_weeks: PositiveInt
    """How many weeks in a row."""
    maximum_days: Decimal = Decimal(0)
    """Days of sick leave in a week that still count as working."""


class SustainedReturn(Part):
    """When a return to work is sustained: the first of so many weeks in a row with at most `maximum_days`."""

    consecutive_weeks: PositiveInt
    """How many weeks in a row."""
    maximum_days: Decimal = Decimal(0)
    """Days of sick leave in a week that still count as working."""


class Analysis(Part):
    """The analysis plan."""

    rule_version: Sentence
    """Version of the rules below, stamped on every result."""
    primary: Key
    """The primary outcome."""
    reference_arm: Key
    """The arm that the others are compared with."""
    working: WorkingRule
    """Working at the end: the primary outcome by weekly answers."""
    sustained: SustainedReturn
    """Sustained return to work: time-to-event by weekly answers."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Level of intervals."""
    competing_events: tuple[Key, ...] = ()
    """Events after which nobody returns to work."""
    missing: Text
    """How weeks without an answer are handled, in words for the report."""


def _present(written: int) -> int:
    if written != formats.present():
        raise PydanticCustomError(
            "format",
            "format {written} cannot be loaded; this release loads format {present}",
            {"written": written, "present": formats.present()},
        )
    return written


class Protocol(Part):
    """A whole trial."""

    format: Annotated[StrictInt, AfterValidator(_present)]
    """The format in which this file and its instruments are written: 1."""
    slug: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
    """Name of the trial in addresses."""
    version: Annotated[str, Field(pattern=r"^\d+(\.\d+)*$", max_length=20)]
    """Version of this file; every change needs a new one."""
    names: Text
    """The trial's name."""
    summary: Text
    """What it is about, in two or three sentences for somebody on sick leave."""
    about: Text
    """What it is, what happens and who may take part; paragraphs, `## ` headings and `- ` lists."""
    country: Literal["NO", "SE"]
    """Country of phone numbers written without country code, and of postal codes."""
    languages: tuple[Language, ...]
    """Languages of all texts; the first one is the trial's own."""
    time_zone: str
    """Where the trial's days and hours are counted: `Europe/Oslo`."""
    registration: Sentence
    """Number in the public registry of trials."""
    responsible: Sentence
    """The institution that answers for the research and the data."""
    contact: TrialContact
    """Whom a participant may ask."""
    target: PositiveInt
    """Planned number of participants."""
    arms: tuple[Arm, ...]
    """The groups."""
    sites: tuple[Site, ...]
    """The places."""
    eligibility: Eligibility
    """Who may take part."""
    consent: Consent
    """What participants agree to."""
    contact_details: ContactDetails
    """How they are reached."""
    instruments: tuple[InstrumentUse, ...]
    """What is answered when, in order."""
    randomization: Randomization
    """How they are allocated."""
    weekly: Weekly
    """The weekly question."""
    questionnaires: tuple[ScheduledQuestionnaire, ...] = ()
    """The questionnaires of follow-up."""
    messages: Messages
    """What holds for all messages."""
    expert_team: ExpertTeam | None = None
    """The team of one arm, where the trial has one."""
    outcomes: tuple[Outcome, ...]
    """What is measured."""
    export: Export
    """What leaves for researchers."""
    analysis: Analysis
    """How it is analysed."""

    @property
    def language(self) -> str:
        """The trial's own language."""
        return self.languages[0]

    def instruments_at(self, occasion: str) -> tuple[str, ...]:
        """Keys of the instruments answered at an occasion, in the file's order."""
        return tuple(use.instrument for use in self.instruments if occasion in use.occasions)

    def questionnaire_at(self, occasion: str) -> ScheduledQuestionnaire | None:
        return next((one for one in self.questionnaires if one.occasion == occasion), None)

    def arm(self, key: str) -> Arm:
        return next(arm for arm in self.arms if arm.key == key)
