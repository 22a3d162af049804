import time

import pytest

KINDS = ["bio", "bioes", "words", "pointers", "answers", "positions"]


@pytest.mark.parametrize("kind", KINDS)
def test_try(trained, kind):
    t = time.time()
    got = trained(kind)
    print(kind, time.time() - t)
    print(got.out[-3000:])
    print(got.err)
    print((got.run.path / "history.csv").read_text())
