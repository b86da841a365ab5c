"""SparsitySchedule as Python sees it."""

import compress_ext
import pytest
from compress_ext import SparsitySchedule


def test_cubic_follows_zhu_and_gupta():
    schedule = SparsitySchedule(type="cubic", target=0.9, initial=0.1, start=100, end=500, every=50)
    for step in (100, 150, 300, 499):
        expected = 0.9 + (0.1 - 0.9) * (1 - (step - 100) / 400) ** 3
        assert schedule.sparsity_at(step) == pytest.approx(expected, rel=1e-12)  # the same double arithmetic
    assert schedule.sparsity_at(99) == 0.0
    assert schedule.sparsity_at(100) == pytest.approx(0.1)
    assert schedule.sparsity_at(500) == schedule.sparsity_at(10**9) == 0.9


def test_cubic_moves_every_so_often_and_at_its_end():
    schedule = SparsitySchedule(target=0.5, start=10, end=25, every=10)
    assert [step for step in range(40) if schedule.due(step)] == [10, 20, 25]


def test_constant_moves_once():
    schedule = SparsitySchedule(type="constant", target=0.7, start=5)
    assert [schedule.sparsity_at(step) for step in (0, 4, 5, 6)] == [0.0, 0.0, 0.7, 0.7]
    assert [step for step in range(20) if schedule.due(step)] == [5]


def test_sparsity_never_falls():
    schedule = SparsitySchedule(target=0.9, start=3, end=77, every=7)
    values = [schedule.sparsity_at(step) for step in range(100)]
    assert values == sorted(values)


def test_it_reads_back_from_its_text():
    schedule = SparsitySchedule(type="constant", target=0.25, start=7)
    copy = eval(repr(schedule))
    names = ("type", "target", "initial", "start", "end", "every")
    assert [getattr(copy, name) for name in names] == [getattr(schedule, name) for name in names]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"type": "cubik"}, "unknown 'cubik' .allowed: constant, cubic., did you mean 'cubic'"),
        ({"target": 1.0}, "target .*got 1,"),
        ({"target": float("nan")}, "target .*got nan"),
        ({"initial": -0.1}, "initial .*got -0.1"),
        ({"every": 0}, "every .*got 0"),
        ({"start": -1}, "start .*got -1"),
        ({"start": 10, "end": 9}, "got start 10, end 9"),
    ],
)
def test_values_out_of_range_are_usage_errors(arguments, message):
    with pytest.raises(compress_ext.UsageError, match=message):
        SparsitySchedule(**arguments)


def test_a_schedule_cannot_be_changed():
    with pytest.raises(AttributeError):
        SparsitySchedule().every = 0
