"""compress::distillation_loss against the expression it stands for, written with torch.nn.functional."""

import math

import pytest
import torch
import torch.nn.functional as F

op = torch.ops.compress.distillation_loss
INF = math.inf

# Relative error of the loss and largest error of a gradient element, relative to the largest element. float32: sums of
# up to 50257 terms in two stages and an exponential of 1 ulp; float16 and bfloat16 gradients are rounded once to 11 and
# 8 bits. float64: both sides round differently.
LOSS_TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.float16: 2e-6, torch.bfloat16: 2e-6}
GRAD_TOLERANCE = {torch.float64: 1e-12, torch.float32: 5e-6, torch.float16: 2**-11, torch.bfloat16: 2**-8}


def expected_loss(student, teacher, temperature, target=None, alpha=1.0):
    """In float64, rows flattened: kl_div's batchmean divides by the first dimension only."""
    classes = student.size(-1)
    student = student.double().reshape(-1, classes)
    teacher = teacher.double().reshape(-1, classes)
    loss = 0
    if alpha > 0:
        log_q = F.log_softmax(student / temperature, -1)
        p = F.softmax(teacher / temperature, -1)
        loss = alpha * temperature**2 * F.kl_div(log_q, p, reduction="batchmean")
    if alpha < 1:
        loss = loss + (1 - alpha) * F.cross_entropy(student, target.reshape(-1))
    return loss


def sample(shape, dtype=torch.float32, scale=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator, dtype=torch.float64) * scale).to(dtype)


def sample_target(shape, classes, ignored=True):
    target = torch.randint(classes, shape, generator=torch.Generator().manual_seed(2))
    if ignored and target.numel() > 1:
        target.view(-1)[1] = -100
    return target


def loss_and_grad(function, student, *args, **kwargs):
    student = student.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    loss = function(student, *args, **kwargs)
    loss.backward()
    return loss.detach(), student.grad


def check_parity(student, teacher, temperature, target=None, alpha=1.0):
    dtype = student.dtype
    loss, grad = loss_and_grad(op, student, teacher, temperature, target=target, alpha=alpha)
    wanted_loss, wanted_grad = loss_and_grad(expected_loss, student.double(), teacher, temperature, target, alpha)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert grad.dtype == dtype and grad.shape == student.shape
    assert loss.item() == pytest.approx(wanted_loss.item(), rel=LOSS_TOLERANCE[dtype])
    error = (grad.double() - wanted_grad).abs().max() / wanted_grad.abs().max()
    assert error <= GRAD_TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", LOSS_TOLERANCE)
@pytest.mark.parametrize("alpha", [1.0, 0.7, 0.0])
# Around the width of a vector (4 to 16 elements) and of a chunk (1024).
@pytest.mark.parametrize("classes", [1, 2, 3, 10, 15, 16, 17, 33, 1023, 1024, 1025, 2100])
def test_equals_torch(dtype, alpha, classes):
    if classes == 1:  # the only class is certain: nothing to compare relatively
        assert op(sample((5, 1), dtype), sample((5, 1), dtype, seed=1), 3.0) == 0
        return
    student, teacher = sample((5, classes), dtype), sample((5, classes), dtype, seed=1)
    check_parity(student, teacher, 3.0, sample_target((5,), classes), alpha)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equals_torch_over_a_large_vocabulary(dtype):
    shape = (2, 2, 50257)
    student, teacher = sample(shape, dtype), sample(shape, dtype, seed=1)
    check_parity(student, teacher, 2.0, sample_target((2, 2), 50257), 0.5)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 4.0])
def test_temperatures(temperature):
    check_parity(sample((4, 20), torch.float64), sample((4, 20), torch.float64, seed=1), temperature)


def test_a_high_temperature():
    # KL is about 1e-5 here, the difference of logarithms near ln 20 whose rounding T^2 magnifies, on both sides.
    student, teacher = sample((4, 20), torch.float64), sample((4, 20), torch.float64, seed=1)
    assert op(student, teacher, 1e3).item() == pytest.approx(expected_loss(student, teacher, 1e3).item(), rel=1e-10)


def test_worked_example():
    # T = 2: p = (4/5, 1/5), q = (1/2, 1/2); KL = 0.8 ln 1.6 + 0.2 ln 0.4; softmax of the student = (1/2, 1/2).
    student = torch.zeros(1, 2, dtype=torch.float64)
    teacher = torch.tensor([[2 * math.log(4), 0.0]], dtype=torch.float64)
    loss = op(student, teacher, 2.0, target=torch.tensor([1]), alpha=0.75)
    divergence = 0.8 * math.log(1.6) + 0.2 * math.log(0.4)
    assert loss.item() == pytest.approx(0.75 * 4 * divergence + 0.25 * math.log(2), rel=1e-14)


