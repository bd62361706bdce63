import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from trial.protocol.schema import Item
from trial.questionnaires.forms import items_form
from trial.questionnaires.presentation import answer_text

OPTIONS = [
    {"value": "a", "label": {"nb": "Første", "en": "First"}},
    {"value": "b", "label": {"nb": "Andre", "en": "Second"}},
    {"value": "none", "label": {"nb": "Ingen", "en": "None"}, "alone": True},
]


def item(kind, **more):
    return Item.model_validate(
        {"key": "q", "kind": kind, "label": {"nb": "Spørsmål", "en": "Question"}, **more}
    )


def form(one, answer, language="en", country="NO"):
    with override(language):
        bound = items_form([one], language, {}, {"q": answer} if answer is not None else {}, country=country)
        bound.is_valid()
        return bound


def stored(one, answer):
    bound = form(one, answer)
    assert not bound.errors, bound.errors
    return bound.answers()


def error(one, answer, language="en"):
    return " ".join(form(one, answer, language).errors.get("q", []))


@pytest.mark.parametrize(
    ("one", "typed", "value"),
    [
        (item("single", options=OPTIONS), "a", "a"),
        (item("multiple", options=OPTIONS), ["a", "b"], ["a", "b"]),
        (item("multiple", options=OPTIONS), ["none"], ["none"]),
        (item("yes_no"), "yes", True),
        (item("yes_no"), "no", False),
        (item("scale", minimum=0, maximum=10, low={"en": "l"}, high={"en": "h"}), "0", 0),
        (item("scale", minimum=0, maximum=10, low={"en": "l"}, high={"en": "h"}), "10", 10),
        (item("number"), "12", 12),
        (item("number"), " 1 000 ", 1000),
        (item("number", step=0.5), "2,5", 2.5),
        (item("number", step=0.5), "2.5", 2.5),
        (item("number", step=0.5), "3", 3.0),
        (item("number", minimum=-5), "\N{MINUS SIGN}3", -3),
        (item("date"), "2026-03-02", "2026-03-02"),
        (item("date"), "2.3.2026", "2026-03-02"),
        (item("text"), "  words ", "words"),
        (item("postal_code"), "7030", "7030"),
    ],
)
def test_an_answer_is_stored_in_its_own_type(one, typed, value):
    answers = stored(one, typed)
    assert answers == {"q": value}
    assert type(answers["q"]) is type(value)


@pytest.mark.parametrize(
    ("one", "typed", "words"),
    [
        (item("single", options=OPTIONS), None, "Choose the answer that fits best."),
        (item("single", options=OPTIONS), "c", "Choose one of the answers below."),
        (item("multiple", options=OPTIONS), [], "Choose at least one answer."),
        (item("multiple", options=OPTIONS), ["a", "none"], "“None” does not go with other answers."),
        (item("yes_no"), None, "Choose the answer that fits best."),
        (item("number"), "", "Answer this question to go on."),
        (item("number"), "many", "Write a number, such as 3."),
        (item("number"), "NaN", "Write a number, such as 3."),
        (item("number"), "1e999999999", "Write a number"),
        (item("number"), "2,5", "Write a whole number, without decimals."),
        (item("number", step=0.5), "2,3", "Write a number in steps of 0.5."),
        (item("number", minimum=1), "0", "Write 1 or more."),
        (item("number", maximum=7), "8", "Write 7 or less."),
        (item("date"), "yesterday", "Write the date as day.month.year."),
        (item("text", maximum=5), "too long", "Shorten the text to at most 5 characters; it has 8."),
        (item("postal_code"), "70 3O", "A postal code has 4 digits."),
        (item("postal_code"), "22362", "A postal code has 4 digits."),
    ],
)
def test_what_cannot_be_read_is_said_kindly(one, typed, words):
    assert words in error(one, typed)


def test_a_postal_code_is_read_as_the_trials_country_writes_it():
    one = item("postal_code")
    swedish = form(one, "223 62", country="SE")
    assert swedish.answers() == {"q": "22362"}
    assert "A postal code has 5 digits." in str(form(one, "7030", country="SE").errors)


