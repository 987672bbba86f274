"""gunicorn's settings: `gunicorn --config python:config.webserver config.wsgi`.

The names are gunicorn's (https://docs.gunicorn.org/en/stable/settings.html). There is no access
log, because the URL of an admin page can contain a contact that an operator searched for.
"""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# The default without --bind: only this machine can connect.
bind = "127.0.0.1:8000"
workers = 2
# Pages spend their time waiting for PostgreSQL and DynamoDB, so threads are enough.
threads = 4
# In seconds. PostgreSQL cancels a statement after 30 seconds.
timeout = 60
graceful_timeout = 15
# Nothing uses gunicorn's control socket.
control_socket_disable = True
# Log gunicorn's own lines in the same format as all others.
logconfig_dict = settings.LOGGING | {
    "loggers": {**settings.LOGGING["loggers"], "gunicorn.error": {"propagate": True}}
}
