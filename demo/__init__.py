"""`make demo`: the service processes a day of events on an embedded stack, and is checked."""
