"""Remember which groups and scopes are suspects: their next run may fail or take long.

No input or output. Times are in seconds of the monotonic clock.
"""

from collections.abc import Callable, Sequence

from celery_sqs_fifo.delivery import Delivery, Outcome, Result

# A run of an event that takes longer than this is slow, in seconds.
SLOW_AFTER = 2.0
# A suspect that does not run again is forgotten after this time, and the oldest one is forgotten
# when there are more suspects than this.
FORGET_AFTER = 300.0
MAX_REMEMBERED = 10_000


class Suspects:
    """The groups whose last run failed or was slow, and the scopes whose other groups may fail too.

    A group is a suspect until one of its events ends quickly. A slow success counts only if other
    groups waited. Otherwise the limit would leave processes idle without helping any group.

    A scope is a suspect after a local or a slow failure, until one of its events succeeds in a run
    that began after that failure.
    """

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        # When each one became a suspect, the oldest first.
        self._groups: dict[str, float] = {}
        self._scopes: dict[str, float] = {}

    def __contains__(self, delivery: Delivery) -> bool:
        """Return whether the next run of this delivery may fail or take long."""
        return delivery.was_lost or (
            self._is_known(self._groups, delivery.group_id)
            or self._is_known(self._scopes, delivery.scope)
        )

    def note_run(
        self,
        batch: Sequence[Delivery],
        outcomes: Sequence[Outcome],
        *,
        begun_at: float,
        others_wait: bool,
    ) -> bool:
        """Note the outcomes of a run. Return whether a scope became or ceased to be a suspect."""
        seconds = self._now() - begun_at
        was_slow = others_wait and seconds / max(1, len(batch)) >= SLOW_AFTER
        changed = False
        for delivery, outcome in zip(batch, outcomes, strict=True):
            has_ended = outcome.result in (Result.DONE, Result.INVALID)
            if has_ended and not was_slow:
                self._groups.pop(delivery.group_id, None)
            elif outcome.result is not Result.WAITING:
                self._note(self._groups, delivery.group_id)
            if outcome.result is Result.DONE:
                changed |= self._clear_scope(delivery.scope, begun_at=begun_at)
            elif not has_ended and (outcome.is_local or seconds >= SLOW_AFTER):
                is_new = not self._is_known(self._scopes, delivery.scope)
                changed |= bool(delivery.scope) and is_new
                self._note(self._scopes, delivery.scope)
        return changed

    def clear(self) -> None:
        """Forget all suspects: a successful probe has shown that dependencies work again."""
        self._groups.clear()
        self._scopes.clear()

    def _is_known(self, noted: dict[str, float], key: str) -> bool:
        return key in noted and self._now() - noted[key] < FORGET_AFTER

    def _note(self, noted: dict[str, float], key: str) -> None:
        if key:
            noted.pop(key, None)
            noted[key] = self._now()
            if len(noted) > MAX_REMEMBERED:
                del noted[next(iter(noted))]

    def _clear_scope(self, scope: str, *, begun_at: float) -> bool:
        failed_at = self._scopes.get(scope)
        if failed_at is None or begun_at < failed_at:
            return False
        del self._scopes[scope]
        return True
