"""Dates and times in Spanish: 24 hours, with seconds and the zone, as in English.

Django's own formats of this language apply to numbers and to what users enter.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "d/m/Y"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "d/m/Y H:i:s e"
