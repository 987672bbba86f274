"""What the console says about days that are not over, and about the days that it compares."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext

from apps.analytics.console.buckets import long_date, name
from apps.analytics.console.comparisons import MIN_COMPARED, Comparison
from apps.analytics.console.queries import Query
from apps.analytics.figures import Period


def zone_note(query: Query) -> str:
    """Return a sentence about the time zone of days and hours."""
    if query.project:
        return gettext("Days and hours are in %(zone)s.") % {"zone": query.project.timezone}
    return gettext("Days and hours are in the time zone of each project.")


def today_note(query: Query, *, first_today: date, today: date, now: datetime) -> str:
    """Return sentences about the days of the period that are not over, or ""."""
    first_day = {"day": long_date(first_today)}
    sentences = []
    if query.period.first <= first_today <= query.period.last:
        if query.project:
            local = now.astimezone(ZoneInfo(query.project.timezone))
            time = {"time": date_format(local, "H:i")}
            sentences.append(
                gettext("%(day)s is not over yet: it is %(time)s.") % (first_day | time)
            )
        elif first_today == today:
            sentences.append(gettext("%(day)s is not over yet.") % first_day)
        else:
            sentences.append(gettext("%(day)s is not over yet in some of them.") % first_day)
    if first_today < today <= query.period.last:
        text = gettext("%(day)s has not begun yet in some of them.")
        sentences.append(text % {"day": long_date(today)})
    return " ".join(sentences)


def open_note(period: Period) -> str:
    """Return a sentence that the last day of a period is not over."""
    return gettext("%(day)s is not over yet.") % {"day": long_date(period.last)}


def comparison_note(comparison: Comparison | None, *, query: Query, first_today: date) -> str:
    """Return sentences about the days that are compared, or why none are."""
    if not comparison:
        is_begun = query.period.first < first_today
        return "" if is_begun else gettext("Nothing is compared: no day of this period is over.")
    text = gettext(
        "%(days)s is compared with %(before)s. A change of a share, a score or a median is shown "
        "if it is computed from at least %(min)s answers or conversations in both periods."
    )
    return text % {
        "days": name(comparison.days),
        "before": name(comparison.days_before),
        "min": MIN_COMPARED,
    }
