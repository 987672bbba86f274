"""The whole service on the embedded stack, with processes that are started again when they end."""
