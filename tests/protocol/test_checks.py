"""Each mistake is found on its line, and the message says what would be right."""

import pytest

from tests.factories import TINY
from trial.protocol.checks import ProtocolProblems, check, findings
from trial.protocol.checks.shape import EXAMPLE
from trial.protocol.expressions import syntax_error
from trial.protocol.reading import Sources, read_sources

SOURCES = read_sources(TINY)


def changed(old, new, instrument=None):
    """The tiny protocol with one change, which must be possible."""
    text = SOURCES.instruments[instrument] if instrument else SOURCES.protocol
    assert old in text, old
    text = text.replace(old, new, 1)
    if instrument:
        return Sources(SOURCES.protocol, {**SOURCES.instruments, instrument: text})
    return Sources(text, SOURCES.instruments)


def mistakes(sources):
    return [problem for problem in findings(sources)[1] if not problem.note]


def notes(sources):
    return [problem for problem in findings(sources)[1] if problem.note]


def test_the_tiny_protocol_is_right():
    assert check(SOURCES).protocol.slug == "tiny"


MISTAKES = [
    ('slug = "tiny"', 'slgu = "tiny"', "slgu", "did you mean “slug”?"),
    ('slug = "tiny"', "", "slug", "missing"),
    ('slug = "tiny"', 'slug = "Tiny Trial"', "slug", "not possible"),
    ('version = "1.0"', "version = 1.0", "version", "string"),
    ('country = "NO"', 'country = "DK"', "country", "'NO' or 'SE'"),
    ('"Europe/Oslo"', '"Europe/Olso"', "time_zone", "Europe/Oslo"),
    ('names = { nb = "Bitte liten studie", en = "Tiny trial" }', 'names = "Tiny"', "names", "per language"),
    ('"tiny@example.org"', '"gunn.hege"', "contact.email", "“gunn.hege” is not an e-mail address (such as"),
    ('"68 05 00 00"', '"by post"', "contact.phone", "“by post” is not a phone number (such as +47"),
    ('"68 05 00 00"', '"68 05 00 00 (Kari)"', "contact.phone", "is not a phone number"),
    ('{ nb = "Samtale", en = "Talk" }', '{ nb = "Samtale" }', "arms[0].name", "“en”"),
    (
        '{ nb = "Samtale", en = "Talk" }',
        '{ nb = "Samtale", en = "Talk", sv = "Samtal" }',
        "arms[0].name.sv",
        "“sv”",
    ),
    ('{ nb = "Samtale", en = "Talk" }', '{ nb = "Samtale", en = "" }', "arms[0].name.en", "1 character"),
    ('languages = ["nb", "en"]', 'languages = ["nb", "en", "en"]', "languages", "twice"),
    ('key = "usual"', 'key = "talk"', "arms[1].key", "twice"),
    ('key = "south"', 'key = "north"', "sites[1].key", "twice"),
    ('kind = "number"', 'kind = "numbr"', "eligibility.pages[0].items[1].kind", "'number'"),
    ('key = "weeks_sick_listed"', 'key = "calm"', "pages[0].items[0].key", "already a key in the protocol"),
    (
        'shown_if = "sick_listed"',
        'shown_if = "sick_list"',
        "eligibility.pages[0].items[1].shown_if",
        "sick_listed",
    ),
    (
        'shown_if = "sick_listed"',
        "shown_if = \"main_complaint == 'pain'\"",
        "eligibility.pages[0].items[1].shown_if",
        "asked before it",
    ),
    (
        'expression = "sick_listed &&',
        'expression = "sick_listed & &',
        "eligibility.criteria[0].expression",
        "not a CEL expression",
    ),
    (
        "weeks_sick_listed >= 8",
        "weeks_sick_listed >= '8'",
        "eligibility.criteria[0].expression",
        "different kinds",
    ),
    (
        "weeks_sick_listed >= 8",
        "weeks >= 8",
        "eligibility.criteria[0].expression",
        "no item or score “weeks”",
    ),
    (
        "weeks_sick_listed >= 8",
        "wellbeing_total >= 8",
        "eligibility.criteria[0].expression",
        "answered by then",
    ),
    (
        "main_complaint == 'other'",
        "main_complaint == 'othr'",
        "eligibility.criteria[1].expression",
        "did you mean “other”?",
    ),
    ("expression = \"main_complaint == 'other'\"", "", "eligibility.criteria[1]", "needs an expression"),
    (
        'instrument = "wellbeing"',
        'instrument = "welbeing"',
        "instruments[0].instrument",
        "instruments/welbeing.toml",
    ),
    (
        'occasions = ["baseline", "week2"]',
        'occasions = ["baseline", "week3"]',
        "instruments[0].occasions[1]",
        "did you mean “week2”?",
    ),
    (
        "ratio = { talk = 1, usual = 1 }",
        "ratio = { tolk = 1, usual = 1 }",
        "randomization.ratio.tolk",
        "did you mean “talk”?",
    ),
    (
        "ratio = { talk = 1, usual = 1 }",
        "ratio = { talk = 1 }",
        "randomization.ratio",
        "“usual” has no share",
    ),
    ("block_sizes = [4, 6]", "block_sizes = [2, 6]", "randomization.block_sizes[0]", "known beforehand"),
    ("block_sizes = [4, 6]", "block_sizes = [4, 5]", "randomization.block_sizes[1]", "not a multiple of 2"),
    ("block_sizes = [4, 6]", "", "randomization.block_sizes", "need sizes"),
    ("places_per_stratum = 40", "", "randomization", "places_per_stratum"),
    ('name = "North"', 'name = "North"\npair = "a"', "sites[0].pair", "pairwise_clusters"),
    (
        'source = "main_complaint"',
        'source = "main_complain"',
        "randomization.strata[1].source",
        "main_complaint",
    ),
    (
        'source = "main_complaint"',
        'source = "weeks_sick_listed"',
        "randomization.strata[1].source",
        "can stay unanswered",
    ),
    ('values = ["mind"]', 'values = ["mind", "pain"]', "randomization.strata[1].levels", "two levels"),
    ('values = ["mind"]', 'values = ["mnd"]', "randomization.strata[1].levels", "did you mean “mind”?"),
    (
        'values = ["mind"]',
        "values = []",
        "randomization.strata[1].levels",
        "“mind” of “main_complaint” belongs to no level",
    ),
    ('tick = "sms"', 'tick = "smss"', "weekly.tick", "did you mean “sms”?"),
    ("at = 10:00:00", "at = 22:30:00", "weekly.at", "quiet hours 21:00–08:00"),
    ("{from} to {to}? Reply with", "{frm} to {to}? Reply with", "weekly.question.en", "did you mean {from}?"),
    ("{from} to {to}? Reply with", "{from to {to}? Reply with", "weekly.question.en", "braces"),
    (
        '"Your code is {code}."',
        '"Code {code}, {day}."',
        "messages.code.en",
        "{day} is unknown (known: {code})",
    ),
    ('"Your code is {code}."', '"Your code is {code:>9}."', "messages.code.en", "did you mean {code}?"),
    ('"Your code is {code}."', '"Your code."', "messages.code.en", "needs {code}"),
    ("with the code {code}.", "with your code.", "questionnaires[0].invitation.en", "needs {code}"),
    (
        'unit_words = { nb = ["dag", "dager", "d"], en',
        "unit_words = { en",
        "weekly.unit_words",
        "words are missing",
    ),
    (
        'no_day_words = { nb = ["ingen"]',
        'no_day_words = { nb = ["stopp"]',
        "weekly",
        "always ends the messages",
    ),
    (
        "reminder_after_hours = 24\nunit",
        'reminder_after_hours = 24\nstop_words = ["Ingen"]\nunit',
        "weekly.stop_words[0]",
        "also an answer",
    ),
    (
        "reminder_after_hours = 24\nunit",
        "reminder_after_hours = 24\nstep = 0.4\nunit",
        "weekly.step",
        "end at the maximum",
    ),
    ("open_days = 10", "open_days = 2", "questionnaires[0].reminder_after_hours", "closed"),
    ('occasion = "week2"', 'occasion = "baseline"', "questionnaires[0].occasion", "before randomization"),
    ('arm = "talk"', 'arm = "tlk"', "expert_team.arm", "did you mean “talk”?"),
    ('summary = ["main_complaint"', 'summary = ["main_complain"', "expert_team.summary[0]", "main_complaint"),
    ("wellbeing_total <= 4", "wellbing_total <= 4", "expert_team.professions[1].suggest", "wellbeing_total"),
    ('measure = "wellbeing_total"', 'measure = "wellbeing_totl"', "outcomes[1].measure", "wellbeing_total"),
    ('measure = "wellbeing_total"', 'measure = "has_employer"', "outcomes[1].measure", "at week2"),
    ('occasions = ["week2"]', "", "outcomes[1]", "measure and occasions"),
    ('leave_out = ["remarks"]', 'leave_out = ["remark"]', "export.leave_out[0]", "did you mean “remarks”?"),
    ('primary = "working"', 'primary = "wellbeing"', "analysis.primary", "primary outcome"),
    ('reference_arm = "usual"', 'reference_arm = "usal"', "analysis.reference_arm", "did you mean “usual”?"),
    (
        "week = 4, consecutive_weeks = 2",
        "week = 5, consecutive_weeks = 2",
        "analysis.working.week",
        "at most 4",
    ),
    (
        "week = 4, consecutive_weeks = 2",
        "week = 4, consecutive_weeks = 5",
        "analysis.working.consecutive_weeks",
        "more weeks",
    ),
    (
        "sustained = { consecutive_weeks = 2",
        "sustained = { maximum_days = 7, consecutive_weeks = 2",
        "analysis.sustained.maximum_days",
        "below 7",
    ),
]