@pytest.mark.parametrize("shape", [(7,), (3, 7), (2, 3, 7), (2, 1, 3, 7)])
def test_any_number_of_row_dimensions(shape):
    check_parity(sample(shape), sample(shape, seed=1), 2.0, sample_target(shape[:-1], 7, ignored=False), 0.5)


def strided_views():
    whole = sample((3, 5, 40))
    yield "shifted", whole[:, :-1]
    yield "cut vocabulary", whole[..., :33]
    yield "both", whole[1:, ::2, 3:30]
    yield "transposed rows", whole.transpose(0, 1)
    yield "rows not contiguous", whole.transpose(1, 2)
    yield "every second class", whole[..., ::2]
    yield "one row for all", whole[:1, :1].expand(4, 6, 40)
    yield "unaligned", whole.view(-1)[1:81].view(2, 40)


@pytest.mark.parametrize("name, student", list(strided_views()))
def test_strides(name, student):
    teacher = sample(student.shape, seed=1)
    target = sample_target(student.shape[:-1], student.size(-1))
    check_parity(student, teacher, 2.0, target, 0.5)
    check_parity(teacher, student, 2.0, target, 0.5)
    # The same bits as on a contiguous copy: a kernel must not follow the layout.
    assert torch.equal(op(student, teacher, 2.0), op(student.contiguous(), teacher, 2.0))


def test_large_magnitudes_do_not_overflow_or_lose_digits():
    offset = torch.tensor([[1e4], [-1e4], [3e4]])
    student, teacher = sample((3, 50)), sample((3, 50), seed=1)
    shifted_student, shifted_teacher = (student + offset), (teacher - offset)
    # A constant added to a row changes nothing; the float32 logits were rounded when it was added, so compare with
    # the expression in float64 on the rounded logits.
    check_parity(shifted_student, shifted_teacher, 2.0, sample_target((3,), 50), 0.5)
    check_parity(sample((3, 50), scale=1e4), sample((3, 50), scale=1e4, seed=1), 4.0, sample_target((3,), 50), 0.5)


def test_extreme_logits_stay_finite():
    biggest = torch.finfo(torch.float32).max
    student = torch.tensor([[biggest / 2, 0.0, -biggest / 2]])
    assert op(student, student, 1.0) == 0
    loss, grad = loss_and_grad(op, torch.zeros(1, 3), student, 1.0)
    assert loss.item() == pytest.approx(math.log(3)) and grad.isfinite().all()


def masked(tensor, columns):
    tensor = tensor.clone()
    tensor[..., columns] = -INF
    return tensor


@pytest.mark.parametrize("columns", [slice(0, 3), slice(7, 10), slice(0, 1500), slice(1200, 2100), slice(100, 2000, 2)])
@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_classes_that_teacher_or_both_exclude_count_nothing(columns, alpha):
    classes = 10 if columns.stop <= 10 else 2100
    student, teacher = sample((3, classes)), sample((3, classes), seed=1)
    kept = torch.ones(classes, dtype=torch.bool)
    kept[columns] = False
    target = kept.nonzero()[:3].view(-1)
    only_teacher = masked(teacher, columns)
    check_parity(student, only_teacher, 2.0, target, alpha)
    # Both: the same as without those classes, and no gradient there.
    both, grad = loss_and_grad(op, masked(student, columns), only_teacher, 2.0, target=target, alpha=alpha)
    new_ids = (kept.cumsum(0) - 1)[target]
    wanted, wanted_grad = loss_and_grad(op, student[:, kept], teacher[:, kept], 2.0, target=new_ids, alpha=alpha)
    assert both.item() == pytest.approx(wanted.item(), rel=2e-6)
    assert (grad[:, ~kept] == 0).all()
    torch.testing.assert_close(grad[:, kept], wanted_grad, rtol=1e-5, atol=1e-7)


def test_a_class_that_only_the_student_excludes_is_infinitely_far():
    for column in (0, 1500):
        student, teacher = masked(sample((2, 2000)), slice(column, column + 1)), sample((2, 2000), seed=1)
        loss, grad = loss_and_grad(op, student, teacher, 2.0)
        assert loss == INF and grad.isfinite().all()


