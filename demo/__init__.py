"""`make demo`: the service at work on an embedded stack, and a check of what has become of it."""
