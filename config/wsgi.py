"""The WSGI application of the admin site."""

import os
import sys

from django.core.wsgi import get_wsgi_application

# gunicorn ends if a worker ends with this status, Arbiter.APP_LOAD_ERROR. After any other status it
# starts the worker again, for ever.
CANNOT_BE_LOADED = 4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

try:
    application = get_wsgi_application()
except SystemExit as problems:
    sys.stderr.write(f"{problems}\n")
    raise SystemExit(CANNOT_BE_LOADED) from None
