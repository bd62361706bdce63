"""Where somebody is in a questionnaire: its steps that have something to ask, in order."""

from dataclasses import dataclass
from typing import Any

from trial.people.models import Participant
from trial.protocol.schema import Instrument, Item, Page
from trial.questionnaires.branching import shown_items, steps
from trial.questionnaires.presentation import answer_text
from trial.questionnaires.selectors import answers_of, instruments_due


@dataclass(frozen=True)
class Place:
    """A step that has something to ask. `number` stands in the address and never changes with the answers."""

    number: int
    instrument: Instrument
    page: Page
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Flow:
    """All places of an occasion, given the answers so far."""

    places: list[Place]
    answers: dict[str, Any]

    @property
    def total(self) -> int:
        """Pages to go through, the reading through at the end included."""
        return len(self.places) + 1

    def at(self, number: str) -> Place | None:
        return next((place for place in self.places if str(place.number) == number), None)

    def first_open(self) -> Place | None:
        """The first place where an answer is needed and missing."""
        return next((place for place in self.places if self._lacks_answer(place)), None)

    def _lacks_answer(self, place: Place) -> bool:
        return any(item.required and self.answers.get(item.key) is None for item in place.items)

    def position(self, place: Place) -> int:
        """From 1, among the places that are shown."""
        return self.places.index(place) + 1

    def before(self, place: Place | None) -> Place | None:
        """The place before this one; before the reading through, the last."""
        earlier = [one for one in self.places if place is None or one.number < place.number]
        return earlier[-1] if earlier else None

    def after(self, place: Place) -> Place | None:
        """The place after this one; None for the reading through."""
        return next((one for one in self.places if one.number > place.number), None)

    def in_words(self, language: str) -> list[tuple[Place, list[tuple[Item, str]]]]:
        """Everything that was asked, with the answers in words."""
        return [
            (place, [(item, answer_text(item, self.answers.get(item.key), language)) for item in place.items])
            for place in self.places
        ]


def flow_of(participant: Participant, occasion: str) -> Flow:
    """The flow of what the participant answers at an occasion."""
    answers = answers_of(participant, occasion)
    places: list[Place] = []
    number = 0
    for instrument in instruments_due(participant, occasion):
        shown = {item.key for item in shown_items(instrument.items, answers)}
        for step in steps(instrument.pages):
            number += 1
            if items := tuple(item for item in step.items if item.key in shown):
                places.append(Place(number, instrument, step.page, items))
    return Flow(places, answers)