def test_probabilities_beyond_the_numbers_count_nothing_whatever_the_order():
    # e^-1e4 is zero. The chunk that holds the excluded class comes before or after the one with the largest logit.
    for order in (lambda t: t, lambda t: t.flip(1)):
        student, teacher = torch.zeros(1, 3000), torch.full((1, 3000), -1e4)
        student[0, 5] = -INF
        teacher[0, 2500] = 0
        loss = op(order(student), order(teacher), 1.0)
        assert loss.item() == pytest.approx(math.log(2999), rel=1e-6)


@pytest.mark.parametrize("bad", [math.nan, INF])
@pytest.mark.parametrize("position", [0, 40, 1999])
@pytest.mark.parametrize("which", ["student", "teacher"])
def test_nan_and_infinity_give_nan(bad, position, which):
    student, teacher = sample((3, 2000)), sample((3, 2000), seed=1)
    (student if which == "student" else teacher)[1, position] = bad
    loss, grad = loss_and_grad(op, student, teacher, 2.0)
    assert loss.isnan() and grad[1].isnan().all() and grad[0].isfinite().all() and grad[2].isfinite().all()


def test_a_row_of_nothing_but_minus_infinity_gives_nan():
    row = torch.full((1, 8), -INF)
    assert op(row, sample((1, 8)), 1.0).isnan()
    assert op(sample((1, 8)), row, 1.0).isnan()


def test_ignored_targets_leave_the_cross_entropy():
    student, teacher = sample((4, 6)), sample((4, 6), seed=1)
    target = torch.tensor([-100, 3, -100, 0])
    check_parity(student, teacher, 2.0, target, 0.0)
    loss, grad = loss_and_grad(op, student, teacher, 2.0, target=target, alpha=0.0)
    assert (grad[[0, 2]] == 0).all()
    # All ignored: the mean over nothing is NaN and its gradient zero, as torch's.
    none = torch.full((4,), -100)
    loss, grad = loss_and_grad(op, student, teacher, 2.0, target=none, alpha=0.0)
    torch_loss, torch_grad = loss_and_grad(F.cross_entropy, student, none)
    assert loss.isnan() and torch_loss.isnan()
    assert (grad == 0).all() and (torch_grad == 0).all()


def test_terms_of_weight_zero_are_not_computed():
    student, teacher = sample((2, 6)), torch.full((2, 6), math.nan)
    target = torch.tensor([1, 2])
    assert op(student, teacher, 2.0, target=target, alpha=0.0).item() == pytest.approx(
        F.cross_entropy(student, target).item(), rel=2e-6
    )
    anything = torch.tensor([77, -5])
    assert op(student, student, 2.0, target=anything, alpha=1.0) == 0


def test_no_rows_give_nan_as_torch():
    empty = torch.empty(0, 5)
    log_q, p = F.log_softmax(empty, -1), F.softmax(empty, -1)
    assert F.kl_div(log_q, p, reduction="batchmean").isnan()
    assert F.cross_entropy(empty, torch.empty(0, dtype=torch.long)).isnan()
    loss, grad = loss_and_grad(op, empty, empty, 2.0)
    assert loss.isnan() and grad.shape == (0, 5)
    assert op(empty, empty, 2.0, target=torch.empty(0, dtype=torch.long), alpha=0.5).isnan()
    assert op(torch.empty(2, 0, 5), torch.empty(2, 0, 5), 1.0).isnan()


def test_equal_logits_have_no_loss_and_no_gradient():
    logits = sample((4, 1500))
    loss, grad = loss_and_grad(op, logits, logits, 3.0)
    assert loss == 0 and (grad == 0).all()


def test_gradient_goes_to_the_student_only():
    student, teacher = sample((2, 6)).requires_grad_(), sample((2, 6), seed=1).requires_grad_()
    op(student, teacher, 2.0).backward()
    assert student.grad is not None and teacher.grad is None
    assert not op(student.detach(), teacher, 2.0).requires_grad


def test_incoming_gradient_multiplies():
    student, teacher = sample((2, 6)), sample((2, 6), seed=1)
    _, grad = loss_and_grad(op, student, teacher, 2.0)
    _, scaled = loss_and_grad(lambda s: -8 * op(s, teacher, 2.0), student)
    assert torch.equal(scaled, -8 * grad)


@pytest.mark.parametrize("alpha", [1.0, 0.3, 0.0])
def test_gradcheck(alpha):
    student = sample((2, 2, 5), torch.float64).requires_grad_()
    teacher = sample((2, 2, 5), torch.float64, seed=1)
    target = torch.tensor([[1, -100], [4, 0]])
    assert torch.autograd.gradcheck(lambda s: op(s, teacher, 3.0, target=target, alpha=alpha), (student,))


