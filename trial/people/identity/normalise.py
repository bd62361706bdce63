"""One written form for what people type in many ways. Errors say what to do and never blame."""

import re
import unicodedata

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from trial.core.errors import DomainError


class NotReadable(DomainError):
    """What was typed cannot be a phone number, an e-mail address, a postal code or an identity number."""


_EXAMPLE_PHONE = {"NO": "+47 412 34 567", "SE": "+46 70 123 45 67"}
_POSTAL_DIGITS = {"NO": 4, "SE": 5}
_GETS_SMS = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
_FICTIONAL = re.compile(r"\+47680500[0-9]{2}")
"""Reserved by Nkom for fiction, and landlines by their digits. The Swedish and American ones are mobile."""


def normalise_phone(raw: str, region: str) -> str:
    """The mobile number as E.164 (`+4768050000`); `region` (NO, SE) is its country when it names none.

    Raises NotReadable, for a landline too: everything that the study says goes by SMS.
    """
    example = _EXAMPLE_PHONE.get(region, "+47 412 34 567")
    try:
        number = phonenumbers.parse(raw.strip(), region)
    except phonenumbers.NumberParseException:
        raise NotReadable(
            _("We could not read the phone number. Write only digits, such as %(example)s.")
            % {"example": example}
        ) from None
    if not phonenumbers.is_valid_number(number):
        raise NotReadable(
            _(
                "This phone number does not exist. Check the digits. "
                "A number from abroad starts with + and its country code."
            )
        )
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    fictional = settings.ACCEPT_TEST_IDENTITY_NUMBERS and _FICTIONAL.fullmatch(written)
    if phonenumbers.number_type(number) not in _GETS_SMS and not fictional:
        raise NotReadable(
            _(
                "This looks like a landline, which cannot get an SMS. "
                "Write the number of a mobile phone; it may be one that you share."
            )
        )
    return written


def spaced_phone(phone: str) -> str:
    """A number in E.164 as people read it: `+47 68 05 00 00`."""
    number = phonenumbers.parse(phone)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def normalise_email(raw: str) -> str:
    """The address trimmed and in small letters."""
    email = unicodedata.normalize("NFKC", raw).strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise NotReadable(
            _("We could not read the e-mail address. It looks like name@example.org.")
        ) from None
    return email


def normalise_postal_code(raw: str, region: str) -> str:
    """Four digits in Norway, five in Sweden."""
    digits = _POSTAL_DIGITS[region]
    code = re.sub(r"[\s-]", "", raw).removeprefix(region)
    if not re.fullmatch(rf"[0-9]{{{digits}}}", code):
        raise NotReadable(_("A postal code has %(digits)s digits.") % {"digits": digits})
    return code


def normalise_name(raw: str) -> str:
    """The name with single spaces, its letters as they were written."""
    name = " ".join(unicodedata.normalize("NFC", raw).split())
    if not any(character.isalpha() for character in name):
        raise NotReadable(_("Write your name."))
    return name


def name_for_comparison(name: str) -> str:
    """The same for two spellings of one name that differ in capitals, accents' encoding or spaces."""
    return unicodedata.normalize("NFKC", normalise_name(name)).casefold()
