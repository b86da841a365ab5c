"""Trainer and run_experiment from Python: callbacks, interruption, resume, and the GIL that they do not hold."""

import gc
import os
import signal
import threading
import time
import weakref

import compress_ext
import pytest
import torch
from compress_ext import Trainer, run_experiment
from small_run import RECIPE, TOTAL_STEPS, small_config

ENDLESS = "training.duration=50000"  # minutes: a stop that fails does not hang the tests for hours


def make(folder, *overrides, compression=RECIPE, name="run"):
    return Trainer(small_config(folder, *overrides, compression=compression), folder=folder / name)


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}


def assert_equal(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert actual[name].equal(value), name


@pytest.fixture
def interrupt_soon():
    """A call that sends SIGINT to this process a little later, unless the test is over by then."""
    # A process started in a script's background ignores SIGINT, and Python then leaves it so.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    yield timer.start
    timer.cancel()
    signal.signal(signal.SIGINT, before)


def test_a_run_reports_what_it_does(tmp_path):
    trainer = make(tmp_path)
    assert trainer.state["step"] == 0 and trainer.state["best_accuracy"] is None
    logs, evaluations = [], []
    trainer.run(on_log=logs.append, on_evaluation=evaluations.append)
    assert [log["step"] for log in logs] == [2, 4, 6, 8, 10, 12]
    assert [evaluation["step"] for evaluation in evaluations] == [4, 8, 12]
    assert all(log["loss"] > 0 and log["images_per_second"] > 0 for log in logs)
    assert logs[-1]["sparsity"] == pytest.approx(0.5, abs=0.01)
    assert logs[-1]["epoch"] == 3.0
    last = evaluations[-1]
    assert trainer.evaluate() == {"accuracy": last["accuracy"], "loss": last["loss"]}
    assert trainer.state == {
        "step": TOTAL_STEPS,
        "epoch": 3.0,
        "total_steps": TOTAL_STEPS,
        "steps_per_epoch": 4,
        "best_accuracy": max(evaluation["accuracy"] for evaluation in evaluations),
    }


def test_the_network_learns(tmp_path):
    trainer = make(tmp_path, "training.duration=15e", compression=())
    before = trainer.evaluate()
    trainer.run()
    after = trainer.evaluate()
    assert after["loss"] < 0.5 * before["loss"]
    assert after["accuracy"] > 0.8


def test_the_same_config_gives_the_same_bits(tmp_path):
    first, second = make(tmp_path, name="first"), make(tmp_path, name="second")
    first.run()
    second.run()
    assert_equal(weights(first), weights(second))


def test_a_callbacks_exception_stops_the_run_which_can_go_on(tmp_path):
    whole = make(tmp_path, name="whole")
    whole.run()
    error = ValueError("enough")

    def stop(state):
        if state["step"] == 6:
            raise error

    trainer = make(tmp_path, name="stopped")
    with pytest.raises(ValueError, match="enough") as raised:
        trainer.run(on_log=stop)
    assert raised.value is error
    assert trainer.state["step"] == 6
    trainer.run()
    assert_equal(weights(trainer), weights(whole))


def test_a_checkpoint_goes_on_bit_for_bit(tmp_path):
    whole = make(tmp_path, "training.keep_checkpoints=5", name="whole")
    whole.run()
    resumed = make(tmp_path, name="resumed")
    resumed.load(tmp_path / "whole" / "checkpoints" / "step_00000005")
    assert resumed.state["step"] == 5
    resumed.run()
    assert_equal(weights(resumed), weights(whole))
    newest = make(tmp_path, name="newest")
    newest.load(tmp_path / "whole")
    assert newest.state["step"] == TOTAL_STEPS


def test_run_releases_the_gil(tmp_path):
    trainer = make(tmp_path, "training.duration=20e")
    ticks, running = 0, True

    def tick():
        nonlocal ticks
        while running:
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        before = ticks
        trainer.run()
        # With the GIL held, the thread could not tick at all between these two lines. 80 steps take over 50 ms.
        after = ticks
    finally:
        running = False
        thread.join()
    assert after - before > 10


def test_two_trainers_run_at_once(tmp_path):
    trainers = [make(tmp_path, name=f"run{i}") for i in range(2)]
    expected = make(tmp_path, name="alone")
    expected.run()
    threads = [threading.Thread(target=trainer.run) for trainer in trainers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for trainer in trainers:
        assert_equal(weights(trainer), weights(expected))


def test_keyboard_interrupt_stops_the_run(tmp_path, interrupt_soon):
    trainer = make(tmp_path, ENDLESS, "training.evaluate_every=1000000", "training.checkpoint_every=1000000")
    with pytest.raises(KeyboardInterrupt):
        interrupt_soon()
        trainer.run()
    assert 0 < trainer.state["step"] < 50000


def test_a_running_trainer_refuses_other_calls(tmp_path):
    trainer = make(tmp_path)
    messages = []

    def call_back(state):
        for call in (trainer.run, trainer.evaluate, lambda: trainer.load(tmp_path)):
            with pytest.raises(compress_ext.UsageError) as raised:
                call()
            messages.append(str(raised.value))
        assert trainer.state["step"] == state["step"]

    trainer.run(on_evaluation=call_back)
    assert messages[:3] == [
        f"Trainer: {name}() is not possible while run() is under way" for name in ("run", "evaluate", "load")
    ]


def test_callbacks_are_let_go_after_the_run(tmp_path):
    trainer = make(tmp_path)

    class Callback:
        def __call__(self, state):
            pass

    callback = Callback()
    alive = weakref.ref(callback)
    trainer.run(on_log=callback)
    del callback
    gc.collect()
    assert alive() is None


def test_the_network_outlives_its_trainer(tmp_path):
    trainer = make(tmp_path)
    network = trainer.network
    del trainer
    gc.collect()
    assert network.eval()(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_it_trains_under_no_grad(tmp_path):
    trainer = make(tmp_path, compression=())
    before = weights(trainer)["head.weight"]
    with torch.no_grad():
        trainer.run()
        assert not torch.is_grad_enabled()
    assert not weights(trainer)["head.weight"].equal(before)


def test_a_taken_folder_is_a_usage_error(tmp_path):
    make(tmp_path).run()
    again = make(tmp_path)
    with pytest.raises(compress_ext.UsageError, match="run holds a run already; go on with it by load()"):
        again.run()
    again.load(tmp_path / "run")
    again.run()


def test_without_a_folder_it_is_the_configs(tmp_path):
    config = small_config(tmp_path)
    assert Trainer(config).folder == config.folder == tmp_path / "runs" / "small"


def test_divergence_names_the_step(tmp_path):
    trainer = make(tmp_path, "optimizer.lr=1e30", compression=())
    with pytest.raises(compress_ext.Error, match="diverged at step [0-9]+: the loss is not finite"):
        trainer.run()


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (["data.path=/nowhere"], compress_ext.Error, "/nowhere/digits.safetensors: no such file"),
        (["compression.prune.exclude=[haed]"], compress_ext.UsageError, "'haed'.*did you mean 'head'"),
    ],
)
def test_what_does_not_fit_is_told_at_once(tmp_path, overrides, error, message):
    with pytest.raises(error, match=message):
        make(tmp_path, *overrides)


def test_a_checkpoint_of_another_model_changes_nothing(tmp_path):
    make(tmp_path, compression=(), name="other").run()
    trainer = make(tmp_path, "model.width=16", compression=())
    before = weights(trainer)
    with pytest.raises(compress_ext.Error, match="has shape"):
        trainer.load(tmp_path / "other")
    assert_equal(weights(trainer), before)
    assert trainer.state["step"] == 0


def test_run_experiment_is_the_whole_job(tmp_path):
    config = small_config(tmp_path, compression=RECIPE)
    folder = run_experiment(config)
    assert folder == config.folder
    assert {"config.yaml", "metrics.jsonl", "log.txt", "model.safetensors", "report.json", "report.md"} <= {
        path.name for path in folder.iterdir()
    }
    assert compress_ext.Config.load(folder / "config.yaml") == config
    with pytest.raises(compress_ext.UsageError, match="holds a run already"):
        run_experiment(config)
    assert run_experiment(config, resume=True) == folder


def test_keyboard_interrupt_stops_the_job(tmp_path, interrupt_soon):
    config = small_config(tmp_path, ENDLESS, "training.evaluate_every=1000000")
    with pytest.raises(KeyboardInterrupt):
        interrupt_soon()
        run_experiment(config)
    assert not (config.folder / "model.safetensors").exists()
