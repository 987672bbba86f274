"""gunicorn's settings: `gunicorn --config python:config.webserver config.wsgi`.

The names are gunicorn's (https://docs.gunicorn.org/en/stable/settings.html). It writes no access
log, because the addresses of admin pages can hold what an operator searched for: a contact.
"""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Where it listens unless --bind says otherwise: only this machine gets an answer.
bind = "127.0.0.1:8000"
workers = 2
# Pages wait for PostgreSQL and DynamoDB rather than compute.
threads = 4
# In seconds. PostgreSQL ends a statement after 30.
timeout = 60
graceful_timeout = 15
# A second way in that nothing uses.
control_socket_disable = True
# Its own lines in the form of all others.
logconfig_dict = settings.LOGGING | {
    "loggers": {**settings.LOGGING["loggers"], "gunicorn.error": {"propagate": True}}
}
