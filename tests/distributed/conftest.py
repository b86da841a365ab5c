import pytest
from pair import Pair
from torch import distributed


@pytest.fixture(scope="session")
def pair():
    if not distributed.is_available() or not distributed.is_gloo_available():
        pytest.skip("this torch has no Gloo")
    processes = Pair()
    yield processes
    processes.stop()
