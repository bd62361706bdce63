"""The words in which people answer how many days, by language.

Only words that leave no doubt about the number are here; a coordinator reads a reply with any other word.
Letters outside a–z may be typed in their ASCII spellings; `parsing` folds both sides the same way.
"""

from dataclasses import dataclass
from decimal import Decimal

HALF = Decimal("0.5")


@dataclass(frozen=True)
class Vocabulary:
    """What one language contributes; phrases are single words or several with one space between."""

    numbers: dict[str, Decimal]
    none: tuple[str, ...] = ()
    everything: tuple[str, ...] = ()
    """Phrases for the whole week: the question's maximum."""
    and_half: tuple[str, ...] = ()
    """Phrases that add a half to the number before them."""
    units: tuple[str, ...] = ()
    filler: tuple[str, ...] = ()
    """Phrases that change nothing: "this week", "about", "sick-listed"."""
    no: tuple[str, ...] = ()
    """Plain refusals, which mean zero only beside a zero or where the question says so."""
    courtesy: tuple[str, ...] = ()
    """Greetings and thanks: beside a number they change nothing, alone they are no answer."""


def _numbers(*words: str) -> dict[str, Decimal]:
    """Words for 0, 1, 2 … in order; several spellings of one number share a place, parted by spaces."""
    return {word: Decimal(value) for value, spellings in enumerate(words) for word in spellings.split()}


def _phrases(text: str) -> tuple[str, ...]:
    """The phrases of a text, divided by commas."""
    return tuple(phrase.strip() for phrase in text.split(","))


NORWEGIAN_HALVES = {
    "halv": HALF,
    "en halv": HALF,
    "ein halv": HALF,
    "ei halv": HALF,
    "halvannen": Decimal("1.5"),
    "halvannan": Decimal("1.5"),
    "halvanna": Decimal("1.5"),
}

BOKMAAL = Vocabulary(
    numbers=_numbers(
        "null", "en én ett ein", "to", "tre", "fire", "fem", "seks", "sju syv", "åtte", "ni", "ti"
    )
    | NORWEGIAN_HALVES,
    none=_phrases(
        """
        ingen, ingenting, ikke noen, ikke noe, ingen av dagene, ikke en eneste, ikke 1 eneste
        """
    ),
    everything=_phrases(
        """
        hele uka, hele uken, hele den siste uka, hele den siste uken, hele siste uke, hele forrige uke,
        alle dager, alle dagene, alle sammen, alle, hver dag, hver eneste dag
        """
    ),
    and_half=_phrases("og en halv, og ein halv, og halv, og 1/2"),
    units=_phrases(
        """
        dag, dager, dagar, dage, dagene, dg, dgr, d, sykedager, sykedag, fraværsdager, fraværsdag,
        sykmeldingsdager, sykmeldte dager, arbeidsdager, arbeidsdag, stk
        """
    ),
    filler=_phrases(
        """
        heisann, hallo, hello, god morgen, god dag, god kveld, morn, hilsen, mvh, på forhånd takk,
        beklager sent svar, denne uka, denne uken, siste uka, siste uke, siste uken, den siste uka, den
        siste uken, forrige uke, sist uke, sist uka, sist uken, i uka, i uken, i forrige uke, i løpet av
        uka, de siste 7 dagene, siste 7 dager, i løpet av uken, også denne uka, også denne uken, ca,
        cirka, sirka, omtrent, rundt, det ble, det var, det er, totalt, til sammen, svar, svaret er,
        mitt svar er, mitt svar, antall, antall dager, jeg svarer, bare, kun, jeg har vært sykmeldt, har
        vært sykmeldt, jeg var sykmeldt, sykmeldt, sykemeldt, jeg har vært borte, jeg var borte, borte,
        borte fra jobb, fra jobb, i, med sykmelding, jeg hadde, jeg har hatt, hadde, igjen, fortsatt,
        som sist, sykefravær, fravær
        """
    ),
    no=_phrases("nei, neida, nei takk"),
    courtesy=_phrases(
        """
        takk, tusen takk, takk for det, ok, okei, greit, fint, flott, bra, supert, ha en fin dag, ha en
        god dag, ok takk, takk skal du ha, takk for meldingen, god helg, hei
        """
    ),
)

