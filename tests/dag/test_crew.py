"""A crew makes every task once, in other threads, and hands over what came of it."""

import threading
from functools import partial

import pytest

from jiaozi_node.dag.crew import Crew


def test_tasks_give_back_what_they_made() -> None:
    with Crew(2) as crew:
        tasks = [crew.begin(partial(pow, number, 2)) for number in range(50)]
        assert [task.result() for task in tasks] == [number**2 for number in range(50)]


def test_what_a_task_raises_is_raised_where_its_result_is_asked_for() -> None:
    def fail() -> int:
        raise KeyError("lost")

    with Crew(1) as crew:
        broken, whole = crew.begin(fail), crew.begin(lambda: 1)
        assert whole.result() == 1
        with pytest.raises(KeyError, match="lost"):
            broken.result()


def test_a_task_that_is_skipped_is_not_begun() -> None:
    ran: list[str] = []
    gate, running = threading.Event(), threading.Event()

    def first() -> None:
        running.set()
        gate.wait()

    with Crew(1) as crew:
        crew.begin(first)
        running.wait()
        skipped = crew.begin(lambda: ran.append("skipped"))
        last = crew.begin(lambda: ran.append("last"))
        skipped.skip()
        gate.set()
        last.result()
    assert ran == ["last"]


def test_threads_start_with_the_first_task_and_end_with_the_crew() -> None:
    before = threading.active_count()
    with Crew(3) as crew:
        assert threading.active_count() == before
        crew.begin(lambda: None).result()
        assert threading.active_count() == before + 3
    assert threading.active_count() == before
