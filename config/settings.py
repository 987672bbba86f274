"""Django's settings. Everything that differs between installations comes from the environment."""

from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from apps.common.database_waits import limit_waits
from config.database_settings import login_source
from config.environment import read_environment
from observability.logging import logging_config
from observability.sentry import start_sentry

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    _environment = read_environment()
except ImproperlyConfigured as problems:
    # Every program reads this module first. A traceback would hide the sentences.
    raise SystemExit(str(problems)) from None

SQS_CONVERSATION_QUEUE_URL = _environment.SQS_CONVERSATION_QUEUE_URL
SQS_CONVERSATION_DLQ_URL = _environment.SQS_CONVERSATION_DLQ_URL
SQS_CONVERSATION_REGION = _environment.SQS_CONVERSATION_REGION
SQS_CONVERSATION_VISIBILITY_TIMEOUT = _environment.SQS_CONVERSATION_VISIBILITY_TIMEOUT
EVENT_ADAPTERS = _environment.EVENT_ADAPTERS
SQS_GATHER_MS = _environment.SQS_GATHER_MS
SQS_POLL_SECONDS = _environment.SQS_POLL_SECONDS
WORKER_BATCH_SIZE = _environment.WORKER_BATCH_SIZE
WORKER_LIVENESS_FILE = _environment.WORKER_LIVENESS_FILE
DYNAMODB_MESSAGE_TABLE = _environment.DYNAMODB_MESSAGE_TABLE
DYNAMODB_REGION = _environment.DYNAMODB_REGION
DATALAKE_URL = _environment.DATALAKE_URL
AGENT_UUID_CSAT = _environment.AGENT_UUID_CSAT
AGENT_UUID_NPS = _environment.AGENT_UUID_NPS
CLOSING_QUIET_PERIOD = _environment.CLOSING_QUIET_PERIOD
CLOSING_MAX_POSTPONE = _environment.CLOSING_MAX_POSTPONE
TAKEOVER_MAX_DELAY = _environment.TAKEOVER_MAX_DELAY
DEFAULT_TIMEZONE = _environment.DEFAULT_TIMEZONE
KEEPS_MESSAGE_STATUSES = _environment.MESSAGE_STATUSES == "keep"
DEFAULT_ARCHIVE_RETENTION = _environment.DEFAULT_ARCHIVE_RETENTION
RETENTION_CONVERSATIONS = _environment.RETENTION_CONVERSATIONS
RETENTION_ANSWERS = _environment.RETENTION_ANSWERS
RETENTION_DEAD_LETTERS = _environment.RETENTION_DEAD_LETTERS
RETENTION_AUDIT = _environment.RETENTION_AUDIT
CONSOLE_ENABLED = _environment.CONSOLE_ENABLED
CELERY_CONTROL_URL = _environment.CELERY_CONTROL_URL
METRICS_PORT = _environment.METRICS_PORT
METRICS_ADDRESS = _environment.METRICS_ADDRESS
TRACING_ENABLED = _environment.TRACING_ENABLED
FLOWER_MAY_CONTROL = _environment.FLOWER_MAY_CONTROL

SECRET_KEY = _environment.SECRET_KEY
DEBUG = _environment.DJANGO_DEBUG
ALLOWED_HOSTS = _environment.DJANGO_ALLOWED_HOSTS

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django_celery_beat",
    # Before `operations`, which logs what axes has counted.
    "axes",
    "apps.conversations.apps.ConversationsConfig",
    "apps.messages.apps.MessagesConfig",
    "apps.analytics.apps.AnalyticsConfig",
    "operations.apps.OperationsConfig",
    # After `operations`, which has a command collectstatic of its own.
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "apps.common.content_security_policy.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    # It sets Content-Language, and adds Accept-Language to Vary. That of cookies is added by the
    # token against forged requests, which every page has.
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]

# Five wrong passwords lock a user name at an address for 15 minutes (https://django-axes.
# readthedocs.io/en/latest/4_configuration.html). The audit log is this service's own, and axes' own
# log lines contain addresses (observability.logging).
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "operations.logins.client_address"
AXES_USERNAME_CALLABLE = "operations.logins.hashed_user_name"
AXES_LOCKOUT_CALLABLE = "operations.error_pages.locked_out"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Templates that replace some of Django's own.
        "DIRS": [BASE_DIR / "config" / "templates"],
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

CSRF_FAILURE_VIEW = "operations.error_pages.csrf_failure"
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

STATIC_URL = "static/"
STATIC_ROOT = _environment.DJANGO_STATIC_ROOT or None
# Without a folder of collected files, as in a checkout, WhiteNoise serves the packages' own files
# under names without a hash.
WHITENOISE_USE_FINDERS = not STATIC_ROOT
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_ROOT
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

DATABASES = {
    "default": _environment.DATABASE_URL
    | {
        # Not one of Django's settings: apps.common.postgresql reads it for each new connection.
        "LOGIN": login_source(**_environment.database_login()),
        "CONN_MAX_AGE": 600,
        # In seconds, except tcp_user_timeout, which is in milliseconds (libpq, "Parameter Key
        # Words"). A peer that disappears without closing the connection is noticed within 25 s if
        # the connection is idle, and within 15 s after data was sent. `limit_waits` below ends the
        # waits that these options do not end. Statements and locks are limited by the role's
        # settings (operations.database_time_limits), which also apply behind a pooler.
        "OPTIONS": {
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            **_environment.DATABASE_URL.get("OPTIONS", {}),
        },
    }
}
limit_waits(
    connecting=float(DATABASES["default"]["OPTIONS"]["connect_timeout"]),
    answer=_environment.DATABASE_TIMEOUT.total_seconds(),
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

USE_TZ = True
TIME_ZONE = "UTC"
# The language of commands, workers and logs, and of a page whose browser prefers no other one.
LANGUAGE_CODE = "en"
# A user's choice is kept in a cookie. Without one, the browser decides.
LANGUAGES = (("en", "English"), ("pt-br", "Brazilian Portuguese"), ("es", "Spanish"))
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
FORMAT_MODULE_PATH = "config.formats"
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"

# Behind a proxy that terminates TLS, gunicorn marks the requests that came over HTTPS as secure
# (FORWARDED_ALLOW_IPS).
_needs_tls = not (DEBUG or _environment.DJANGO_PLAIN_HTTP)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _needs_tls
SECURE_SSL_REDIRECT = _needs_tls
SECURE_HSTS_SECONDS = 31_536_000 if _needs_tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _environment.DJANGO_HSTS in ("subdomains", "preload")
SECURE_HSTS_PRELOAD = _environment.DJANGO_HSTS == "preload"
# Other hosts of the domain may need plain HTTP, so these two are up to the operator.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_config(level=_environment.LOG_LEVEL)
start_sentry(
    dsn=_environment.SENTRY_DSN,
    environment=_environment.SENTRY_ENVIRONMENT,
    release=_environment.SENTRY_RELEASE,
)
