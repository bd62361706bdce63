"""Real-life replies to "how many days were you on sick leave in the past week?" and what is made of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from followup.parsing import Answer, Courtesy, Doubt, Reading, Resume, Stop, Unclear, days_reader, vocabulary
from followup.words import BY_LANGUAGE

LANGUAGES = ("nb", "nn", "sv", "en")


def read(text: str, *, languages=LANGUAGES, minimum="0", maximum="7", step="0.5", words=None) -> Reading:
    reader = days_reader(
        languages=languages,
        minimum=Decimal(minimum),
        maximum=Decimal(maximum),
        step=Decimal(step),
        words=words,
    )
    return reader(text)


def _replies(text: str) -> tuple[str, ...]:
    return tuple(reply.strip() for line in text.strip().splitlines() for reply in line.split(" | "))


NUMBERS = {
    "0": _replies(
        """
        0 | 0 dager | 0 dagar | 0 days | 00 | 0,0 | null | Null dager | noll | Noll dagar | zero | ingen
        Ingen. | inga | Inga dagar | ingen dager | Nei, ingen dager | Nej, inga dagar | No, none
        ingenting | inget | none | None! | no days | 0️⃣ | Hei, ingen dager denne uken. Mvh | nei 0
        ikke noen dager | inte någon dag | ikkje nokon | 0 dager sykmeldt | 0 sykedager | Ingen sykedager
        Hej! Ingen dag förra veckan. Tack! | INGEN DAGER | ０
        """
    ),
    "0.5": _replies(
        """
        0,5 | 0.5 | ½ | halv | en halv | en halv dag | halv dag | ½ dag | half | half a day | a half day
        1/2 | 1/2 dag | ein halv dag | 0,5 dag | one half day
        """
    ),
    "1": _replies(
        """
        1 | 1 dag | en | En dag | ett | ein | ein dag | éin | one day | a day | 1 day | 1️⃣ | ①
        Bare 1 dag | kun en dag | bara en dag | 1. | 1,0 | 01
        """
    ),
    "1.5": _replies(
        """
        1,5 | 1.5 | 1½ | 1 ½ | 1 1/2 | halvannen | halvannen dag | halvannan dag | en og en halv
        en och en halv dag | ein og ein halv | one and a half | 1 og en halv | 1 og 1/2 | en o en halv
        """
    ),
    "2": _replies(
        """
        2 | to | To dager | två | tva | två dagar | tvaa dagar | two | Hei! 2 dager :) | 2 dager 😊
        2 dager <3 | 2!! | 2... | 2 stk | ca 2 | ca. 2 dager | omtrent to dager | rundt 2
        """
    ),
    "2.5": _replies(
        """
        2,5 dager | 2½ | to og en halv | to og en halv dag | två och en halv | two and a half days
        2 dager og en halv | to dager og en halv | 2 och 1/2
        """
    ),
    "3": _replies(
        """
        3 | 3 dagar | 3 dager | tre | Tre | TRE DAGER | three | 3.0 | 3,0 | 3. | 3, | ca 3
        ungefär 3 dagar | about 3 days | 3dager | 3d | 3 d | 3dgr | 3 dgr. | 3 (tre) | 3 tre | svar: 3
        Svar:3 | Svaret er 3 | Mitt svar är 3 | (3) | «3» | "3" | '3' | * 3 | 3️⃣ | 3️⃣ dager | ٣ | ３
        Hei - 3 dager | 3 - | Hei, 3 dager denne uka. Takk! | det ble 3 dager
        Jeg har vært sykmeldt 3 dager | jag var sjukskriven i 3 dagar | I was on sick leave for 3 days
        3 dager i forrige uke | 3 dagar den senaste veckan | fortsatt 3 dager | God morgen! 3 dager
        Antall dager: 3 | 3 dager, ha en fin dag | 3 days last week | 3 fraværsdager
        """
    ),
    "4": _replies(
        """
        4 | fire | fyra | Fire dager | four | 4 dagar i veckan | 4 days, thanks
        """
    ),
    "5": _replies(
        """
        5 | fem | five | fem dager | 5 arbeidsdager | 5 arbetsdagar | 5 working days | Det var 5 dager
        """
    ),
    "6": _replies(
        """
        6 | seks | sex | six | seks dager | sex dagar
        """
    ),
    "7": _replies(
        """
        7 | sju | syv | seven | 7 dager denne uken | hele uka | Hele uken | hela veckan | heile veka
        the whole week | all week | alle dager | alla dagar | every day | hver dag | varje dag | kvar dag
        alle 7 dager | 7 dager, hele uka | alle | Hela veckan! | sykmeldt hele uka
        sjukskriven hela veckan | Hei, hele uka | 7 dager :-) | sju dager
        """
    ),
}
DOUBTS = {
    Doubt.EMPTY: ("", " ", "\n\t"),
    Doubt.NO_NUMBER: _replies(
        """
        dager | sykmeldt | nei | Nej | no | denne uka | ca | svar:
        """
    ),
    Doubt.SEVERAL_NUMBERS: _replies(
        """
        3-4 | 3–4 | 3 - 4 | 3 til 4 | 3 eller 4 | 3 or 4 | 2 to 3 days | 2, 3 | 1 2 | to eller tre dager
        2-3 dagar | 5 av 7 | 5 dager hele uka | nei ingen, eller 1 | 3 og 4 | 3 & 4 | uke 12: 3 dager
        2 dager og 4 timer | alle 5 dager | 1 dag på mandag og 2 på fredag | 3 +1
        """
    ),
    Doubt.OUT_OF_RANGE: _replies(
        """
        8 | 8 dager | åtte | aatte dager | åtta | atta | ten | 10 | 14 dager | 99999999999 | -3 | -1 | 🔟
        7,5 | 100 | 31 | ni dager | tio dagar | sju og en halv
        """
    ),
    Doubt.BETWEEN_STEPS: _replies(
        """
        3,4 | 0,25 | ¼ | 3/4 dag | 1.75 | 2,3
        """
    ),
    Doubt.PERCENT: _replies(
        """
        50% | 50 % | 100 prosent | sjukskriven 50 procent | 100% sykmeldt | 3 dager 50%
        """
    ),
    Doubt.QUESTION: _replies(
        """
        ? | 3? | Hva mener du? | hvem er dette? | 2 dager? | gäller det arbetsdagar?
        """
    ),
    Doubt.OTHER_WORDS: _replies(
        """
        jobbet hele uka | har jobbet alle dager | 3 timer | 3 uker | 1 vecka | 2 weeks | nesten 3
        mer enn 3 | minst 3 dager | over 5 | 3+ | >3 | <3 dager | under 3 | for 3 dager siden
        ikke 3 dager | 3 halve dager | mandag | mandag til onsdag | Nei, 3 dager
        Jeg er innlagt på sykehus | feil nummer | wrong number | ring meg | 2² | 12:30 | 3.4.2026 | 1,2,3
        Hei, dette er Kari, 2 dager | 3x | frisk | har begynt å jobbe igjen | halve uka | tjuefem | asdf
        Ⅲ | ferie | 5 dager på jobb | kan ikke svare nå
        """
    ),
    Doubt.STOP_OR_ANSWER: _replies(
        """
        3 dager stopp i ryggen | jeg hadde ikke noe stopp i ryggen denne uka | 3 stopp
        """
    ),
}
STOPS = _replies(
    """
    STOP | stop | Stop. | STOPP | Stopp! | «STOPP» | stoppa | STOPALL | Avslutt | avsluta | AVMELD
    stop stop | STOP 3 | Stopp, jeg vil ikke være med lenger | please stop | Vennligst stopp | slutt
    Jeg vil stoppe | Sluta | END | quit | Cancel | unsubscribe | STOP 🛑 | ｓｔｏｐ
    """
)
RESUMES = _replies(
    """
    START | start | Start! | starta | UNSTOP | återuppta
    """
)
COURTESIES = _replies(
    """
    Takk | ok | Ok takk! | tack | Tack så mycket | 👍 | 😊 | Thanks | takk skal du ha | Hei | ...
    """
)


@pytest.mark.parametrize(
    ("text", "days"), [(text, days) for days, texts in NUMBERS.items() for text in texts]
)
def test_a_clear_number_is_an_answer(text, days):
    assert read(text) == Answer(Decimal(days))


@pytest.mark.parametrize(
    ("text", "doubt"), [(text, doubt) for doubt, texts in DOUBTS.items() for text in texts]
)
def test_a_doubtful_reply_goes_to_a_person(text, doubt):
    assert read(text) == Unclear(doubt)


@pytest.mark.parametrize("text", STOPS)
def test_stop_is_stop(text):
    assert read(text) == Stop()


@pytest.mark.parametrize("text", RESUMES)
def test_start_resumes(text):
    assert read(text) == Resume()


@pytest.mark.parametrize("text", COURTESIES)
def test_thanks_are_no_answer(text):
    assert read(text) == Courtesy()


def test_the_table_has_more_than_150_replies():
    tables = [*NUMBERS.values(), *DOUBTS.values(), STOPS, RESUMES, COURTESIES]
    assert len({text for texts in tables for text in texts}) > 150


@pytest.mark.parametrize(("word", "value"), [("Nei", 0), ("slutt", 0), ("end", 2), ("ja", 7)])
def test_a_word_that_the_question_offers_is_an_answer(word, value):
    assert read(word, words={word.lower(): Decimal(value)}) == Answer(Decimal(value))


@pytest.mark.parametrize("word", ["STOP", "stopp", "avslutt"])
def test_stop_is_stop_even_where_the_question_offers_it(word):
    assert read(word, words={word.lower(): Decimal(0)}) == Stop()


def test_the_whole_week_is_the_maximum_of_the_question():
    assert read("hela veckan", maximum="5") == Answer(Decimal(5))
    assert read("6", maximum="5") == Unclear(Doubt.OUT_OF_RANGE)


def test_half_days_are_refused_where_the_question_counts_whole_days():
    assert read("2,5", step="1") == Unclear(Doubt.BETWEEN_STEPS)


def test_words_of_other_languages_are_not_taken():
    assert read("to", languages=("sv", "en")) == Unclear(Doubt.OTHER_WORDS)
    assert read("två", languages=("nb",)) == Unclear(Doubt.OTHER_WORDS)


def test_further_units_come_from_the_protocol():
    in_shifts = days_reader(
        languages=["nb"], minimum=Decimal(0), maximum=Decimal(7), step=Decimal(1), units=["vakter"]
    )
    assert in_shifts("3 vakter") == Answer(Decimal(3))


def everything_people_could_type():
    words = sorted({word for phrase in vocabulary(frozenset(BY_LANGUAGE)) for word in phrase})
    piece = st.one_of(
        st.sampled_from(words),
        st.sampled_from([*"0123456789½¼,.-–/%?!+:)(", "og", "1/2", "stop"]),
        st.text(max_size=6),
    )
    return st.lists(piece, max_size=8).flatmap(
        lambda parts: st.sampled_from([" ".join(parts), "".join(parts)])
    )


@given(
    text=st.one_of(st.text(max_size=300), everything_people_could_type()),
    minimum=st.integers(-2, 3),
    width=st.integers(1, 10),
    step=st.sampled_from(["0.25", "0.5", "1", "2"]),
)
def test_no_reply_crashes_the_parser_or_leaves_the_range(text, minimum, width, step):
    outcome = read(text, minimum=str(minimum), maximum=str(minimum + width), step=step)
    assert isinstance(outcome, Answer | Stop | Resume | Courtesy | Unclear)
    if isinstance(outcome, Answer):
        assert minimum <= outcome.days <= minimum + width
        assert (outcome.days - minimum) % Decimal(step) == 0


@given(days=st.integers(0, 7), half=st.booleans(), unit=st.sampled_from(["", " dager", " dagar", " days"]))
def test_every_number_on_the_step_is_read_with_comma_or_point(days, half, unit):
    value = Decimal(days) + (Decimal("0.5") if half and days < 7 else 0)
    assert read(f"{value}{unit}") == read(f"{value}{unit}".replace(".", ",")) == Answer(value)
