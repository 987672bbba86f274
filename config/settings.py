"""Django's settings; everything that differs between installations comes from the environment."""

import os
from pathlib import Path

from config.environment import read
from config.observability import logging_config, start_sentry

BASE_DIR = Path(__file__).resolve().parent.parent

_environment = read(os.environ)

SQS_CONVERSATION_QUEUE_URL = _environment["SQS_CONVERSATION_QUEUE_URL"]
SQS_CONVERSATION_DLQ_URL = _environment["SQS_CONVERSATION_DLQ_URL"]
SQS_CONVERSATION_REGION = _environment["SQS_CONVERSATION_REGION"]
SQS_CONVERSATION_VISIBILITY_TIMEOUT = _environment["SQS_CONVERSATION_VISIBILITY_TIMEOUT"]
WORKER_BUNDLE = _environment["WORKER_BUNDLE"]
WORKER_LIVENESS_FILE = _environment["WORKER_LIVENESS_FILE"]
DYNAMODB_MESSAGE_TABLE = _environment["DYNAMODB_MESSAGE_TABLE"]
DYNAMODB_REGION = _environment["DYNAMODB_REGION"]
DATALAKE_URL = _environment["DATALAKE_URL"]
AGENT_UUID_CSAT = _environment["AGENT_UUID_CSAT"]
AGENT_UUID_NPS = _environment["AGENT_UUID_NPS"]
CLOSING_QUIET_PERIOD = _environment["CLOSING_QUIET_PERIOD"]
CLOSING_MAX_POSTPONE = _environment["CLOSING_MAX_POSTPONE"]
DEFAULT_TIMEZONE = _environment["DEFAULT_TIMEZONE"]
CONSOLE_ENABLED = _environment["CONSOLE_ENABLED"]
CELERY_CONTROL_URL = _environment["CELERY_CONTROL_URL"]

SECRET_KEY = _environment["SECRET_KEY"]
DEBUG = _environment["DJANGO_DEBUG"]
ALLOWED_HOSTS = _environment["DJANGO_ALLOWED_HOSTS"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "apps.conversations.apps.ConversationsConfig",
    "apps.messages.apps.MessagesConfig",
    "apps.analytics.apps.AnalyticsConfig",
    "tasks.apps.TasksConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
STATIC_URL = "static/"

DATABASES = {
    "default": _environment["DATABASE_URL"]
    | {
        "CONN_MAX_AGE": 600,
        # What a slow neighbour can hold is bounded: an event that meets a bound waits and reruns.
        "OPTIONS": {
            "connect_timeout": 5,
            "options": "-c lock_timeout=5s -c statement_timeout=30s",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = not DEBUG
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(level=_environment["LOG_LEVEL"])
start_sentry(dsn=_environment["SENTRY_DSN"])
