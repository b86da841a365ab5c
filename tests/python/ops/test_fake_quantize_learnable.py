import torch


def test_compiles_with_dynamic_shapes():
    def loss(x, scale, zero_point):
        return torch.ops.compress.fake_quantize_learnable(x, scale, zero_point, -128, 127).sum()

    compiled = torch.compile(loss, fullgraph=True, dynamic=True, backend="aot_eager")
    torch.manual_seed(0)
    for rows in (4, 6):  # LSQ's gradient factor follows the size
        eager = [tensor.requires_grad_() for tensor in (torch.randn(rows, 5), torch.tensor(0.1), torch.tensor(1.0))]
        traced = [tensor.detach().clone().requires_grad_() for tensor in eager]
        loss(*eager).backward()
        compiled(*traced).backward()
        for expected, tensor in zip(eager, traced, strict=True):
            assert torch.equal(tensor.grad, expected.grad)
