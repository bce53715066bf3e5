"""Several processes train as one does: equal weights, one voice, and an end in seconds when one of them dies."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.ctc.fast.choose import use_kernel
from crnn_lessons.data.batches import Collate, PoolBatches
from crnn_lessons.models import build
from crnn_lessons.reader.commands import main
from crnn_lessons.reader.recognition import ctc_loss_of
from crnn_lessons.text.fonts import system_directories
from crnn_lessons.training import Settings, Trainer, distributed

ROOT = Path(__file__).resolve().parents[1]
SANS = system_directories()[-1] / "DejaVuSans.ttf"  # matplotlib's own
DIGITS = Alphabet("0123456789")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"}
"""Without numba, a process begins two seconds earlier, and torch does the CTC."""

pytestmark = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="this torch is built without gloo, so processes cannot work together on CPUs",
)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def started(count, *command):
    """Processes that are to meet at a free port of this machine."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "WORLD_SIZE": str(count)}
    return [
        subprocess.Popen(
            [sys.executable, *map(str, command)], cwd=ROOT, stderr=subprocess.PIPE, text=True,
            env={**ENVIRONMENT, **place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(count)
    ]  # fmt: skip


# What each process of the group does, and one alone: the same trainings, whose batches of 11 cannot be halved.


def pictures():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, size=(22, 32, 60), dtype=np.uint8)
    texts = ["".join(map(str, rng.integers(0, 10, size=rng.integers(1, 7)))) for _ in images]
    return images, texts


def padded_batches(step):
    """Images of many widths."""
    rng = np.random.default_rng([5, step])
    words = [(rng.integers(0, 255, size=(32, 40 + 8 * i), dtype=np.uint8), "12345"[: 1 + i % 5]) for i in range(11)]
    return Collate(DIGITS)(words).part(distributed.rank(), distributed.world())


def trained(batches, dtype, eps=1e-8, sgd=False):
    torch.manual_seed(distributed.rank())  # the first process's weights count
    model = build("tiny", 11).to(dtype)
    trainer = Trainer(model, batches, ctc_loss_of, Settings(steps=4, learning_rate=0.02, average=0.9))
    trainer.optimizer.param_groups[0]["eps"] = trainer.optimizer.param_groups[1]["eps"] = eps
    if sgd:
        trainer.optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    losses = torch.tensor([trainer.step() for _ in range(4)], dtype=torch.float64)
    return {"losses": losses, **model.state_dict(), **{f"average {k}": v for k, v in trainer.average.items()}}


def noisy_run(checkpoint):
    """A run with dropout that one process is asked to stop."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    rank = distributed.rank()

    def batches(step):
        if checkpoint and step == 2 and rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return torch.randn(3 + rank, 4, generator=torch.Generator().manual_seed(step))

    trainer = Trainer(model, batches, lambda m, x: m(x).square().mean(), Settings(steps=6), checkpoint)
    if checkpoint:
        assert trainer.run(progress=False) is False and trainer.step_number == 3
        distributed.any_of(False)  # until the first process has written it
        trainer.resume()
        trainer.batches = lambda step: torch.randn(3 + rank, 4, generator=torch.Generator().manual_seed(step))
    assert trainer.run(progress=False)
    return model.state_dict()


def everything(out=None):
    batches = PoolBatches(*pictures(), DIGITS, 11, seed=1)
    with use_kernel("torch"):
        found = {
            "float64": trained(batches, torch.float64),
            "padded": trained(padded_batches, torch.float64),
            "float32, SGD": trained(batches, torch.float32, sgd=True),
            "float32, eps": trained(batches, torch.float32, eps=1e-3),
        }
    if out is not None:
        found["noise"], found["noise, resumed"] = noisy_run(None), noisy_run(Path(out) / "c")
        torch.save(found, f"{out}/{distributed.rank()}.pt")
    return found


@pytest.fixture(scope="module")
def one_and_two(tmp_path_factory):
    out = tmp_path_factory.mktemp("group")
    processes = started(2, "-m", "tests.test_distributed", out)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one = everything()
    torch.set_num_threads(threads)
    assert [(p.communicate(timeout=300)[1], p.returncode) for p in processes] == [("", 0)] * 2
    return one, *(torch.load(out / f"{rank}.pt") for rank in range(2))


def farthest(a, b):
    assert a.keys() == b.keys()
    return max((a[k] - b[k]).abs().max().item() for k in a)


@pytest.mark.parametrize(
    ("what", "bound"), [("float64", 1e-9), ("padded", 1e-9), ("float32, SGD", 1e-5), ("float32, eps", 1e-5)]
)
def test_two_processes_end_with_the_weights_of_one(one_and_two, what, bound):
    """Also the losses, the running statistics and the averaged weights; of unequal parts and targets."""
    one, first, _ = one_and_two
    moved = farthest(first[what], {k: torch.zeros_like(v) for k, v in first[what].items()})
    assert farthest(one[what], first[what]) <= bound < 0.1 < moved


def test_both_processes_hold_the_same_bits(one_and_two):
    _, first, second = one_and_two
    assert [farthest(first[what], second[what]) for what in first] == [0.0] * 6


def test_a_request_to_stop_reaches_all_and_noise_is_resumed(one_and_two):
    """One of two was asked to stop; both stopped after the same step, and went on with the dropout that was due."""
    _, first, _ = one_and_two
    assert farthest(first["noise"], first["noise, resumed"]) == 0.0


def test_parts_of_a_batch_are_the_batch():
    batch = padded_batches(0)
    parts = [batch.part(rank, 3) for rank in range(3)]
    assert [len(part) for part in parts] == [3, 4, 4] and len(batch) == 11
    for name in ("images", "targets", "target_lengths", "widths"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name))


# The command.


def command(folder, name, *more):
    fonts = folder / "fonts"
    fonts.mkdir(exist_ok=True)
    shutil.copy(SANS, fonts)
    return ["-m", "crnn_lessons", "train", "--no-system-fonts", "--fonts", fonts, "--model", "tiny", "--size", "64",
            "--steps", "8", "--batch", "15", "--workers", "1", "--save-every", "2", "--views", "1", "--precision",
            "float32", "--run", folder / name, "--output", folder / f"{name}.safetensors", *more]  # fmt: skip


def torchrun(command):
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "--", *command[1:]]
    return subprocess.run(list(map(str, start)), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)


def weights(path):
    with safe_open(path, "pt") as file:
        return {k: file.get_tensor(k) for k in file.keys()}, json.loads(file.metadata()["notes"])  # noqa: SIM118


def test_the_command_survives_the_death_of_a_process(tmp_path):
    whole = started(2, *command(tmp_path, "whole"))
    assert [(process.communicate(timeout=300), process.returncode)[1] for process in whole] == [0, 0]
    dying = started(2, *command(tmp_path, "cut"))
    checkpoint = tmp_path / "cut" / "checkpoint.safetensors"
    while not checkpoint.exists() and dying[0].poll() is None:
        time.sleep(0.01)
    dying[1].kill()
    killed, said = time.monotonic(), []
    for line in dying[0].stderr:
        said.append((line, time.monotonic() - killed))
    assert dying[0].wait(timeout=60) == 2
    sentences = [(line, seconds) for line, seconds in said if line.startswith("train: ")]
    assert [line for line, _ in sentences] == [
        "train: another process of this training ended, or can no longer be reached; begin again with --resume, from "
        "what was saved last\n"
    ]
    assert sentences[0][1] < 10
    assert not any("Traceback" in line for line, _ in said) and not (tmp_path / "cut.safetensors").exists()
    resumed = torchrun(command(tmp_path, "cut", "--resume"))
    assert resumed.returncode == 0, resumed.stderr
    for said in ("looking for fonts", "accuracy", "wrote"):  # by one of the two
        assert (resumed.stderr + resumed.stdout).count(said) == 1
    (there, notes), (again, _) = weights(tmp_path / "whole.safetensors"), weights(tmp_path / "cut.safetensors")
    assert farthest(there, again) == 0.0 and notes["processes"] == 2


def test_a_refusal_is_said_once(tmp_path):
    processes = started(2, *command(tmp_path, "small", "--batch", "1"))
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [2, 2]
    assert "".join(said) == "train: --batch 1 is too small: each of the 2 processes needs a word of it\n"


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"RANK": "0"}, "WORLD_SIZE, MASTER_ADDR or MASTER_PORT does not fit; start with torchrun"),
        ({"RANK": "2", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "9"}, "does not fit"),
        ({"RANK": "one", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "9"}, "does not fit"),
        ({"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "9"},
         "process 1 of 2 waited 1 seconds at 127.0.0.1:9, and the others did not come"),
    ],
)  # fmt: skip
def test_a_group_that_does_not_come_together(tmp_path, monkeypatch, capfd, there, said):
    monkeypatch.setattr(distributed, "MEETING", timedelta(seconds=1))
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in there.items():
        monkeypatch.setenv(name, value)
    assert main(list(map(str, command(tmp_path, "alone")[2:]))) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("train: ")]
    assert len(lines) == 1 and said in lines[0]


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        from crnn_lessons.data.workers import processes
        from crnn_lessons.reader.commands import main
        main(["train", "--batch", "0"])
        with processes(2, int) as workers:
            print(list(workers.map(abs, [-1, -2])))
    """)
    )
    done = subprocess.run([sys.executable, script], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.stderr.count("train: --batch must be at least 1") == 1  # no worker came as far as that
    assert done.stderr.splitlines()[-1] == (
        "ChildProcessError: each process that this script starts begins the script anew; put what it does under "
        'if __name__ == "__main__":'
    )
    assert done.stdout == "" and done.stderr.count("Traceback") == 1


if __name__ == "__main__":
    torch.set_num_threads(1)
    with distributed.group():
        everything(sys.argv[1])
    sys.exit()
