"""Choose how many events the next batch may have. No input or output."""


def choose_batch_size(
    *,
    next_run: int,
    ready_groups: int,
    runnable: int,
    free_processes: int,
    limit: int,
    shares: bool,
) -> int:
    """Return the maximum number of events of the next batch, at most `limit`.

    `next_run` is the number of waiting events of the group whose turn it is. `runnable` is the
    number of waiting events of all `ready_groups`. `free_processes` must be at least one. `shares`
    is true for messages that were gathered without a backlog: they share one batch, because that
    costs less than a batch in each process, and takes little longer.

    While each ready group can have a process, a batch contains the events of one group. They run
    one after the other in any case, so a smaller batch would make the rest of them wait. With fewer
    processes than groups, the runnable events are divided evenly among the processes.
    """
    if shares:
        return min(runnable, limit)
    if ready_groups <= free_processes:
        return min(next_run, limit)
    even_share = -(-runnable // free_processes)
    return min(max(next_run, even_share), limit)