@pytest.mark.parametrize(("old", "new", "path", "words"), MISTAKES, ids=lambda value: str(value)[:30])
def test_a_mistake_is_named_with_its_place_and_its_remedy(old, new, path, words):
    sources = changed(old, new)
    found = [str(problem) for problem in mistakes(sources)]
    assert any(f": {path}: " in line and words in line for line in found), found


INSTRUMENT_MISTAKES = [
    ('key = "calm"', 'key = "participant"', "pages[0].items[0].key", "a column of every export"),
    ('method = "sum"', 'method = "value_set"', "scores[0].method", "go together"),
    ('method = "sum"', 'method = "sum"\nvalue_set = "eq5d3l_uk"', "scores[0].method", "go together"),
    ('method = "sum"', 'method = "sum"\nvalue_set = "eq5d3l_uk"', "scores[0].items", "five dimensions"),
    ('method = "sum"', 'method = "sum"\nvalue_set = "eq5d3l_uk"', "scores[0].items[0]", "levels 1 to 3"),
    (
        'method = "sum"',
        'method = "sum"\nvalue_set = "eq5d3l_uk"',
        "scores[0]",
        "neither reversed nor missing",
    ),
    ('options = "often"', 'options = "oftn"', "pages[0].items[0].options", "did you mean “often”?"),
    (", score = 1 }", " }", "scores[0].items[0]", "give each of its options a score"),
    ('items = ["calm"', 'items = ["clam"', "scores[0].items[0]", "did you mean “calm”?"),
    ('reversed = ["tired"', 'reversed = ["tird"', "scores[0].reversed[0]", "did you mean “tired”?"),
    ('method = "sum"', 'method = "sum"\nleast_answered = 4', "scores[0].least_answered", "from 1 to 3"),
    ("minimum = 8", "minimum = 0", "scores[0].bands", "above the one before"),
    ("minimum = 0\nmaximum = 10", "minimum = 0", "pages[1].items[0].kind", "minimum and maximum"),
    ('low = { nb = "Ingen smerter", en = "No pain" }', "", "pages[1].items[0].kind", "ends mean"),
    ("maximum = 10", "maximum = 0", "pages[1].items[0].maximum", "more than the minimum"),
    ('key = "wellbeing"', 'key = "well"', "key", "wellbeing.toml"),
    ('languages = ["nb", "en"]', 'languages = ["nb"]', "languages", "also needs en"),
    (
        'label = { nb = "Aldri", en = "Never" }',
        'label = { nb = "Aldri" }',
        "option_sets.often[0].label",
        "“en”",
    ),
    ('licence = "Free"', "", "licence", "missing"),
]


