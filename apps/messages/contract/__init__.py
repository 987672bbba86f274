"""The producers' contract for machines: JSON Schemas and an AsyncAPI document.

They describe what producers may send. The service accepts everything that they allow, except times
that do not exist, and 1.0 as a resolution, which JSON Schema does not distinguish from 1. It also
accepts forms that they do not mention, such as a UUID in braces.
"""

# Raised by one for a breaking change (ADR 33): see apps.messages.contract.changes.
VERSION = 2
