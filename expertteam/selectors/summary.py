"""What the participant answered before, as the protocol lets the team read it first."""

from dataclasses import dataclass

from django.utils.formats import number_format

from expertteam.models import Case
from screening.selectors import screening_answers
from trial.people.models import Participant
from trial.protocol.expressions import evaluate
from trial.protocol.reading import Study
from trial.protocol.schema import Score
from trial.protocol.selectors import protocol_of, study_of
from trial.questionnaires.presentation import answer_text
from trial.questionnaires.scoring import band_of
from trial.questionnaires.selectors import known_answers


def answers_and_scores(participant: Participant) -> dict[str, object]:
    """Eligibility and baseline answers, baseline scores and groups, by key."""
    return screening_answers(participant) | known_answers(participant)


@dataclass(frozen=True)
class SummaryLine:
    """One item or score of the baseline, in words."""

    label: str
    value: str
    band: str = ""
    """The named range in which a score lies."""
    bands: tuple[str, ...] = ()
    """All its named ranges, from low to high."""


def summary(case: Case, language: str) -> list[SummaryLine]:
    """The items, scores and groups that the protocol names for the team, in its order."""
    team = protocol_of(case.protocol_version).expert_team
    words = Words(study_of(case.participant.protocol_version), answers_and_scores(case.participant), language)
    return [line for key in (team.summary if team else ()) if (line := words.line(key))]


class Words:
    """Puts answers, scores and groups of one participant into words, by key."""

    def __init__(self, study: Study, known: dict[str, object], language: str) -> None:
        self.known, self.language = known, language
        instruments = study.instruments.values()
        self.items = {item.key: item for item in study.protocol.eligibility.items}
        self.items |= {item.key: item for instrument in instruments for item in instrument.items}
        self.scores = {score.key: score for instrument in instruments for score in instrument.scores}
        self.groupings = {one.key: one for instrument in instruments for one in instrument.groupings}

    def line(self, key: str) -> SummaryLine | None:
        """None for what was not asked, and for a key that the participant's protocol does not have."""
        value, language = self.known.get(key), self.language
        if key in self.scores:
            return _score_line(self.scores[key], value, language)
        if key in self.groupings:
            labels = {group.key: group.label.in_(language) for group in self.groupings[key].groups}
            return SummaryLine(self.groupings[key].name.in_(language), labels.get(str(value), "–"))
        if key in self.items:
            item = self.items[key]
            if value is None and item.shown_if and evaluate(item.shown_if, self.known) is not True:
                return None  # the earlier answers left this question out
            return SummaryLine(item.label.in_(language), answer_text(item, value, language))
        return None


def _score_line(score: Score, value: object, language: str) -> SummaryLine:
    name = score.name.in_(language)
    if not isinstance(value, int | float):
        return SummaryLine(name, "–")
    band = band_of(score, value)
    bands = tuple(one.label.in_(language) for one in score.bands)
    written = number_format(int(value) if value == int(value) else round(value, 2))
    return SummaryLine(name, written, band.label.in_(language) if band else "", bands)
