"""Comparing DynamoDB with PostgreSQL after PostgreSQL was restored to an earlier time.

`facts` says what PostgreSQL lacks, and changes nothing. `reconciling` restores it.
"""
