"""django-rq's buttons that stop a job, made to work: our workers take no commands through Redis, so the run is asked as `queue kill` does."""
from __future__ import annotations

from collections.abc import Iterable

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from pipelines.engine.experiments import queue, stopping
from tracking import pages
from tracking.engine.errors import DataverError

EXPERIMENT = "run_experiment"  # of pipelines.jobs


@never_cache
@staff_member_required
@require_POST
def stop_job(request: HttpRequest, queue_index: int, job_id: str) -> HttpResponse:
    _tell(request, _stop(request, queue_index, [job_id]), [job_id])
    return redirect(reverse("admin:django_rq_job_detail", args=[queue_index, job_id]))


@never_cache
@staff_member_required
def actions(request: HttpRequest, queue_index: int) -> HttpResponse:
    """The list's actions; all but stopping are django-rq's own."""
    from django_rq import views  # slow import

    job_ids = request.POST.getlist("job_ids")
    if request.method != "POST" or request.POST.get("action") != "stop" or not job_ids:
        return views.actions(request, queue_index)  # type: ignore[no-any-return]
    _tell(request, _stop(request, queue_index, job_ids), job_ids)
    return redirect(reverse("admin:django_rq_jobs", args=[queue_index]))


def _tell(request: HttpRequest, asked: list[str], job_ids: list[str]) -> None:
    if asked:
        messages.info(request, f"{', '.join(asked)}: asked to end, as `dataver queue kill` does.")
    if len(asked) < len(job_ids):
        messages.error(request, "What does not run, and stages that a run waits for, cannot be stopped here: stop the run.")


def _stop(request: HttpRequest, queue_index: int, job_ids: Iterable[str]) -> list[str]:
    """Names of the experiments that were asked to end. Only folders of opened projects are looked into."""
    from django_rq.queues import get_queue_by_index  # slow import
    from rq.exceptions import NoSuchJobError
    from rq.job import Job

    asked: list[str] = []
    found = get_queue_by_index(queue_index)
    for job_id in job_ids:
        try:
            job = Job.fetch(job_id, connection=found.connection, serializer=found.serializer)
            root, entry_id = job.args
            if job.func_name.rpartition(".")[2] != EXPERIMENT:
                continue
            _, repo = pages.open_repository(request, pages.key_of(str(root)))
        except (NoSuchJobError, DataverError, ValueError):
            continue
        try:
            states = [state for state in queue.read_states(repo) if state.id == entry_id and state.state == queue.RUNNING]
            asked += [state.name for state in (stopping.ask(states, queue.claims(repo.scm)) if repo.scm is not None else [])]
        finally:
            if repo.scm is not None:
                repo.scm.close()
    return asked
