"""Beat works after it ran on a machine whose clock was ahead. The documented command starts it."""

from datetime import timedelta

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common.clock import now
from tasks.schedules import ensure_schedules
from tests.e2e.conftest import any_batch_size
from tests.support.running_service import Service


@any_batch_size
def test_beat_sends_its_tasks_although_they_last_ran_in_the_future(service: Service) -> None:
    ensure_schedules()
    every_second = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update(interval=every_second, last_run_at=now() + timedelta(hours=1))

    beat = service.start_beat()
    service.wait_until(lambda: service.left_on_queue() >= PeriodicTask.objects.count())
    beat.stop()

    assert not PeriodicTask.objects.filter(last_run_at__gt=now()).exists()
    assert beat.log_text().count("last_run_in_future") == PeriodicTask.objects.count()