def test_an_optional_question_may_be_left_open():
    for kind, more in [
        ("number", {}),
        ("text", {}),
        ("date", {}),
        ("multiple", {"options": OPTIONS}),
        ("yes_no", {}),
    ]:
        assert stored(item(kind, required=False, **more), None) == {}


def test_what_was_typed_is_kept_when_it_cannot_be_read():
    with override("en"):
        assert 'value="many"' in str(form(item("number"), "many"))
        assert 'value="2,3"' in str(form(item("number", step=0.5), "2,3"))


def test_what_was_answered_before_is_shown():
    def shown(one, answer):
        with override("nb"):
            return str(items_form([one], "nb", {"q": answer}, country="NO"))

    assert 'value="2,5"' in shown(item("number", step=0.5), 2.5)
    assert 'value="1000"' in shown(item("number"), 1000)
    assert 'value="2026-03-02"' in shown(item("date"), "2026-03-02")
    assert "checked" in shown(item("yes_no"), False)
    assert "checked" in shown(item("scale", minimum=0, maximum=3, low={"nb": "l"}, high={"nb": "h"}), 0)
    assert shown(item("multiple", options=OPTIONS), ["a", "b"]).count("checked") == 2


def test_nothing_is_chosen_beforehand():
    for kind, more in [("single", {"options": OPTIONS}), ("yes_no", {}), ("multiple", {"options": OPTIONS})]:
        assert "checked" not in str(items_form([item(kind, **more)], "en", {}, country="NO"))


def test_texts_are_in_the_language_and_escaped():
    one = item("single", options=OPTIONS, help={"nb": "<b>Hjelp</b>", "en": "Help"})
    html = str(items_form([one], "nb", {}, country="NO"))
    assert "Spørsmål" in html
    assert "Første" in html
    assert "&lt;b&gt;Hjelp&lt;/b&gt;" in html


def test_numbers_bring_up_the_right_keyboard():
    assert 'inputmode="decimal"' in str(items_form([item("number", step=0.5)], "en", {}, country="NO"))
    assert 'inputmode="numeric"' in str(items_form([item("number")], "en", {}, country="NO"))


def test_a_scale_says_what_its_ends_mean():
    one = item("scale", minimum=0, maximum=10, low={"en": "no pain"}, high={"en": "worst"})
    with override("en"):
        html = str(items_form([one], "en", {}, country="NO"))
    assert "0 means “no pain”, 10 means “worst”." in html
    assert html.count('type="radio"') == 11


@given(st.integers(-(10**6), 10**6), st.sampled_from([1, 0.5, 0.1, 0.25]), st.sampled_from([",", "."]))
def test_every_number_on_the_grid_is_read_back_exactly(steps_up, step, comma):
    value = round(steps_up * step, 2)
    typed = str(value).replace(".", comma)
    number = stored(item("number", step=step), typed)["q"]
    assert number == value


@given(st.text(max_size=30))
def test_no_text_breaks_a_form(typed):
    for one in (
        item("number"),
        item("date"),
        item("postal_code"),
        item("scale", minimum=0, maximum=3),
        item("text"),
    ):
        form(one, typed)


@pytest.mark.parametrize(
    ("one", "value", "words"),
    [
        (item("single", options=OPTIONS), "a", "Første"),
        (item("multiple", options=OPTIONS), ["a", "b"], "Første, Andre"),
        (item("number", step=0.5, unit={"nb": "timer", "en": "hours"}), 37.5, "37,5 timer"),
        (item("text"), "ord", "ord"),
    ],
)
def test_an_answer_in_words_reads_as_it_was_given(one, value, words):
    assert answer_text(one, value, "nb") == words


def test_a_missing_answer_in_words():
    assert answer_text(item("number"), None, "en") == "Not answered"
    assert answer_text(item("yes_no"), False, "en") == "No"
    assert answer_text(item("date"), "2026-03-02", "en") == "2 March 2026"
