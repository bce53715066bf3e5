"""The machinery around the CPU kernel: exp, threads, forks, the choice of a kernel."""

from __future__ import annotations

import math
import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import ctc_loss, use_kernel

numba = pytest.importorskip("numba", reason="needs numba")
from crnn_lessons.ctc.fast import choose  # noqa: E402
from crnn_lessons.ctc.fast import numba as kernels_numba  # noqa: E402
from crnn_lessons.ctc.fast.emissions import exp_in_place  # noqa: E402
from crnn_lessons.ctc.fast.simd import POLYNOMIAL  # noqa: E402

CPU = torch.device("cpu")


def example(seed=0, N=6):
    scores = torch.randn(30, N, 9, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    targets = torch.randint(1, 9, (N, 5), generator=torch.Generator().manual_seed(seed))
    return scores.requires_grad_(), targets, [30] * N, [5] * N


def loss_and_gradient(seed=0):
    scores, *rest = example(seed)
    loss = ctc_loss(scores, *rest)
    loss.backward()
    return loss.item(), scores.grad.numpy()


@pytest.fixture
def two_threads(monkeypatch):
    """Two threads, however little there is to do."""
    monkeypatch.setattr(kernels_numba, "WORTH_A_THREAD", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_exp():
    x = np.concatenate([np.linspace(-660, 690, 100_000), np.random.default_rng(0).normal(size=1000)])
    found = x.copy()
    exp_in_place(found)
    assert np.abs(found / np.exp(x) - 1).max() < 1e-15
    special = np.array([-math.inf, -700.0, -668.0, 0.0, 701.0, 1e300, math.inf, math.nan])
    exp_in_place(special)
    np.testing.assert_array_equal(special, [0, 0, 0, 1, math.inf, math.inf, math.inf, math.nan])


def test_the_polynomial_of_exp_is_the_one_it_says():
    mpmath = pytest.importorskip("mpmath", reason="needs mpmath, which comes with torch")
    with mpmath.workdps(50):
        end = mpmath.log(2) / 2 * 1.001  # a little more than needed, since n is rounded
        nodes = [end * mpmath.cos(mpmath.pi * (2 * i + 1) / 22) for i in range(11)]
        powers = mpmath.matrix([[r**k for k in range(11)] for r in nodes])
        values = mpmath.matrix([(mpmath.expm1(r) / r if abs(r) > 1e-30 else 1) for r in nodes])
        q = mpmath.lu_solve(powers, values)
        np.testing.assert_allclose(POLYNOMIAL, [1.0, *map(float, q)], rtol=1e-15)
        at = [end * i / 500 for i in range(-500, 501)]
        assert max(abs(mpmath.polyval(POLYNOMIAL[::-1], r) / mpmath.exp(r) - 1) for r in at) < 2e-17


def test_threads_change_nothing_and_numbas_setting_is_left_alone(two_threads):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one processor: there are no two threads to compare")
    many = loss_and_gradient()
    assert [kernels_numba.threads_for(6, work) for work in (0, 1, 2)] == [1, 1, 2]
    numba.set_num_threads(1)
    try:
        again = loss_and_gradient()
        assert numba.get_num_threads() == 1
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    torch.set_num_threads(1)
    one = loss_and_gradient()
    for value, gradient in (many, again):
        assert value == one[0]
        np.testing.assert_array_equal(gradient, one[1])


def test_callers_on_several_threads_do_not_meet(two_threads):
    expected = [loss_and_gradient(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for (value, gradient), (right, right_gradient) in zip(
            pool.map(loss_and_gradient, range(8)), expected, strict=True
        ):
            assert value == right
            np.testing.assert_array_equal(gradient, right_gradient)


@pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux")
def test_a_forked_process_computes_too(two_threads):
    value, _gradient = loss_and_gradient()  # the pool of threads exists now, and the fork does not have it
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()

    def child():
        torch.set_num_threads(1)  # torch's own pool does not outlive a fork either
        queue.put((ctc_loss(*example()).item(), kernels_numba.threads_for(6, 10**6)))

    process = context.Process(target=child)
    process.start()
    process.join(120)
    assert process.exitcode == 0
    assert queue.get() == (value, 1)


def test_machine_code_is_not_shared_between_versions():
    assert kernels_numba.version(True) != kernels_numba.version(False)
    loop = kernels_numba._loop(torch.float32, False)
    assert kernels_numba.version(False) in [cell.cell_contents for cell in loop.py_func.__closure__]


def test_the_fastest_kernel_present_is_taken(monkeypatch):
    assert choose.kernel_for(CPU).__name__ == "crnn_lessons.ctc.fast.numba"
    with use_kernel("torch"):
        assert choose.kernel_for(CPU).__name__ == "crnn_lessons.ctc.fast.torch"
    expected = loss_and_gradient()
    monkeypatch.setitem(sys.modules, "numba", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, kernels_numba.__name__)
    for function in (choose._chosen, choose._module):
        function.cache_clear()
    try:
        assert choose.kernel_for(CPU).__name__ == "crnn_lessons.ctc.fast.torch"
        value, gradient = loss_and_gradient()
        with pytest.raises(ImportError, match="needs the package numba"), use_kernel("numba"):
            pass
    finally:
        monkeypatch.undo()
        for function in (choose._chosen, choose._module):
            function.cache_clear()
    assert value == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(gradient, expected[1], atol=1e-6)