@pytest.mark.parametrize(
    ("old", "new", "path", "words"), INSTRUMENT_MISTAKES, ids=lambda value: str(value)[:30]
)
def test_a_mistake_in_an_instrument_is_named_with_its_file(old, new, path, words):
    found = [str(problem) for problem in mistakes(changed(old, new, "wellbeing"))]
    assert any(
        line.startswith("instruments/wellbeing.toml:") and f": {path}: " in line and words in line
        for line in found
    ), found


def test_a_mistake_in_a_shared_list_is_said_once():
    sources = changed('label = { nb = "Aldri", en = "Never" }', "label = 3", "wellbeing")
    assert [problem.path for problem in mistakes(sources)] == [("option_sets", "often", 0, "label")]


def test_the_line_is_the_line_of_the_mistake():
    sources = changed("block_sizes = [4, 6]", "block_sizes = [4, 5]")
    (problem,) = mistakes(sources)
    assert sources.protocol.splitlines()[problem.line - 1] == "block_sizes = [4, 5]"


def test_all_mistakes_are_said_at_once_in_the_order_of_the_file():
    text = SOURCES.protocol.replace("[4, 6]", "[2, 5]").replace('tick = "sms"', 'tick = "x"')
    found = mistakes(Sources(text, SOURCES.instruments))
    assert len(found) == 3
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    with pytest.raises(ProtocolProblems) as refused:
        check(Sources(text, SOURCES.instruments))
    assert refused.value.problems == found


