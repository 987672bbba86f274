"""The limits at which the doctor and the status report a problem.

A test compares them with the alerts in deploy/prometheus/alerts.yml. The limits of closings,
archives and erasures are part of the gauges (`observability.metrics.postgresql`).
"""

from datetime import timedelta

from apps.common import aws

# In seconds: how long a worker may receive nothing (ConversationsNothingReceived), how long ago the
# oldest event that it holds may have been queued (ConversationEventHeld), and how long an event may
# have waited when it is received (ConversationEventsLate).
MAX_RECEIVE_PAUSE = 120.0
MAX_HELD_AGE = 900.0
MAX_LAG = 300.0
# In seconds. The event loop reports every five seconds.
MAX_LOOP_PAUSE = 30.0
# In seconds. botocore renews credentials 15 minutes before they expire.
MIN_CREDENTIALS_LIFE = 600.0
# SQS stops returning messages of a FIFO queue while too many of them are in flight.
MAX_IN_FLIGHT = int(0.8 * aws.SQS_FIFO_MAX_IN_FLIGHT)
# In seconds: how long an event may wait for the data lake (ConversationLakeBehind).
MAX_LAKE_AGE = 900.0
# A worker writes a heartbeat every 30 seconds. Two may be missing.
FRESH_HEARTBEAT = timedelta(seconds=75)
# How late a schedule may seem to be: beat saves the times of runs every three minutes
# (celery.beat.Scheduler.sync_every).
MAX_BEAT_DELAY = timedelta(minutes=4)