NYNORSK = Vocabulary(
    numbers=_numbers("null", "ein éin ei eitt", "to", "tre", "fire", "fem", "seks", "sju", "åtte", "ni", "ti")
    | NORWEGIAN_HALVES,
    none=_phrases(
        """
        ingen, inga, ingenting, ikkje nokon, ikkje nokre, ikkje noko, ingen av dagane
        """
    ),
    everything=_phrases(
        """
        heile veka, heile vika, heile uka, heile den siste veka, heile førre veke, alle dagar, alle
        dagane, alle, kvar dag, kvar einaste dag
        """
    ),
    and_half=_phrases("og ein halv, og ei halv, og halv, og 1/2"),
    units=_phrases(
        """
        dag, dagar, dagane, dg, dgr, d, sjukedagar, sjukedag, fråværsdagar, arbeidsdagar
        """
    ),
    filler=_phrases(
        """
        heisann, god morgon, god dag, god kveld, helsing, denne veka, siste veka, siste veke, den siste
        veka, førre veke, sist veke, i veka, ca, omtrent, om lag, rundt, det vart, det blei, det var,
        det er, til saman, i, eg har vore sjukmeld, eg var sjukmeld, sjukmeld, sjukmeldt, eg har vore
        borte, eg hadde, svar, berre, borte, frå jobb, framleis, igjen
        """
    ),
    no=_phrases("nei"),
    courtesy=_phrases(
        """
        takk, tusen takk, ok, greitt, fint, flott, bra, takk skal du ha, god helg, hei
        """
    ),
)

SWEDISH = Vocabulary(
    numbers=_numbers("noll", "en ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio")
    | {"halv": HALF, "en halv": HALF, "halvannan": Decimal("1.5")},
    none=_phrases(
        """
        ingen, inga, inget, ingenting, inte någon, inte några, inte nån, inte en enda
        """
    ),
    everything=_phrases(
        """
        hela veckan, hela den gångna veckan, hela förra veckan, hela senaste veckan, hela den senaste
        veckan, alla dagar, alla dagarna, alla, varje dag, varenda dag
        """
    ),
    and_half=_phrases("och en halv, och halv, o en halv, och 1/2, o halv, o 1/2"),
    units=_phrases(
        """
        dag, dagar, dagarna, dgr, dg, d, sjukdagar, sjukdag, sjukskrivningsdagar, arbetsdagar,
        arbetsdag, frånvarodagar, st
        """
    ),
    filler=_phrases(
        """
        hejsan, hallå, god morgon, god kväll, goddag, hälsningar, mvh, ursäkta sent svar, denna vecka,
        denna veckan, den här veckan, förra veckan, senaste veckan, sista veckan, den senaste veckan,
        gångna veckan, den gångna veckan, i veckan, under veckan, den veckan, ca, cirka, ungefär, runt,
        det blev, det var, det är, totalt, sammanlagt, svar, mitt svar är, mitt svar, svaret är, bara,
        endast, jag svarar, antal, antal dagar, i, jag har varit sjukskriven, jag var sjukskriven, har
        varit sjukskriven, sjukskriven, jag har varit borta, jag var borta, jag hade, jag har haft,
        fortfarande, igen, var sjukskriven, borta, från jobbet
        """
    ),
    no=_phrases("nej, nej tack, nä, nää"),
    courtesy=_phrases(
        """
        tack, tack så mycket, tusen tack, ok, okej, bra, fint, toppen, tack detsamma, ok tack, ha en bra
        dag, ha en fin dag, trevlig helg, hej
        """
    ),
)

ENGLISH = Vocabulary(
    numbers=_numbers(
        "zero nil", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"
    )
    | {"half": HALF, "a half": HALF, "half a": HALF, "one half": HALF, "a": Decimal(1)},
    none=_phrases("none, no days, not any, not a single, nothing, zero"),
    everything=_phrases(
        """
        whole week, the whole week, all week, entire week, the entire week, the whole of last week, all
        of last week, all days, all of them, all the days, every day, everyday, every single day, all
        """
    ),
    and_half=_phrases("and a half, and half a, and one half, and half, and 1/2"),
    units=_phrases(
        """
        day, days, d, sick days, sick day, sickdays, working days, workdays, working day
        """
    ),
    filler=_phrases(
        """
        hey, good morning, good evening, good day, dear, regards, best regards, this week, last week,
        past week, the past week, the last week, during the week, in the past week, in the last week,
        during the past week, this past week, about, around, approximately, approx, it was, total, in
        total, only, just, answer, my answer is, my answer, the answer is, i was on sick leave, i was on
        sick leave for, on sick leave, sick leave, of sick leave, i have been on sick leave, i was off
        sick, off sick, i had, again, still, for, i was off, off, off work, sick, i was sick
        """
    ),
    no=_phrases("no, nope, no thanks"),
    courtesy=_phrases(
        """
        thanks, thank you, ok, okay, great, good, fine, ok thanks, thank you very much, have a nice day,
        have a good day, hi, hello
        """
    ),
)

BY_LANGUAGE = {"nb": BOKMAAL, "nn": NYNORSK, "sv": SWEDISH, "en": ENGLISH}

ALWAYS_STOP = _phrases(
    """
    stop, stopp, stopall, stoppa, stoppe, unsubscribe, optout, avslutt, avslutte, avsluta, avregistrer,
    avmeld, avanmäl
    """
)
STOP_UNLESS_ANSWER = _phrases("slutt, slutte, slut, sluta, end, quit, cancel, avbryt, revoke")
RESUME = _phrases("start, starta, starte, unstop, gjenoppta, återuppta")