PLANTED = [
    ('slug = "tiny"', 'slgu = "tiny"', "slgu: there is no such key"),
    ("target = 400", 'target = "many"', "target: input should be a valid integer"),
    ('"Europe/Oslo"', '"Europe/Olso"', "time_zone: “Europe/Olso” is not a time zone"),
    ('key = "usual"', 'key = "talk"', "arms[1].key: “talk” is there twice"),
    ('{ nb = "Samtale", en = "Talk" }', '{ nb = "Samtale" }', "arms[0].name: the text is missing in “en”"),
    ('instrument = "background"', 'instrument = "bakground"', "there is no file instruments/bakground.toml"),
    ("weeks_sick_listed >= 8 &&", "weeks_sick_listed >= 8 and", "this is not a CEL expression"),
    ("main_complaint == 'other'", "main_complaint == 'othr'", "no option has the value “othr”"),
    ("block_sizes = [4, 6]", "block_sizes = [2, 6]", "block_sizes[0]: in a block of 2"),
    ("{from} to {to}? Reply with", "{frm} to {to}? Reply with", "weekly.question.en: "),
    ("at = 10:00:00", "at = 22:30:00", "weekly.at: 22:30 is within the quiet hours"),
]


def test_mistakes_of_every_kind_are_said_in_one_round():
    """None of them hides another: neither a wrong form, nor a missing instrument, nor a bad expression."""
    text = SOURCES.protocol
    for old, new, _words in PLANTED:
        assert old in text, old
        text = text.replace(old, new, 1)
    instruments = {"wellbeing": SOURCES.instruments["wellbeing"].replace('method = "sum"', 'method = "som"')}
    found = "\n".join(str(problem) for problem in mistakes(Sources(text, instruments)))
    for words in [*(words for _old, _new, words in PLANTED), "wellbeing.toml:47: scores[0].method: “som”"]:
        assert words in found


@pytest.mark.parametrize("phone", ["02800", "1177", "+47 (73) 59-50-00", "08-123 45 67"])
def test_a_phone_number_is_written_as_people_write_it(phone):
    assert not mistakes(changed('"68 05 00 00"', f'"{phone}"'))


def test_a_misspelt_placeholder_is_not_also_called_missing():
    (problem,) = mistakes(changed('"Your code is {code}."', '"Your code is {kode}."'))
    assert (problem.what, problem.remedy) == ("{kode} is unknown", "did you mean {code}?")


def test_a_language_that_the_platform_does_not_speak_is_said_once():
    (problem,) = mistakes(changed('languages = ["nb", "en"]', 'languages = ["nb", "en", "xx"]'))
    assert str(problem).endswith("languages[2]: the platform does not speak “xx” (known: en, nb, nn, sv)"), (
        problem
    )


def test_an_instrument_may_know_a_language_that_the_platform_does_not_speak():
    sources = changed('languages = ["nb", "en"]', 'languages = ["nb", "en", "da"]', "wellbeing")
    assert not mistakes(sources)
    assert any("does not speak “da”" in problem.what for problem in notes(sources))


def test_what_depends_on_a_missing_instrument_is_not_called_wrong():
    (problem,) = mistakes(changed('instrument = "wellbeing"', 'instrument = "welbeing"'))
    assert problem.path == ("instruments", 0, "instrument")


def test_a_misspelt_key_is_not_also_called_left_out():
    (problem,) = mistakes(changed("block_sizes = [4, 6]", "block_sises = [4, 6]"))
    assert problem.path == ("randomization", "block_sises")


