"""A design report in the reader's language: what page and document have in common."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from randomization.assessment import scope
from randomization.assessment.plots import Bars, Course, draw_courses, draw_guesses
from randomization.designs import Design, design_from
from randomization.names import in_short
from trial.core.numbers import percent, rounded

NONE = "–"
Answer = Mapping[str, Any]
Cell = tuple[str, str, str]
"""Group, label and value of one design."""


@dataclass(frozen=True)
class Table:
    """Groups of rows; a row has a label and one value for each design. A group may have no name."""

    title: str
    groups: Sequence[tuple[str, Sequence[tuple[str, Sequence[str]]]]]


@dataclass(frozen=True)
class Picture:
    """What it shows, in words for who cannot see it."""

    caption: str
    file: bytes

    @property
    def address(self) -> str:
        """As a page holds it."""
        return "data:image/svg+xml;base64," + b64encode(self.file).decode()


@dataclass(frozen=True)
class Words:
    """One or two assessed designs, told."""

    designs: Sequence[Answer]
    seed: int
    planned: Design
    """The protocol's own."""
    factors: Mapping[str, str] = field(default_factory=dict)
    """Factor's key to what the protocol calls it."""

    @property
    def names(self) -> list[str]:
        return [self._name(one["design"]) for one in self.designs]

    @property
    def participants(self) -> int:
        return int(self.designs[0]["participants"])

    def numbers(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Each design with the few numbers that matter most."""
        return [(self._name(one["design"]), _big(one)) for one in self.designs]

    def tables(self) -> list[Table]:
        tables = [
            Table(_("Imbalance between the arms"), self._groups(self._imbalance)),
            Table(_("Lost to imbalance"), self._groups(_loss)),
            Table(_("Guessing the next arm"), self._groups(_guesses)),
            Table(_("Sites"), self._groups(_sites)),
        ]
        return [table for table in tables if table.groups]

    def pictures(self, form: Literal["svg", "png"]) -> list[Picture]:
        pictures = []
        courses = [Course(described(one["design"]), one["course"]) for one in self.designs if one["course"]]
        if courses:
            drawn = draw_courses(
                courses,
                across=_("Participants"),
                up=_("Imbalance"),
                mean=_("mean"),
                high=_("95th percentile"),
                form=form,
            )
            pictures.append(Picture(_("The overall imbalance as participants come"), drawn))
        bars = [
            Bars(f"{described(one['design'])}: {_who(guess)}", at, guess["correct"], guess["certain"])
            for at, one in enumerate(self.designs)
            for guess in one["guesses"]
        ]
        if bars:
            drawn = draw_guesses(bars, correct=_("Correct guesses"), certain=_("dark: certain"), form=form)
            pictures.append(Picture(_("How many allocations can be guessed; dark: for certain"), drawn))
        return pictures

    def assumptions(self) -> list[str]:
        lines = []
        if any(one["course"] for one in self.designs):
            lines += [
                _("Participants come from each stratum with the same probability."),
                _(
                    "Whoever guesses knows all earlier allocations of the stratum and names the likeliest "
                    "arm. A guess is certain where one arm alone is possible. A single block size is soon "
                    "found out, so it counts as known."
                ),
            ]
        if any(map(_without_hidden_sizes, self.designs)):
            lines.append(
                _(
                    "With so many arms in so large blocks it is not computed how often who knows only which "
                    "sizes may come guesses right."
                )
            )
        if any(one["sites"] for one in self.designs):
            lines += [
                _("Each site brings as many participants."),
                _("Only late sites' arms can be guessed; all late places are taken to be used.")
                if any(one["guesses"] for one in self.designs if one["sites"])
                else _("Sites are allocated all at once: there is no next arm to guess."),
            ]
        lines.append(
            _(
                "Imbalance is the largest difference between two arms, each number divided by the arm's "
                "share. The information kept is E = n1·n2 / (w·(1 − w)·n²) with planned shares w and 1 − w; "
                "the power is that of E·n participants in perfect balance (Lachin 1988). Of three or more "
                "arms, the pair that loses most counts."
            )
        )
        lists = next((one["lists"] for one in self.designs if one["lists"]), None)
        if lists:
            lines.append(
                _("Simulated: %(designs)s, %(lists)s lists, seed %(seed)s. Everything else is exact.")
                % {
                    "designs": ", ".join(described(one["design"]) for one in self.designs if one["lists"]),
                    "lists": number_format(lists, force_grouping=True),
                    "seed": self.seed,
                }
            )
        else:
            lines.append(_("Every number is exact."))
        return lines

    def _name(self, plan: Answer) -> str:
        """Says of the protocol's design that it is."""
        if design_from(plan).as_json() != self.planned.as_json():
            return described(plan)
        return _("%(design)s, as in the protocol") % {"design": described(plan)}

    def _groups(
        self, of: Callable[[Answer], Iterable[Cell]]
    ) -> list[tuple[str, list[tuple[str, list[str]]]]]:
        """The designs' values side by side, in the order in which they come; empty rows are left out."""
        each = [{(group, label): value for group, label, value in of(one)} for one in self.designs]
        groups: dict[str, list[tuple[str, list[str]]]] = {}
        for group, label in dict.fromkeys(key for cells in each for key in cells):
            values = [cells.get((group, label), NONE) for cells in each]
            if set(values) != {NONE}:
                groups.setdefault(group, []).append((label, values))
        return list(groups.items())

    def _imbalance(self, one: Answer) -> Iterator[Cell]:
        for part in one["imbalance"]:
            of, spread = self._part(part), part["imbalance"]
            yield of, _("mean"), _number(spread["mean"], 2)
            yield of, _("95th percentile"), _number(spread["p95"])
            rare = _("reached by one list in %(rare)s") % {
                "rare": number_format(scope.RARE, force_grouping=True)
            }
            yield of, rare, _number(spread["worst"])
            yield of, _("largest possible"), NONE if part["bound"] is None else _number(part["bound"])

    def _part(self, part: Answer) -> str:
        if part["of"] == scope.LEVEL:
            return self.factors.get(part["factor"], part["factor"])
        return {
            scope.OVERALL: _("Overall"),
            scope.STRATUM: _("In one stratum"),
            scope.SITES: _("Number of sites"),
            scope.PARTICIPANTS: _("Participants"),
        }[part["of"]]


def described(plan: Answer) -> str:
    """A design in a few words."""
    return in_short(design_from(plan))


def _big(one: Answer) -> list[tuple[str, str]]:
    if one["sites"]:
        return [
            (_("possible allocations of the sites"), _allocations(one)),
            (_("smallest p-value of a permutation test"), _number(one["smallest_p"], 3)),
            (
                _("sites' difference between the arms, on average"),
                _number(one["imbalance"][0]["imbalance"]["mean"]),
            ),
        ]
    guess, overall = one["guesses"][0], one["imbalance"][0]["imbalance"]
    return [
        (_("of allocations are guessed right by whoever knows most"), _percent(guess["correct"], 0)),
        (_("can be guessed for certain"), _percent(guess["certain"], 0)),
        (_("is the overall imbalance that 95 of 100 lists stay within"), _number(overall["p95"])),
        (_("participants are lost to imbalance, on average"), _number(one["loss"]["participants_mean"], 2)),
    ]


def _guesses(one: Answer) -> Iterator[Cell]:
    for guess in one["guesses"]:
        who = _who(guess)
        yield who, _("correct, over a long list"), _percent(guess["long_correct"])
        yield who, _("certain, over a long list"), _percent(guess["long_certain"])
        yield who, _("correct, in this trial"), _percent(guess["correct"])
        yield who, _("certain, in this trial"), _percent(guess["certain"])


def _without_hidden_sizes(one: Answer) -> bool:
    knows = [guess["knows"] for guess in one["guesses"]]
    return len(one["design"].get("block_sizes", [])) > 1 and scope.HIDDEN not in knows


def _who(guess: Answer) -> str:
    return {
        scope.SIZES: _("Knows each block's size"),
        scope.HIDDEN: _("Knows only which sizes may come"),
        scope.RULE: _("Knows the rule"),
        scope.STRATUM_ONLY: _("Knows only the stratum's arms"),
        scope.LATE: _("Knows the arms of earlier late sites"),
    }[guess["knows"]]


def _loss(one: Answer) -> Iterator[Cell]:
    loss, information, people = one["loss"], _("Information"), _("Participants")
    power = _("Power instead of %(nominal)s") % {"nominal": _percent(scope.NOMINAL, 0)}
    yield information, _("mean"), _percent(loss["mean"])
    yield information, _("95th percentile"), _percent(loss["p95"])
    yield information, _("mean, arms compared within strata"), _percent(loss["within_strata"])
    yield people, _("mean"), _number(loss["participants_mean"], 2)
    yield people, _("95th percentile"), _number(loss["participants_p95"], 2)
    yield power, _("mean"), _percent(loss["power_mean"])
    yield power, _("5th percentile"), _percent(loss["power_p95"])


def _sites(one: Answer) -> Iterator[Cell]:
    if one["sites"]:
        yield "", _("Sites"), _number(one["sites"])
        yield "", _("Possible allocations"), _allocations(one)
        yield "", _("Smallest two-sided p-value of a permutation test"), _number(one["smallest_p"], 6)


def _allocations(one: Answer) -> str:
    """Whole where it can be read; else by its power of ten."""
    digits = one["allocations"]
    return (
        digits
        if len(digits) <= 9
        else f"{digits[0]}{number_format(0.1)[1]}{digits[1]} · 10^{len(digits) - 1}"
    )


def _number(value: float, decimals: int | None = None) -> str:
    """So many decimals; without, as many as it has, at most two."""
    if decimals is None:
        decimals = 0 if float(value).is_integer() else 2
    return rounded(value, decimals)


def _percent(share: float | None, decimals: int = 2) -> str:
    return NONE if share is None else percent(share, decimals)
