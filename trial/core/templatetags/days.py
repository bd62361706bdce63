from datetime import datetime

from django import template
from django.utils.formats import date_format

register = template.Library()


@register.filter(expects_localtime=True)
def day(moment: datetime, now: datetime) -> str:
    """The day of a moment, with its year unless it is this one: `{{ meeting.starts_at|day:now }}`."""
    near = moment.year == now.astimezone(moment.tzinfo).year
    return date_format(moment, "MONTH_DAY_FORMAT" if near else "DATE_FORMAT", use_l10n=True)