NOT_TOML = [
    ("slug = ", 1, "at the end of the file, a value must stand here"),
    ("a = 1\nslug = tiny", 2, "at column 8, a value must stand here"),
    ("slug tiny = 1", 1, "at column 6, after a key come = and its value"),
    ("a = 3 b = 4", 1, "at column 7, the value has ended"),
    ('a = "x\nb = 1', 1, "must be closed on its line"),
    ("a = 'x", 1, "closed with the quotes"),
    ("a = '''x\n\n", 2, "closed with the quotes"),
    ("[sites\n", 1, "brackets"),
    ("[[sites]\n", 1, "brackets"),
    ("a = [1 2]", 1, "commas stand between its values"),
    ("a = { b = 1\n}", 1, "closed with } on its line"),
    ("a = 1\na = 2\n\n", 2, "this key has a value already"),
    ("a = { b = 1, b = 2 }", 1, "this key has a value already"),
    ("[a]\n[a]\n", 2, "this heading is there already"),
    ('a = "\\q"', 1, "a backslash"),
    ("å = 3", 1, "a line begins with a key"),
    ("a = { b = 1, }", 1, "a key must stand here"),
]


@pytest.mark.parametrize(("text", "line", "words"), NOT_TOML)
def test_a_file_that_is_not_toml_says_where_and_what_was_expected(text, line, words):
    (problem,) = mistakes(Sources(text, {}))
    assert problem.line == line
    assert "not TOML: at " in problem.what
    assert words in problem.what


def test_an_expression_that_cannot_be_read_says_where_and_shows_a_right_one():
    (problem,) = mistakes(changed("main_complaint == 'other'", "main_complaint = 'other'"))
    assert problem.what.endswith("“=” cannot stand at column 16; write == to compare")
    assert problem.remedy == f"right would be: {EXAMPLE}"
    assert syntax_error(EXAMPLE) is None


def test_a_file_of_quite_another_shape_is_not_a_traceback():
    assert mistakes(Sources("pages = 3\neligibility = []\narms = 'x'\ninstruments = [1]", {}))


def test_a_list_is_needed_only_for_those_who_can_take_part():
    """“other” excludes, so no stratum level names it; once it no longer excludes, one must."""
    assert not mistakes(SOURCES)
    found = mistakes(changed("main_complaint == 'other'", "main_complaint == 'other' && !sick_listed"))
    assert "“other” of “main_complaint” belongs to no level" in str(found[0])


def test_pairs_must_be_pairs():
    text = SOURCES.protocol.replace('method = "permuted_blocks"', 'method = "pairwise_clusters"')
    text = text.replace("block_sizes = [4, 6]\nplaces_per_stratum = 40", "")
    start, end = text.index("[[randomization.strata]]"), text.index("[weekly]")
    text = text[:start] + text[end:]
    lonely = text.replace('name = "North"', 'name = "North"\ncluster = true\npair = "a"')
    words = " ".join(str(problem) for problem in mistakes(Sources(lonely, SOURCES.instruments)))
    assert "“south” must be randomized as a whole" in words
    assert "“south” has no pair" in words
    assert "exactly two sites make a pair" in words
    paired = lonely.replace('name = "South"', 'name = "South"\ncluster = true\npair = "a"')
    assert not mistakes(Sources(paired, SOURCES.instruments))
    uneven = paired.replace("ratio = { talk = 1, usual = 1 }", "ratio = { talk = 2, usual = 1 }")
    assert "one unit to each" in str(mistakes(Sources(uneven, SOURCES.instruments))[0])


def test_a_long_sms_is_noted_and_does_not_stop_the_file():
    long = changed("Reply with a number from 0 to 7.", "Reply with a number from 0 to 7." + " Please." * 20)
    assert not mistakes(long)
    assert any(
        problem.path == ("weekly", "question", "en") and "2 SMS" in problem.what for problem in notes(long)
    )


def test_a_letter_that_halves_the_sms_is_noted():
    curly = changed("Reply with a number from 0 to 7.", "Reply with a number – 0 to 7.")
    assert any("– makes every part" in problem.what for problem in notes(curly))


def test_free_text_that_would_be_exported_is_noted():
    assert any(
        "remarks" in problem.what for problem in notes(changed('leave_out = ["remarks"]', "leave_out = []"))
    )
