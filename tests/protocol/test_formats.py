"""What a trial has loaded stays readable for as long as the trial lives, whatever later releases ask for.

`format1/` holds files as they were written in format 1. They do not change any more, except that `rare.toml`
and its instruments get each new key.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from tests.factories import NOW, TINY
from trial.protocol import formats, selectors
from trial.protocol.checks import findings
from trial.protocol.diff import flat
from trial.protocol.models import ProtocolVersion, Trial
from trial.protocol.reading import Sources, read_sources, study_from
from trial.protocol.schema.base import Part

FORMAT_1 = Path(__file__).parent / "format1"
LOADED = {
    "expert-at-work": "bbebe4e4fbabf0c42552e17c40a35ff1bde1ca7ad2d2616bcb1002502c90ce9a",
    "workup": "20030560331793e7858f0d0c7abf0889250790ded81de611bedcf57d23104a09",
}
"""The hashes under which they were loaded."""


def frozen(name):
    return read_sources(FORMAT_1 / f"{name}.toml")


@pytest.mark.parametrize("name", LOADED)
def test_both_trials_are_read_as_they_were_loaded_in_format_1(name):
    sources = frozen(name)
    study = study_from(sources)
    assert sources.sha256 == LOADED[name]
    assert study.protocol.slug == name
    assert {use.instrument for use in study.protocol.instruments} == study.instruments.keys()


def test_every_key_that_a_stored_version_can_have_stands_in_a_frozen_file():
    studies = [study_from(frozen(file.stem)) for file in FORMAT_1.glob("*.toml")]
    said = {key for study in studies for key in said_in((study.protocol, study.instruments))}
    known = {(model.__name__, key) for model in Part.__subclasses__() for key in model.model_fields}
    assert known - said == set(), f"Put these into {FORMAT_1}/rare.toml or its instruments."


def said_in(part):
    """(model, key) of everything that the files say themselves."""
    if isinstance(part, BaseModel):
        for key in part.model_fields_set:
            yield type(part).__name__, key
            yield from said_in(getattr(part, key))
    elif isinstance(part, Mapping | tuple):
        for inner in part.values() if isinstance(part, Mapping) else part:
            yield from said_in(inner)


def test_what_a_file_leaves_out_means_what_it_meant_when_it_was_loaded():
    read = flat(study_from(frozen("workup")).protocol)
    meant = {
        "contact_details.postal_code": "none",
        "randomization.late_places": "0",
        "randomization.masking": "open",
        "randomization.two_person_seal": "False",
        "consent.ticks[registers].required": "False",
        "eligibility.criteria[neck_or_back].checked_by": "participant",
        "eligibility.pages[pain].items[pain_place].options[neck].alone": "False",
        "eligibility.pages[pain].items[pain_weeks].required": "True",
        "eligibility.pages[pain].items[pain_weeks].step": "1",
        "weekly.minimum": "0",
        "weekly.maximum": "7",
        "weekly.step": "0.5",
        "weekly.backfill_weeks": "4",
        "weekly.call_after_weeks": "3",
        "analysis.working.maximum_days": "0",
        "analysis.sustained.maximum_days": "0",
        "analysis.confidence": "0.95",
    }
    assert meant.items() <= read.items()


def to_format_2(protocol, instruments):
    """As if format 1 had said `planned` for `target`, and had asked instruments for their `owner`."""
    protocol["target"] = protocol.pop("planned")
    for instrument in instruments.values():
        del instrument["owner"]


@pytest.fixture
def earlier():
    """The tiny trial as it would have been written in a format 1 with these keys."""
    tiny = read_sources(TINY)
    instruments = {key: f'owner = "Nobody"\n{text}' for key, text in tiny.instruments.items()}
    return Sources(tiny.protocol.replace("target = 400", "planned = 400"), instruments)


@pytest.fixture
def later_release(monkeypatch):
    monkeypatch.setattr(formats, "STEPS", (to_format_2,))


@pytest.mark.django_db
@pytest.mark.parametrize("first_line", ["format = 1\n", ""])
def test_a_version_stored_in_an_earlier_format_is_read_through_the_steps(earlier, later_release, first_line):
    text = earlier.protocol.replace("format = 1\n", first_line)
    sources = Sources(text, earlier.instruments)
    stored = ProtocolVersion.objects.create(
        trial=Trial.objects.create(slug="tiny"),
        version="1.0",
        sha256=sources.sha256,
        source=sources.protocol,
        instruments=sources.instruments,
        loaded_at=NOW,
    )
    protocol = selectors.protocol_of(stored)
    assert (protocol.format, protocol.target) == (2, 400)
    assert selectors.study_of(stored).instruments["wellbeing"].title.in_("en") == "How are you?"
    assert selectors.sources_of(stored).sha256 == sources.sha256 == stored.sha256


def test_a_key_that_no_step_takes_away_is_never_just_ignored(earlier, monkeypatch):
    monkeypatch.setattr(formats, "STEPS", (lambda *_: None,))
    with pytest.raises(ValidationError, match="owner\n  Extra inputs are not permitted"):
        study_from(earlier)


def test_a_new_file_is_loaded_in_the_present_format_only(earlier, later_release):
    problems = {str(problem.path[0]): problem for problem in findings(earlier)[1] if problem.path}
    assert "format 1 cannot be loaded; this release loads format 2" in str(problems["format"])
    assert "missing" in problems["target"].what


@pytest.mark.parametrize("written", ["2", "0", '"1"', "true", "1.5"])
def test_only_the_number_of_the_present_format_is_accepted(written):
    tiny = read_sources(TINY)
    text = tiny.protocol.replace("format = 1\n", f"format = {written}\n")
    (problem,) = [one for one in findings(Sources(text, tiny.instruments))[1] if not one.note]
    assert problem.path == ("format",)
