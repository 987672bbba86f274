"""A simulation of workers on SQS: random schedules of events and faults, in one thread.

Hypothesis generates the schedules. Complete consumers of `celery_sqs_fifo` run on the strict model
of SQS in memory, and a fake clock decides when anything happens. So a schedule of hours takes
milliseconds, and one that fails can be repeated.

- `test_schedules.py` starts the workers and generates the schedules; its end condition is that
  every event has left the queue.
- `troubles.py` has the faults of a schedule, and `faults.py` those of single calls to SQS.
- `workers.py` has a worker; the schedule takes the place of its pool processes.
- `sqs.py` has the two queues, with latency and faults. `calls.py` connects a worker to them.
- `events.py` has the events and the rules for their order and effects. `leases.py` and `charges.py`
  have the rules for leases and for charging failures to events.

`make check` runs fifty fixed schedules, and `make test-long` 2,000 new ones. `tests/chaos` runs
real processes instead, so it covers more code, but far fewer schedules.
"""
