"""NumPy's linear algebra is on one thread within a block, and as before behind it."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from cutaway.blas import one_thread


def threads():
    return {part["num_threads"] for part in threadpool_info() if part["user_api"] == "blas"}


def test_one_thread_within_a_block_and_as_many_as_before_behind_it():
    np.eye(2) @ np.eye(2)
    for many in (2, 3):  # the second time the libraries are known
        with threadpool_limits(many, "blas"):
            with one_thread():
                assert threads() == {1}
            assert threads() == {many}
