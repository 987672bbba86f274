"""Outages that one can rehearse on a running `make up`. Each repairs what it broke."""
