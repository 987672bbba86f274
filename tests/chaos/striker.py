"""Carries out a schedule."""

from collections import Counter
from collections.abc import Callable, Mapping

from tests.chaos.catalogue import Strike
from tests.chaos.fleet import Fleet
from tests.chaos.postgres_faults import Rivals, cut_connections
from tests.chaos.schedule import Action
from tests.chaos.servers import Servers

_CLOCK_SHIFT_SECONDS = 300
_HANG_SECONDS = 4.0
_SLOW_SECONDS = 2.0
_QUEUE = "conversations.fifo"


class Striker:
    """Strikes servers and processes. `done` counts strikes by the name of the fault."""

    def __init__(self, *, servers: Servers, fleet: Fleet) -> None:
        self.done: Counter[str] = Counter()
        self._servers = servers
        self._fleet = fleet
        self._rivals = Rivals(servers.database_url)
        self._strikes = {
            **self._on_processes(),
            **self._on_sqs(),
            **self._on_dynamodb(),
            **self._on_others(),
        }

    def strike(self, action: Action) -> None:
        """Carry out an action. The end of a fault is not counted."""
        self._strikes[action.strike](action)
        if action.seconds or action.strike in (Strike.KILL_WORKER, Strike.KILL_POOL_PROCESS):
            self.done[action.fault] += 1

    def heal(self) -> None:
        """End all faults, also those that the schedule has not ended yet."""
        servers = self._servers
        servers.sqs_server.clear_faults()
        servers.dynamodb.clear_faults()
        servers.postgres.start()
        servers.valkey.start()
        servers.lake.bring_up()
        self._rivals.join()
        self._fleet.heal()

    def _on_processes(self) -> Mapping[Strike, Callable[[Action], None]]:
        fleet = self._fleet
        return {
            Strike.KILL_POOL_PROCESS: lambda action: fleet.kill_pool_process(action.choice),
            Strike.KILL_WORKER: lambda action: fleet.kill_worker(action.choice),
            Strike.KILL_ALL_WORKERS: lambda _action: fleet.kill_all_workers(),
            Strike.FREEZE_WORKER: lambda action: fleet.freeze_worker(action.choice),
            Strike.THAW_WORKER: lambda action: fleet.thaw_worker(action.choice),
            Strike.TERMINATE_WORKER: lambda action: fleet.terminate_worker(action.choice),
            Strike.CLOCK_AHEAD: lambda action: fleet.shift_clock(
                action.choice, seconds=_CLOCK_SHIFT_SECONDS
            ),
            Strike.CLOCK_BEHIND: lambda action: fleet.shift_clock(
                action.choice, seconds=-_CLOCK_SHIFT_SECONDS
            ),
            Strike.CLOCK_RIGHT: lambda action: fleet.shift_clock(action.choice, seconds=0),
            Strike.KILL_BEAT: lambda _action: fleet.kill_beat(),
            Strike.START_SECOND_BEAT: lambda _action: fleet.start_second_beat(),
            Strike.STOP_SECOND_BEAT: lambda _action: fleet.stop_second_beats(),
        }

    def _on_sqs(self) -> Mapping[Strike, Callable[[Action], None]]:
        sqs = self._servers.sqs_server
        return {
            Strike.SQS_DROPS: lambda action: sqs.drop(duration=action.seconds),
            Strike.SQS_LOSES_ANSWERS: lambda action: sqs.lose_answers(duration=action.seconds),
            Strike.SQS_HANGS: lambda action: sqs.hang(
                seconds=_HANG_SECONDS, duration=action.seconds
            ),
            Strike.SQS_FAILS: lambda action: sqs.fail(
                status=500, code="InternalError", duration=action.seconds
            ),
            Strike.SQS_THROTTLES: lambda action: sqs.fail(
                status=400, code="RequestThrottled", duration=action.seconds
            ),
            Strike.SQS_REFUSES: lambda action: sqs.refuse_connections(seconds=action.seconds),
            # Only two receives: a message that is received a hundred times becomes a dead letter.
            Strike.SQS_DELIVERS_TWICE: lambda _action: sqs.deliver_duplicates(count=2),
            Strike.SQS_ENDS_LEASES: lambda _action: _end_leases(self._servers),
        }

    def _on_dynamodb(self) -> Mapping[Strike, Callable[[Action], None]]:
        dynamodb = self._servers.dynamodb
        return {
            Strike.DYNAMODB_THROTTLES: lambda action: dynamodb.throttle(
                share=0.5, duration=action.seconds
            ),
            Strike.DYNAMODB_LEAVES_UNPROCESSED: lambda action: dynamodb.leave_unprocessed(
                share=0.5, duration=action.seconds
            ),
            Strike.DYNAMODB_FAILS: lambda action: dynamodb.fail(duration=action.seconds),
            Strike.DYNAMODB_HANGS: lambda action: dynamodb.hang(
                seconds=_HANG_SECONDS, duration=action.seconds
            ),
            Strike.DYNAMODB_DROPS: lambda action: dynamodb.drop(share=0.5, duration=action.seconds),
            Strike.DYNAMODB_LOSES_ANSWERS: lambda action: dynamodb.lose_answers(
                share=0.5, duration=action.seconds
            ),
            Strike.DYNAMODB_IS_SLOW: lambda action: dynamodb.delay(
                seconds=_SLOW_SECONDS, share=0.5, duration=action.seconds
            ),
        }

    def _on_others(self) -> Mapping[Strike, Callable[[Action], None]]:
        servers, rivals = self._servers, self._rivals
        return {
            Strike.STOP_POSTGRESQL: lambda _action: servers.postgres.stop(),
            Strike.CRASH_POSTGRESQL: lambda _action: servers.postgres.crash(),
            Strike.START_POSTGRESQL: lambda _action: servers.postgres.start(),
            Strike.CUT_CONNECTIONS: lambda _action: cut_connections(servers.database_url),
            Strike.LOCK_ROWS: lambda action: rivals.start(seconds=action.seconds),
            Strike.LAKE_DOWN: lambda _action: servers.lake.take_down(),
            Strike.LAKE_UP: lambda _action: servers.lake.bring_up(),
            Strike.STOP_CONTROL_BROKER: lambda _action: servers.valkey.stop(),
            Strike.FREEZE_CONTROL_BROKER: lambda _action: servers.valkey.freeze(),
            Strike.START_CONTROL_BROKER: lambda _action: servers.valkey.start(),
        }


def _end_leases(servers: Servers) -> None:
    """End the leases of all messages in flight, while workers process them."""
    servers.sqs_server.expire_leases(queue=_QUEUE)
