#!/usr/bin/env python
"""Django's command line, with this service's settings."""

import os
import sys

from operations.management.running import run

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    run(sys.argv)
