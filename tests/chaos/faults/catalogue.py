"""All faults, with their lengths in a run of 15 minutes."""

from tests.chaos.faults.aws import DYNAMODB_FAULTS, SQS_FAULTS
from tests.chaos.faults.others import OTHER_FAULTS, POSTGRESQL_FAULTS
from tests.chaos.faults.processes import PROCESS_FAULTS

# The faults, grouped by the server or process that they affect.
GROUPS = (PROCESS_FAULTS, SQS_FAULTS, DYNAMODB_FAULTS, POSTGRESQL_FAULTS, OTHER_FAULTS)
FAULTS = tuple(fault for group in GROUPS for fault in group)