def test_a_second_derivative_is_refused():
    student = sample((2, 5)).requires_grad_()
    (grad,) = torch.autograd.grad(op(student, sample((2, 5), seed=1), 1.0), student, create_graph=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        grad.sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(4, 7), (2, 3, 7), (7,)])
def test_opcheck(dtype, shape):
    teacher = sample(shape, dtype, seed=1)
    for alpha, target in ((1.0, None), (0.5, sample_target(shape[:-1], 7))):
        student = sample(shape, dtype).requires_grad_()
        torch.library.opcheck(op, (student, teacher, 2.0), {"target": target, "alpha": alpha})
        plain = student.detach()
        torch.library.opcheck(torch.ops.compress.distillation_loss_forward, (plain, teacher, 2.0, target, alpha))
        loss, statistics, counted = torch.ops.compress.distillation_loss_forward(plain, teacher, 2.0, target, alpha)
        torch.library.opcheck(
            torch.ops.compress.distillation_loss_backward,
            (torch.ones_like(loss), plain, teacher, 2.0, target, alpha, statistics, counted),
        )


def test_the_same_bits_on_any_number_of_threads():
    student, teacher = sample((9, 5000)), sample((9, 5000), seed=1)
    target = sample_target((9,), 5000)
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            results.append(loss_and_grad(op, student, teacher, 2.0, target=target, alpha=0.5))
    finally:
        torch.set_num_threads(threads)
    for loss, grad in results[1:]:
        assert torch.equal(loss, results[0][0]) and torch.equal(grad, results[0][1])


def test_nothing_of_the_size_of_the_logits_is_kept():
    student, teacher = sample((16, 3000)).requires_grad_(), sample((16, 3000), seed=1)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        op(student, teacher, 2.0, target=sample_target((16,), 3000), alpha=0.5)
    others = [t for t in saved if t.data_ptr() not in (student.data_ptr(), teacher.data_ptr())]
    assert others and all(t.numel() <= 5 * 16 for t in others)


def test_autocast_takes_mixed_dtypes():
    student, teacher = sample((3, 9), torch.bfloat16), sample((3, 9), seed=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, grad = loss_and_grad(op, student, teacher, 2.0)
    assert loss.item() == pytest.approx(expected_loss(student, teacher, 2.0).item(), rel=2e-6)
    assert grad.dtype == torch.bfloat16


LOGITS = torch.zeros(4, 6)
TARGET = torch.zeros(4, dtype=torch.long)


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        ((LOGITS, LOGITS, 0.0), {}, r"temperature must be positive and finite \(got 0\)"),
        ((LOGITS, LOGITS, -1.0), {}, "temperature must be positive and finite"),
        ((LOGITS, LOGITS, INF), {}, "temperature must be positive and finite"),
        ((LOGITS, LOGITS, math.nan), {}, "temperature must be positive and finite"),
        (
            (LOGITS, LOGITS[:3], 1.0),
            {},
            r"teacher_logits must have student_logits' shape \(got \[3, 6\], expected \[4, 6\]\)",
        ),
        ((LOGITS, LOGITS.double(), 1.0), {}, "teacher_logits must have student_logits' dtype"),
        ((LOGITS.long(), LOGITS.long(), 1.0), {}, "student_logits must be float32"),
        ((torch.tensor(1.0), torch.tensor(1.0), 1.0), {}, r"must be \[..., classes\]"),
        ((LOGITS[:, :0], LOGITS[:, :0], 1.0), {}, "at least one class is needed"),
        ((LOGITS, LOGITS, 1.0), {"alpha": 1.5, "target": TARGET}, r"alpha must lie in \[0, 1\] \(got 1.5\)"),
        ((LOGITS, LOGITS, 1.0), {"alpha": -0.1, "target": TARGET}, "alpha must lie in"),
        ((LOGITS, LOGITS, 1.0), {"alpha": math.nan, "target": TARGET}, "alpha must lie in"),
        ((LOGITS, LOGITS, 1.0), {"alpha": 0.5}, "target is needed where alpha is below 1"),
        ((LOGITS, LOGITS, 1.0), {"alpha": 0.5, "target": TARGET.int()}, "target must be int64"),
        (
            (LOGITS, LOGITS, 1.0),
            {"alpha": 0.5, "target": TARGET[:3]},
            r"without the classes \(got \[3\], expected \[4\]\)",
        ),
        (
            (LOGITS, LOGITS, 1.0),
            {"alpha": 0.5, "target": TARGET + 6},
            r"target must lie in \[0, 6\) or be -100 \(got 6 in row 0\)",
        ),
        ((LOGITS, LOGITS, 1.0), {"alpha": 0.5, "target": TARGET - 1}, r"target must lie in \[0, 6\)"),
    ],
)
def test_errors(args, kwargs, message):
    with pytest.raises(RuntimeError, match="distillation_loss: .*" + message):
        op(*args, **kwargs)


