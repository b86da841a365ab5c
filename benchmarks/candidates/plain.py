"""Plain PyTorch: the float loop that every other one is compared with, and one that distils."""


def train(model, batches, make_optimizer):
    import torch.nn.functional as F

    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        yield loss


def train_distilled(model, batches, make_optimizer):
    """A teacher's forward and the KL term, as compress_ext+masks+distillation has them: a fair float step for it."""
    import copy

    import torch
    import torch.nn.functional as F

    teacher = copy.deepcopy(model).eval()
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        with torch.no_grad():
            soft = F.softmax(teacher(inputs) / 4, -1)
        logits = model(inputs)
        distance = F.kl_div(F.log_softmax(logits / 4, -1), soft, reduction="batchmean") * 16
        loss = F.cross_entropy(logits, target) + 0.9 * distance
        loss.backward()
        optimizer.step()
        yield loss
