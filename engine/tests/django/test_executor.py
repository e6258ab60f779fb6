import asyncio
import threading
import time

import pytest
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from engine.tests.django.conftest import Answer
from vola.django.errors import ExecutorOverloaded, ExecutorTimeout
from vola.django.executor import DjangoExecutor, Outcome

SHORT_LIMIT = pytest.mark.parametrize("timeout_s", [0.3])


async def test_a_function_runs_in_another_thread_and_is_answered_on_the_loop(executor: DjangoExecutor) -> None:
    threads: list[int] = []
    answer: Answer[Outcome] = Answer()

    def done(outcome: Outcome) -> None:
        threads.append(threading.get_ident())
        answer(outcome)

    executor.submit(threading.get_ident, done=done)
    ran_in, error = await answer.value()
    assert error is None
    assert ran_in != threads[0] == threading.get_ident()


async def test_an_exception_is_handed_over(executor: DjangoExecutor) -> None:
    answer: Answer[Outcome] = Answer()
    executor.submit(lambda: 1 / 0, done=answer)
    assert isinstance((await answer.value())[1], ZeroDivisionError)


@SHORT_LIMIT
async def test_a_function_past_its_time_limit_is_answered_once(executor: DjangoExecutor) -> None:
    release = threading.Event()
    answer: Answer[Outcome] = Answer()
    executor.submit(lambda: release.wait(5), done=answer)
    assert isinstance((await answer.value())[1], ExecutorTimeout)
    release.set()
    await asyncio.sleep(0.05)
    assert answer.count == 1


async def test_functions_run_side_by_side_up_to_the_number_of_threads(executor: DjangoExecutor) -> None:
    together = threading.Barrier(2, timeout=2)
    answers: list[Answer[Outcome]] = [Answer(), Answer()]
    for answer in answers:
        executor.submit(together.wait, done=answer)
    assert [(await answer.value())[1] for answer in answers] == [None, None]


async def test_a_full_queue_refuses_at_once(executor: DjangoExecutor) -> None:
    release = threading.Event()
    running: list[Answer[Outcome]] = [Answer() for _ in range(2)]
    for answer in running:
        executor.submit(lambda: release.wait(5), done=answer)
    await asyncio.sleep(0.05)
    waiting: list[Answer[Outcome]] = [Answer() for _ in range(4)]
    for answer in waiting:
        executor.submit(lambda: "late", done=answer)
    refused: Answer[Outcome] = Answer()
    started_at_s = time.monotonic()
    executor.submit(lambda: "never", done=refused)
    assert isinstance((await refused.value())[1], ExecutorOverloaded)
    assert time.monotonic() - started_at_s < 0.2
    release.set()
    assert [(await answer.value())[0] for answer in waiting] == ["late"] * 4


async def test_hung_functions_do_not_stop_the_executor_from_stopping() -> None:
    release = threading.Event()
    executor = DjangoExecutor(asyncio.get_running_loop(), threads=1, queue=4, timeout_s=5)
    hung: Answer[Outcome] = Answer()
    waiting: Answer[Outcome] = Answer()
    executor.submit(lambda: release.wait(5), done=hung)
    await asyncio.sleep(0.05)
    executor.submit(lambda: "never", done=waiting)
    started_at_s = time.monotonic()
    executor.stop(wait_s=0.1)
    assert time.monotonic() - started_at_s < 1
    assert isinstance((await waiting.value())[1], ExecutorOverloaded)
    release.set()
    await hung.value()


def _use_connection(*, max_age_s: int | None) -> BaseDatabaseWrapper:
    connection = connections[DEFAULT_DB_ALIAS]
    connection.settings_dict = {**connection.settings_dict, "CONN_MAX_AGE": max_age_s}
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert connection.connection is not None
    return connection


@pytest.mark.django_db(transaction=True)
async def test_a_database_connection_without_a_lifetime_is_closed_after_the_call(executor: DjangoExecutor) -> None:
    answer: Answer[Outcome] = Answer()
    executor.submit(lambda: _use_connection(max_age_s=0), done=answer)
    used, error = await answer.value()
    assert error is None
    assert isinstance(used, BaseDatabaseWrapper)
    assert used is not connections[DEFAULT_DB_ALIAS]
    assert used.connection is None


@pytest.mark.django_db(transaction=True)
async def test_a_lasting_database_connection_is_closed_when_the_executor_stops(executor: DjangoExecutor) -> None:
    answer: Answer[Outcome] = Answer()
    executor.submit(lambda: _use_connection(max_age_s=None), done=answer)
    used, error = await answer.value()
    assert error is None
    assert isinstance(used, BaseDatabaseWrapper)
    assert used.connection is not None
    executor.stop(wait_s=2)
    assert used.connection is None
