"""The service's version, repeated from pyproject.toml, which is not deployed."""

VERSION = "0.1.0"
