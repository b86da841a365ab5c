"""The code in docs/distributed.md runs as it stands."""

import re
from pathlib import Path

import compress_ext as cx
import torch
from small_training import EVERYTHING_ON_BLOCKS, TOTAL_STEPS, BlockNet, block_batch, block_teacher
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import fully_shard

PAGE = Path(__file__).parents[2] / "docs/distributed.md"


def runs(rank):
    ddp, fsdp, finalize = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for code in (ddp, fsdp + finalize):
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(rank)
        loader = [block_batch(generator) for _ in range(TOTAL_STEPS)]
        names = {
            "cx": cx,
            "torch": torch,
            "fully_shard": fully_shard,
            "get_model_state_dict": get_model_state_dict,
            "StateDictOptions": StateDictOptions,
            "make_model": BlockNet,
            "model": BlockNet(),
            "teacher": block_teacher(),
            "recipe": EVERYTHING_ON_BLOCKS,
            "x": loader[0][0],
            "loader": loader,
            "total_steps": TOTAL_STEPS,
        }
        exec(code, names)
        assert names["compressor"].steps == TOTAL_STEPS
    names["model"].eval()
    torch.testing.assert_close(names["plain"].eval()(names["x"]), names["model"](names["x"]), rtol=0, atol=0)


def test_code_of_the_page(pair):
    pair.run(runs)
