"""The turns of groups that are suspects: scopes take turns, and so do the groups of a scope."""

from collections.abc import Iterator


class Turns:
    """Groups that may run, by scope. A group without a scope counts as a scope of its own."""

    def __init__(self) -> None:
        # The first scope has the next turn, and within a scope the first group.
        self._scopes: dict[str, dict[str, None]] = {}
        self._scope_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._scope_of)

    def __contains__(self, group_id: str) -> bool:
        return group_id in self._scope_of

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope_of)

    def add(self, group_id: str, *, scope: str) -> None:
        """Add a group that may run, after the other groups of its scope."""
        scope = scope or f"group {group_id}"
        self._scope_of[group_id] = scope
        self._scopes.setdefault(scope, {})[group_id] = None

    def remove(self, group_id: str) -> None:
        """Remove a group, and let the other scopes take their turns first."""
        scope = self._scope_of.pop(group_id)
        groups = self._scopes.pop(scope)
        del groups[group_id]
        if groups:
            self._scopes[scope] = groups

    @property
    def next(self) -> str:
        """Return the group whose turn it is."""
        return next(iter(next(iter(self._scopes.values()))))

    @property
    def most_crowded(self) -> str:
        """Return the newest group of the scope that has the most groups."""
        groups = max(self._scopes.values(), key=len)
        return next(reversed(groups))