def test_backward_refuses_foreign_statistics():
    loss, statistics, counted = torch.ops.compress.distillation_loss_forward(LOGITS, LOGITS, 1.0, None, 1.0)
    backward = torch.ops.compress.distillation_loss_backward
    with pytest.raises(RuntimeError, match="row_statistics must be"):
        backward(loss, LOGITS, LOGITS, 1.0, None, 1.0, statistics[:2], counted)
    with pytest.raises(RuntimeError, match="grad must be"):
        backward(loss.double(), LOGITS, LOGITS, 1.0, None, 1.0, statistics, counted)
    with pytest.raises(RuntimeError, match="counted_rows must be"):
        backward(loss, LOGITS, LOGITS, 1.0, None, 1.0, statistics, counted.float())


def test_meta():
    student = torch.empty(2, 3, 7, device="meta", dtype=torch.bfloat16, requires_grad=True)
    loss = op(student, student.detach(), 2.0)
    assert loss.device.type == "meta" and loss.shape == () and loss.dtype == torch.float32
    loss.backward()
    assert student.grad.shape == student.shape and student.grad.dtype == torch.bfloat16


def test_compiles_whole():
    def step(student, teacher, target):
        return op(student * 2, teacher, 2.0, target=target, alpha=0.5)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    teacher, target = sample((4, 6), seed=1), sample_target((4,), 6)
    got = loss_and_grad(compiled, sample((4, 6)), teacher, target)
    wanted = loss_and_grad(step, sample((4, 6)), teacher, target)
    assert torch.equal(got[0], wanted[0]) and torch.equal(got[1], wanted[1])


cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@cuda
@pytest.mark.parametrize("dtype", LOSS_TOLERANCE)
@pytest.mark.parametrize("classes", [3, 17, 1000, 50257])
def test_cuda_equals_torch(dtype, classes):
    # A row of odd length and a slice: rows begin at every alignment, and student and teacher at different ones.
    student, teacher = sample((3, 2, classes), dtype), sample((3, 2, classes + 1), dtype, seed=1)[..., 1:]
    target = sample_target((3, 2), classes)
    for alpha in (1.0, 0.5, 0.0):
        check_parity(student.cuda(), teacher.cuda(), 2.0, target.cuda(), alpha)


@cuda
def test_cuda_gives_the_same_bits_on_every_run():
    student, teacher = sample((300, 5001)).cuda(), sample((300, 5001), seed=1).cuda()
    first = loss_and_grad(op, student, teacher, 2.0)
    for _ in range(3):
        again = loss_and_grad(op, student, teacher, 2.0)
        assert torch.equal(again[0], first[0]) and torch.equal(again[1], first[1])


@cuda
def test_cuda_shows_a_target_that_is_no_class_as_nan():
    target = torch.tensor([1, 7, 2]).cuda()
    loss, grad = loss_and_grad(op, sample((3, 7)).cuda(), sample((3, 7), seed=1).cuda(), 2.0, target=target, alpha=0.5)
    assert loss.isnan() and grad[1].isnan().all() and grad[[0, 2]].isfinite().all()


@cuda
def test_cuda_edge_values():
    student, teacher = sample((3, 2000)).cuda(), masked(sample((3, 2000), seed=1), slice(100, 2000, 2)).cuda()
    check_parity(student, teacher, 2.0)
    assert op(masked(student, slice(1, 2)), teacher, 2.0) == INF
    assert op(student[:0], teacher[:0], 2.0).isnan()
    student[1, 40] = math.nan
    assert op(student, teacher, 2.0).isnan()


@cuda
def test_cuda_never_waits_for_the_device_and_replays_in_a_graph():
    student, teacher = sample((4, 50)).cuda().requires_grad_(), sample((4, 50), seed=1).cuda()
    target = sample_target((4,), 50).cuda()
    fresh = sample((4, 50), seed=3).cuda()

    def step():
        loss = op(student, teacher, 2.0, target=target, alpha=0.5)
        return loss, torch.autograd.grad(loss, student)[0]

    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss, grad = step()
    with torch.no_grad():
        student.copy_(fresh)
    graph.replay()
    wanted_loss, wanted_grad = step()
    assert torch.equal(loss, wanted_loss) and torch.equal(grad, wanted_grad)
