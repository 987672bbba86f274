"""Restores PostgreSQL to an earlier time under load, and accounts for every event that was sent."""
