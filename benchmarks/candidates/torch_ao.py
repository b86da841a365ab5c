"""torch.ao (PyTorch), its graph mode: conv + batch norm fused, fused observers, int8 weights per channel."""


def train(model, batches, make_optimizer):
    import torch
    import torch.nn.functional as F
    from torch.ao.quantization import get_default_qat_qconfig_mapping
    from torch.ao.quantization.quantize_fx import prepare_qat_fx

    example, _ = next(batches)
    mapping = get_default_qat_qconfig_mapping("x86").set_object_type(torch.nn.Embedding, None)
    model = prepare_qat_fx(model, mapping, (example,))
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        yield loss
