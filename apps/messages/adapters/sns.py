"""The envelope of Amazon SNS, for subscriptions without raw message delivery.

`Message` is the event as text, and `MessageAttributes` are its message attributes (SNS Developer
Guide, "Fanout to Amazon SQS queues"):

    {"Type": "Notification", "TopicArn": …, "Message": "{…}",
     "MessageAttributes": {"event_type": {"Type": "String", "Value": …}}, …}
"""

from typing import Any

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import NotJson, decode
from apps.messages.adapters import Adapter, QueueMessage


def adapt(message: QueueMessage) -> QueueMessage | None:
    """Return the message in an envelope, with its attributes."""
    match message.document:
        case {"Type": "Notification", "TopicArn": str(), "Message": str(text)} as envelope:
            attributes = _texts(envelope.get("MessageAttributes"))
            return QueueMessage(
                document=_decode(text), attributes={**message.attributes, **attributes}
            )
    return None


def _decode(text: str) -> Any:
    try:
        return decode(text)
    except NotJson as error:
        raise InvalidEvent("not_json", f"Message in the SNS envelope {error}") from error


def _texts(attributes: Any) -> dict[str, str]:
    """Return the texts of attributes by name. Binary attributes have none."""
    if not isinstance(attributes, dict):
        return {}
    return {
        name: value["Value"]
        for name, value in attributes.items()
        if isinstance(value, dict)
        and value.get("Type") != "Binary"
        and isinstance(value.get("Value"), str)
    }


ADAPTER = Adapter(adapt=adapt)
