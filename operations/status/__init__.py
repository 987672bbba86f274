"""The status of the service: what runs and what waits, read at once and within two seconds.

`reading` reads the sources, `judging` makes lines of the readings, and `document`, `terminal` and
`page` show the lines.
"""
