"""What the models of SQS and DynamoDB share: their ports, faults, control interface and process."""
