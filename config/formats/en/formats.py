"""Dates and times as the admin site shows them: 24 hours, with seconds and the zone.

The names are Django's; the letters are those of its `date` template filter.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i:s e"
