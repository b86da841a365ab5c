"""keep_freed_memory: a freed tensor's pages serve the next one. Each case is a process of its own: the setting is."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, torch, compress_ext
kept = compress_ext.train.keep_freed_memory() if sys.argv[1] == "keep" else None
x = torch.zeros(4 * 1024 * 1024)  # 16 MB: 4,096 pages
for _ in range(3):
    x.clone()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    x.clone()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(argument: str, **environment: str) -> tuple[str, int]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, argument], env=plain | environment, capture_output=True, text=True, check=True
    )
    kept, faults = run.stdout.split()
    return kept, int(faults)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_freed_pages_are_used_again():
    kept, faults = page_faults("keep")
    assert kept == "True"
    assert faults < 10 * 4096 / 2, "ten clones of 4,096 pages, most of them in memory that is there already"


def test_the_environment_s_limits_stay():
    assert page_faults("keep", MALLOC_TRIM_THRESHOLD_="131072")[0] == "False"
