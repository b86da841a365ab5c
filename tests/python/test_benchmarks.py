"""benchmarks/: what is measured is the same thing for every candidate, and the files say what was measured."""

import json
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))

from benchmarks import (  # noqa: E402  # noqa: E402
    candidates,
    environment,
    lines,
    models,
    operators,
    pages,
    records,
    run,
    runs,
    tables,
    timing,
)
from benchmarks.candidates import compress_ext as ours  # noqa: E402
from benchmarks.candidates import plain, torch_compile  # noqa: E402
from benchmarks.operator_workloads import Workload, bytes_needed, make_case, workloads  # noqa: E402

PEERS = ("nncf", "torchao", "modelopt", "brevitas")


def load_or_skip(table, name):
    try:
        return candidates.load(table, name)
    except candidates.Unavailable as reason:
        pytest.skip(str(reason))


# Timing


class Clock:
    """Time that only calls move."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def call(self, seconds: float):
        def takes():
            self.now += seconds

        return takes


def test_samples_of_interleaved_rounds(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing, "time", clock)
    durations = iter([9.0] * 3 + [1.0, 1.0, 7.0, 1.0, 1.0] + [1.0] * 100)  # warm-up first, then one outlier

    def uneven():
        clock.now += next(durations)

    seconds = timing.interleaved({"uneven": uneven, "fast": clock.call(1e-6)}, budget=0.0)
    assert seconds["fast"] == pytest.approx([1e-6] * 5)
    assert seconds["uneven"] == pytest.approx([1.0, 1.0, 7.0, 1.0, 1.0])


def test_each_call_takes_its_turn_first(monkeypatch):
    monkeypatch.setattr(timing, "time", Clock())
    taken = []
    calls = {name: lambda name=name: taken.append(name) for name in "abc"}
    monkeypatch.setattr(timing, "timed", lambda call, repeats, synchronize: call() or 1.0)
    timing.interleaved(calls, budget=0.0)
    rounds = ["".join(taken[i : i + 3]) for i in range(6, len(taken), 3)]
    assert rounds[:4] == ["abc", "bca", "cab", "abc"]


def test_device_is_waited_for():
    waits = []
    timing.timed(lambda: waits.append("call"), 2, lambda: waits.append("wait"))
    assert waits == ["wait", "call", "call", "wait"]


# Records and tables


def test_ratio_is_to_the_reference():
    found = records.make_records("w", {"copy": [2.0, 1.0, 9.0], "aten": [5.0, 4.0, 6.0]}, "copy", batch=3)
    assert found[1] == {
        "workload": "w",
        "candidate": "aten",
        "seconds": 5.0,
        "ratio": 2.5,
        "fastest": 4.0,
        "reference": "copy",
        "batch": 3,
    }
    assert found[0]["ratio"] == 1.0


HEAD = {"device": "d", "threads": 2, "versions": {"torch": "1"}}


def test_file_of_results_reads_back(tmp_path):
    path = tmp_path / "new" / "r.json"
    first = records.make_records("w", {"copy": [2.0], "aten": [5.0]}, "copy")
    records.write(path, HEAD, first, ["a note"])
    assert records.read(path) == {**HEAD, "notes": ["a note"], "records": first}


def test_keep_others_replaces_only_what_was_measured(tmp_path):
    path = tmp_path / "r.json"
    old = records.make_records("a", {"copy": [1.0]}, "copy") + records.make_records("b", {"copy": [1.0]}, "copy")
    records.write(path, HEAD, old, ["old"])
    records.write(path, HEAD, records.make_records("b", {"copy": [4.0]}, "copy"), ["new"], keep_others=True)
    content = records.read(path)
    assert [(r["workload"], r["seconds"]) for r in content["records"]] == [("a", 1.0), ("b", 4.0)]
    assert content["notes"] == ["old", "new"]


def test_keep_others_refuses_another_device(tmp_path):
    path = tmp_path / "r.json"
    records.write(path, HEAD, [], [])
    with pytest.raises(SystemExit, match="measured with device 'd', this is 'e'"):
        records.write(path, {**HEAD, "device": "e"}, [], [], keep_others=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no", "not a file of results"),
        ("{}", "has no 'records'"),
        ('{"records": [{"workload": "w"}]}', "a record lacks candidate, ratio, seconds"),
    ],
)
def test_broken_file_is_named(tmp_path, text, message):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(SystemExit, match=f"broken.json.*{message}"):
        records.read(path)


def test_table_has_a_row_per_workload_and_a_column_per_candidate():
    found = records.make_records("first", {"copy": [2e-3], "aten": [5e-3]}, "copy")
    found += records.make_records("second", {"copy": [4e-6], "nncf": [4e-4]}, "copy")
    assert tables.by_candidate(found).splitlines() == [
        "| workload | copy |  aten | nncf |",
        "|:---------|-----:|------:|-----:|",
        "| first    | 2 ms | 2.50x |    - |",
        "| second   | 4 µs |     - | 100x |",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.234, "1.23 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (0.5, "500 ms")]
)
def test_time_has_a_unit(seconds, text):
    assert tables.time_text(seconds) == text


# Operators


def test_workload_names_are_unique():
    names = [w.name for w in workloads(["fake_quantize", "distillation_loss"], [8, 64], ["float32", "bfloat16"])]
    assert len(set(names)) == len(names)
    assert "fake_quantize/channel+learned+mask/both/64x64/bfloat16" in names
    assert "distillation_loss/kl/forward/64x50257/float32" in names


@pytest.mark.parametrize(
    ("operator", "variant", "direction", "bytes_per_element"),
    [
        ("fake_quantize", "channel", "forward", 8),
        ("fake_quantize", "channel+mask", "forward", 8.125),
        ("fake_quantize", "channel+learned", "backward", 12),
        ("observe", "tensor", "forward", 4),
        ("observe_and_fake_quantize", "tensor", "forward", 12),
        ("distillation_loss", "kl", "both", 20),
    ],
)
def test_bytes_needed(operator, variant, direction, bytes_per_element):
    assert bytes_needed(Workload(operator, variant, direction, (4, 8), "float32")) == 32 * bytes_per_element


SMALL = [
    w
    for w in workloads(
        ["fake_quantize", "fake_quantize_float", "distillation_loss"], [64], ["float32"], logits=((4, 33),)
    )
    if w.direction == "forward"
]


@pytest.mark.parametrize("name", ["aten", "torch.compile", *PEERS])
@pytest.mark.parametrize("workload", SMALL, ids=lambda w: w.variant)
def test_candidates_compute_what_we_compute(monkeypatch, workload, name):
    monkeypatch.setattr(torch_compile, "compiled", lambda function: function)  # the formula, without a compiler
    theirs = load_or_skip(candidates.OPERATOR_CANDIDATES, name).get(workload.operator)
    case = make_case(workload, "cpu")
    call = theirs(case) if theirs else None
    if call is None:
        pytest.skip(f"{name} has no {workload.variant}")
    expected = ours.OPERATORS[workload.operator](case)
    result, reference = call.forward(), expected.forward()
    # A value may fall on the other side of a rounding where x is divided by a rounded scale: few do.
    step = 0.25 if workload.operator == "fake_quantize_float" else 3.0 / 127
    assert (torch.isclose(result, reference, rtol=1e-4, atol=1e-6).float().mean()) > 0.999
    assert (result - reference).abs().max() < 1.5 * step
    if not expected.inputs:
        return
    gradient = torch.autograd.grad(result, call.inputs, case.grad)[0]
    expected_gradient = torch.autograd.grad(reference, expected.inputs, case.grad)[0]
    assert torch.isclose(gradient, expected_gradient, rtol=1e-3, atol=1e-6).float().mean() > 0.999


@pytest.mark.parametrize("name", ["aten", "modelopt"])
@pytest.mark.parametrize("variant", ["2:4", "choose"])
def test_candidates_keep_the_weights_we_keep(variant, name):
    theirs = load_or_skip(candidates.OPERATOR_CANDIDATES, name)["mask"]
    case = make_case(Workload("mask", variant, "forward", (4, 32), "float32"), "cpu")
    call = theirs(case)
    if call is None:
        pytest.skip(f"{name} has no {variant}")
    packed = ours.OPERATORS["mask"](case).forward()
    assert torch.equal(call.forward().bool(), torch.ops.compress.unpack_mask(packed, [4, 32]))


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_directions_give_outputs_or_gradients(direction):
    case = make_case(Workload("fake_quantize", "channel+learned", direction, (8, 8), "float32"), "cpu")
    result = operators.in_direction(ours.OPERATORS["fake_quantize"](case), case)()
    shapes = [result.shape] if direction == "forward" else [gradient.shape for gradient in result]
    assert shapes == ([(8, 8)] if direction == "forward" else [(8, 8), (8, 1)])


def test_all_operators_of_ours_are_measured():
    every = workloads(list(ours.OPERATORS), [64], ["bfloat16"], logits=((4, 33),))
    wanted = [workload for workload in every if workload.direction == "forward"]
    notes = []
    available = candidates.load_all(candidates.OPERATOR_CANDIDATES, ["copy", "copy into", "compress_ext"], notes)
    found = operators.measure(wanted, available, "cpu", budget=0.0, notes=notes)
    assert notes == []
    assert {r["workload"] for r in found if r["candidate"] == "compress_ext"} == {w.name for w in wanted}
    assert all(r["seconds"] > 0 and r["bandwidth"] > 0 for r in found)


def test_candidate_that_fails_is_named_and_left_out():
    def fail(case):
        raise ValueError("no such type\nmore")

    workload = Workload("observe", "tensor", "forward", (4, 4), "float32")
    notes = []
    calls = operators.prepare(make_case(workload, "cpu"), {"peer": {"observe": fail}}, notes)
    assert calls == {}
    assert notes == [f"peer fails on {workload.name}: ValueError: no such type"]


# Candidates


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(sys.modules["benchmarks.candidates.compress_ext"], "REQUIRES", ["no_such_library.part"])
    notes = []
    assert candidates.load_all(candidates.STEP_CANDIDATES, ["float", "compress_ext"], notes).keys() == {"float"}
    assert notes == ["left out: compress_ext: no_such_library.part is not installed"]


def test_library_that_does_not_import_is_named(monkeypatch, tmp_path):
    (tmp_path / "broken_library.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(ours, "REQUIRES", ["broken_library"])
    with pytest.raises(candidates.Unavailable, match="import of broken_library fails: No module named 'no_such_dep"):
        candidates.load(candidates.STEP_CANDIDATES, "compress_ext")


def test_lines_of_code_leave_out_comments_and_documentation():
    def example(a):
        """Documentation
        of two lines."""
        # a comment

        b = (
            a
        )  # fmt: skip
        return b

    assert lines.code_lines(example) == 4


def test_lines_beyond_the_float_loop():
    assert lines.lines_beyond_float(plain.train) == 0
    assert lines.lines_beyond_float(ours.train) == 4  # import, an example, Compressor, step


# Steps and runs


@pytest.mark.parametrize("name", ["resnet20", "transformer"])
def test_networks_learn(name):
    torch.manual_seed(0)
    workload = models.WORKLOADS[name]
    loop = plain.train(workload.build(), models.endless_batches(workload, 1, "cpu"), workload.optimizer)
    assert all(torch.isfinite(next(loop)) for _ in range(2))


def test_steps_command(tmp_path, capsys, monkeypatch):
    path = tmp_path / "steps.json"
    names = "float+distillation,torchao" if not has_torchao() else "float+distillation"
    run.main(
        ["steps", "--workloads", "resnet20", "--batch", "2", "--seconds", "0", "--candidates", names]
        + ["--json", str(path)]
    )
    content = json.loads(path.read_text())
    by_name = {record["candidate"]: record for record in content["records"]}
    assert by_name.keys() == {"float", "float+distillation"}
    assert all(record["workload"] == "resnet20" and record["seconds"] > 0 for record in by_name.values())
    assert by_name["float+distillation"]["ratio"] == pytest.approx(
        by_name["float+distillation"]["seconds"] / by_name["float"]["seconds"]
    )
    assert by_name["float"]["ratio"] == 1
    assert content["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert {"device", "threads", "commit", "date", "arguments"} <= content.keys()
    if not has_torchao():
        assert "torchao.quantization is not installed" in capsys.readouterr().out


def has_torchao() -> bool:
    try:
        import torchao  # noqa: F401
    except ImportError:
        return False
    return True


def test_training_seconds_of_metrics(tmp_path):
    events = [
        {"event": "step", "step": 20, "images_per_second": 1280.0},  # 20 steps of 64 images: one second
        {"event": "evaluation", "step": 23},
        {"event": "step", "step": 40, "images_per_second": 640.0},  # two
    ]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    assert runs.training_seconds(path, 64) == pytest.approx(3.0)


def test_runs_command(tmp_path, capsys):
    if not runs.DATA.exists():
        pytest.skip("data/digits is not here (scripts/prepare_digits.py)")
    path = tmp_path / "runs.json"
    run.main(
        ["runs", "--configs", "digits_prune", "--duration", "40", "--upkeep", "resnet20", "--seconds", "0"]
        + ["--json", str(path)]
    )
    found = json.loads(path.read_text())["records"]
    assert [r["candidate"] for r in found if r["workload"] == "digits_prune"] == ["float", "compress_ext"]
    upkeep = {r["candidate"]: r for r in found if r["workload"] == "mask upkeep, resnet20"}
    assert upkeep.keys() == {"float", "prune, every 20 steps", "zero again", "both"}
    assert 0 < upkeep["both"]["ratio"] < 0.5
    assert "digits_prune" in capsys.readouterr().out


# The command


def test_operators_command(tmp_path, capsys):
    path = tmp_path / "o.json"
    run.main(
        ["operators", "--operators", "threshold", "--sizes", "8", "--seconds", "0", "--json", str(path)]
        + ["--candidates", "aten,compress_ext"]
    )
    content = records.read(path)
    assert [record["candidate"] for record in content["records"]] == ["copy", "aten", "compress_ext"]
    assert "threshold/global/forward/8x8/float32" in capsys.readouterr().out
    assert content["arguments"][:3] == ["operators", "--operators", "threshold"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["operators", "--candidates", "brevits"], "unknown brevits (known: copy"),
        (["operators", "--sizes", "large"], "invalid literal"),
        (["steps", "--workloads", "resnet21"], "unknown resnet21 (known: resnet20"),
        ([], "required: command"),
    ],
)
def test_wrong_arguments_are_named(capsys, arguments, message):
    with pytest.raises(SystemExit):
        run.main(arguments)
    assert message in capsys.readouterr().err


def test_missing_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="torch finds no GPU here"):
        run.main(["operators", "--device", "cuda"])


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_draw(tmp_path, ending):
    pytest.importorskip("matplotlib")
    path, output = tmp_path / "s.json", tmp_path / f"picture.{ending}"
    found = records.make_records("resnet20", {"float": [1.0], "nncf": [2.0], "compress_ext": [1.1]}, "float")
    records.write(path, HEAD, found, [])
    run.main(["draw", str(path), "--output", str(output)])
    assert output.stat().st_size > 1000


def test_draw_without_anything_to_show(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "s.json"
    records.write(path, HEAD, [], [])
    with pytest.raises(SystemExit, match="nothing to draw"):
        run.main(["draw", str(path), "--output", str(tmp_path / "p.svg")])


def test_tables_of_a_page_come_from_results(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n" + "".join(f"<!-- {kind} -->\nold\n<!-- end of {kind} -->\n" for kind in pages.KINDS))
    head = {"kind": "operators", **environment.describe("cpu"), "notes": ["left out: nncf: why"]}
    result = {**head, "records": records.make_records("w", {"copy": [2.0], "aten": [5.0]}, "copy")}
    pages.update(page, [result])
    text = page.read_text()
    assert "| w        |  2 s | 2.50x |" in text and "\n- left out: nncf: why\n" in text
    assert text.count("old") == 2  # kinds without results stay


def test_page_without_a_place_for_tables_is_named(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(SystemExit, match="has no '<!-- operators -->' block"):
        pages.update(page, [])


def test_documentation_has_a_place_for_every_table(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(run.PAGE.read_text())
    pages.update(page, [])
    assert page.read_text() == run.PAGE.read_text()
