"""The service's version, the same as in pyproject.toml, which is not where the service runs."""

VERSION = "0.1.0"
