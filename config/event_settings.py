"""The settings of what events go through: queues, stores, data lake, closing and retention."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from config import parsers


class EventSettings(BaseSettings):
    """The first part of the settings. Each is read from the environment variable of its name."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        # An empty variable counts as absent.
        env_ignore_empty=True,
        # The types in config.parsers parse all values. pydantic would parse lists as JSON.
        enable_decoding=False,
        validate_default=False,
        frozen=True,
        hide_input_in_errors=True,
    )

    SQS_CONVERSATION_QUEUE_URL: parsers.FifoUrl = Field(
        description="the URL of the FIFO queue that the events come from",
        examples=["https://sqs.us-east-1.amazonaws.com/123456789012/conversations.fifo"],
    )
    SQS_CONVERSATION_DLQ_URL: parsers.FifoUrl = Field(
        description="the URL of the FIFO queue for dead letters",
        examples=["https://sqs.us-east-1.amazonaws.com/123456789012/conversations-dlq.fifo"],
    )
    SQS_CONVERSATION_REGION: str = Field(
        description="the AWS region of both queues",
        examples=["us-east-1"],
    )
    DYNAMODB_MESSAGE_TABLE: str = Field(
        description="the DynamoDB table for the messages of open conversations",
        examples=["conversation_messages"],
    )
    DYNAMODB_REGION: str = Field(
        description="the AWS region of the DynamoDB table",
        examples=["us-east-1"],
    )
    DATABASE_URL: parsers.DatabaseUrl = Field(
        description="the PostgreSQL database",
        examples=["postgres://user:password@host:5432/conversations"],
        repr=False,
    )
    DATABASE_PASSWORD_FILE: parsers.AbsolutePath = Field(
        default="",
        description=(
            "a file with the password of the database, read again for each new connection; empty: "
            "none"
        ),
        examples=["/run/secrets/database-password"],
    )
    DATABASE_SECRET_ARN: parsers.SecretArn = Field(
        default="",
        description=(
            "the ARN of a secret in AWS Secrets Manager with the login of the database; empty: none"
        ),
        examples=["arn:aws:secretsmanager:us-east-1:123456789012:secret:conversations-AbCdEf"],
    )
    DATABASE_IAM_REGION: parsers.Region = Field(
        default="",
        description=(
            "the AWS region of an RDS database that accepts tokens of IAM in place of a password; "
            "empty: no tokens"
        ),
        examples=["us-east-1"],
    )
    DATABASE_TIMEOUT: parsers.Duration = Field(
        default=timedelta(seconds=35),
        description=(
            "how long a process waits for an answer from PostgreSQL; more than the "
            "statement_timeout of the role"
        ),
        examples=["60s"],
    )
    SECRET_KEY: parsers.SecretKey = Field(
        description="Django's secret key, 50 random characters or more",
        examples=['the output of: python -c "import secrets; print(secrets.token_urlsafe(50))"'],
        repr=False,
    )
    DATALAKE_URL: parsers.LakeUrl = Field(
        description="the URL of the data lake that survey answers are sent to; none: no lake",
        examples=["file:///var/lib/conversation-service/lake"],
    )
    AGENT_UUID_CSAT: parsers.UuidText = Field(
        description="the UUID of the agent in each CSAT answer that is sent to the data lake",
        examples=["b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc01"],
    )
    AGENT_UUID_NPS: parsers.UuidText = Field(
        description="the UUID of the agent in each NPS answer that is sent to the data lake",
        examples=["b1f8a4de-6b0c-4c33-9d55-0c1de9b5cc02"],
    )
    SQS_CONVERSATION_VISIBILITY_TIMEOUT: parsers.VisibilityTimeout = Field(
        default=60,
        description=(
            "how long a received event is hidden from other workers, in seconds; workers renew it"
        ),
        examples=["120"],
    )
    SQS_GATHER_MS: parsers.GatherMilliseconds = Field(
        default=150,
        description=(
            "how long messages gather between two receives, in milliseconds: longer costs less, "
            "and 0 has the shortest latency"
        ),
        examples=["0"],
    )
    SQS_POLL_SECONDS: parsers.PollSeconds = Field(
        default=20,
        description=(
            "how long a worker waits for messages with one call, in seconds: longer costs less, "
            "and an idle worker takes as long to stop"
        ),
        examples=["2"],
    )
    EVENT_ADAPTERS: parsers.AdapterList = Field(
        default=[],
        description=(
            "the adapters that read the events of other producers, separated by commas; empty: none"
        ),
        examples=["flow_ticket,sns"],
    )
    WORKER_BATCH_SIZE: parsers.BatchSize = Field(
        default=25,
        description="the maximum number of events that a pool process handles together",
        examples=["1"],
    )
    WORKER_LIVENESS_FILE: str = Field(
        default="",
        description=(
            "a file that the worker touches while it is alive; empty: its own file in the "
            "temporary folder"
        ),
        examples=["/tmp/worker-alive"],  # noqa: S108 (the operator's own file)
    )
    DEFAULT_TIMEZONE: parsers.TimeZone = Field(
        default="America/Sao_Paulo",
        description="the time zone of new projects",
        examples=["Europe/Lisbon"],
    )
    CLOSING_QUIET_PERIOD: parsers.Duration = Field(
        default=timedelta(minutes=10),
        description="a closing is postponed while the newest message is younger than this",
        examples=["5m"],
    )
    CLOSING_MAX_POSTPONE: parsers.Duration = Field(
        default=timedelta(hours=2),
        description="the maximum time by which a closing is postponed in total",
        examples=["1h30m"],
    )
    TAKEOVER_MAX_DELAY: parsers.Duration = Field(
        default=timedelta(hours=24),
        description=(
            "how long after its end a conversation is still marked by a takeover, if none is open"
        ),
        examples=["2h"],
    )
    MESSAGE_STATUSES: parsers.StatusPolicy = Field(
        default="drop",
        description=(
            "what becomes of delivery statuses after they are counted: drop, or keep the last one "
            "of each message until its conversation is archived"
        ),
        examples=["keep"],
    )
    DEFAULT_ARCHIVE_RETENTION: parsers.Retention = Field(
        default=None,
        description="the archive retention of new projects; empty: archives are kept",
        examples=["365d"],
    )
    RETENTION_CONVERSATIONS: parsers.LongRetention = Field(
        default=None,
        description=(
            "how long closed conversations are kept, with their archives and answers, at least "
            "15d; empty: for ever"
        ),
        examples=["730d"],
    )
    RETENTION_ANSWERS: parsers.LongRetention = Field(
        default=None,
        description="how long survey answers are kept, at least 15d; empty: for ever",
        examples=["365d"],
    )
    RETENTION_DEAD_LETTERS: parsers.Retention = Field(
        default=None,
        description="how long collected dead letters are kept; empty: until they are discarded",
        examples=["90d"],
    )
    RETENTION_AUDIT: parsers.Retention = Field(
        default=None,
        description="how long entries of the audit log are kept; empty: for ever",
        examples=["365d"],
    )
