"""The common parts of the models of SQS and DynamoDB: ports, faults, control interface, process."""
