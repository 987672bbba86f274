"""The first events of contacts for whom an operator redrives letters or reopens a conversation."""

from testbed.traffic.events import Trait
from testbed.traffic.kinds import EventKind

# The first events of a REDRIVEN contact, and whether each is a dead letter at first.
#
# They are chosen so that their effects do not depend on when a letter is redriven:
# - No letter is a close or a window, which act on the conversation that is open when they run.
# - The redriven answer is the only one with its key in its conversation. The lake gets an answer
#   only if it is the newest when it is recorded.
# - The contact has already written when it answers, in an event that is not a letter.
# - The second group takes part in the first conversation only. SQS does not order two groups, so
#   an event of a later conversation might run first and open a conversation for the earlier ones.
_REDRIVEN = (
    (EventKind.RECEIVED, False),
    (EventKind.SENT, False),
    (EventKind.SENT, True),
    (EventKind.RECEIVED, True),
    (EventKind.EDIT, False),
    (EventKind.EDIT, True),
    (EventKind.ANSWER, True),
    (EventKind.CLOSE, False),
    (EventKind.LATE_EDIT, True),
    (EventKind.RECEIVED, False),
)
# The indexes of the events that a second group sends.
OF_SECOND_GROUP = (1, 2)
# The events that are sent before the service starts, and whether each is a dead letter at first.
EARLIER = {
    Trait.REDRIVEN: _REDRIVEN,
    Trait.REOPENED: ((EventKind.RECEIVED, False), (EventKind.CLOSE, False)),
}
