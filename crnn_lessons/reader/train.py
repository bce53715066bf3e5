"""The command ``train``: find fonts, render words, train a reader, write its weights."""

from __future__ import annotations

import argparse
import platform
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from tqdm.auto import tqdm

from crnn_lessons.alphabet import Alphabet
from crnn_lessons.data.pools import Pool, PoolSpec
from crnn_lessons.data.stream import Stream
from crnn_lessons.models import PRESETS, Recogniser, build, load
from crnn_lessons.models.grow import grow
from crnn_lessons.reader.checks import check
from crnn_lessons.reader.recognition import ctc_loss_of, validation
from crnn_lessons.reader.selection import worth_showing
from crnn_lessons.text.fonts import ALPHANUMERIC, by_family, find_fonts
from crnn_lessons.text.texture import material_files
from crnn_lessons.text.words import load_foreign, load_words
from crnn_lessons.training import Settings, Trainer, distributed

READER_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def train(arguments: argparse.Namespace) -> int:
    """Train as asked. Returns the exit status: 0 done, 130 interrupted (resume goes on), 2 cannot start."""
    distributed.refuse_unguarded()
    try:
        with distributed.group():
            return _train_or_say(arguments)
    except ValueError as error:
        print(f"train: {error}", file=sys.stderr)
        return 2


def _train_or_say(a: argparse.Namespace) -> int:
    """Train, and say what went wrong, if none of the other processes has said so."""
    status = 2
    try:
        return _train(a)
    except (ChildProcessError, FileNotFoundError, ValueError) as error:
        why = str(error)
    except OSError as error:  # a full disk, a folder that may not be written
        what = f" {str(error.filename)!r}" if error.filename else ""
        why = f"cannot write{what} ({error.strerror or error}); what is done is kept"
    except KeyboardInterrupt:
        status, why = 130, "interrupted; what is rendered is kept. Run the same command again"
    if distributed.first_to_say():
        print(f"train: {why}", file=sys.stderr, flush=True)
    return status


def _train(a: argparse.Namespace) -> int:
    device, checkpoint = check(a), a.run / "checkpoint.safetensors"
    if checkpoint.exists() and not a.resume:
        raise ValueError(
            f"{checkpoint} exists from an earlier run; add --resume to go on with it, "
            "delete it to begin again, or choose another --run"
        )
    if a.resume and not checkpoint.exists():
        raise ValueError(f"there is no {checkpoint} to go on with; leave --resume out to begin")
    words = tuple(load_words(a.words)) if a.words else ()
    foreign = tuple(load_foreign(a.foreign)) if a.foreign else ()
    materials = tuple(map(str, material_files(a.materials)))
    alphabet = Alphabet(READER_ALPHABET)
    torch.manual_seed(a.seed)
    model, before = _first_weights(a.model, a.start_from, alphabet)
    first = distributed.rank() == 0

    def tell(what: str) -> None:
        if first:
            print(what, file=sys.stderr, flush=True)

    tell("looking for fonts ...")
    training_fonts, held_out = by_family(find_fonts(ALPHANUMERIC, a.fonts, system=not a.no_system_fonts))
    tell(f"{len(words)} words, {len(training_fonts)} fonts, {len(held_out)} more held out to validate")

    def spec(size: int, seed: int, files: list[Path], **more: object) -> PoolSpec:
        return PoolSpec(size, seed, tuple(map(str, files)), words, materials=materials, **more)

    validate = None
    if first:
        unseen = Pool(spec(min(2000, a.size), a.seed + 1, held_out or training_fonts), a.run, a.workers)
        validate = validation(unseen.pictures, unseen.labels, alphabet)
    model = model.to(device, memory_format=torch.channels_last)
    words_to_come = spec(a.size, a.seed, training_fonts, foreign=foreign, foreign_share=a.foreign_share)
    choose = partial(worth_showing, model, alphabet) if a.skip else None
    stream = Stream(words_to_come, a.run, model.config, alphabet, a.batch, a.views, a.seed, device, choose)
    settings = Settings(a.steps, a.learning_rate, average=a.average, precision=a.precision, seed=a.seed)
    data = f"words of {words_to_come.fingerprint()}, {a.size} at hand for {a.views} views, batches of {a.batch}"
    trainer = Trainer(model, stream, ctc_loss_of, settings, checkpoint, data)
    if a.resume:
        trainer.resume()
    with stream.rendering_ahead() if first and a.workers > 1 else nullcontext():
        done = trainer.run(validate=validate, validate_every=a.validate_every, save_every=a.save_every)
    if not done:
        tell(f"train: stopped after step {trainer.step_number}; go on with --resume")
        return 130
    if not first:
        return 0
    rendered = stream.rendered_by(a.steps)
    with trainer.averaged() as final:
        final.save(
            a.output, alphabet, half=True,
            command="python -m crnn_lessons " + a.shown, seed=a.seed, steps=a.steps, batch=a.batch,
            processes=distributed.world(),
            images_rendered=rendered, images_seen=a.steps * a.batch, fonts=len(training_fonts),
            words=len(set(words)), foreign_words=len(set(foreign)), materials=len(materials),
            seconds_training=round(trainer.seconds),
            precision=str(trainer.dtype), processor=platform.machine(), torch=torch.__version__,
            validation=trainer.history[-1], **before,
            rendered_in_all=rendered + _rendered(before.get("started_from", {})),
        )  # fmt: skip
    tqdm.write(f"wrote {a.output}")
    return 0


def _first_weights(name: str, paths: list[Path], alphabet: Alphabet) -> tuple[Recogniser, dict]:
    """The model that training begins with, and what the notes of its (last) weights say of how it came to them.

    Of several files the mean is taken (Wortsman et al. 2022, "Model soups"), which makes sense where one came from
    another.
    """
    model = build(name, alphabet.num_classes)
    if model.config.in_channels != 1:
        grey = ", ".join(key for key, config in PRESETS.items() if config.in_channels == 1)
        raise ValueError(f"the model {name!r} reads colours, and words are rendered in grey; choose one of {grey}")
    states, before = [], {}
    for path in paths:
        earlier, its_alphabet, notes = load(path)
        try:
            if its_alphabet.characters != alphabet.characters:
                raise ValueError("it has other characters")
            states.append({key: value.clone() for key, value in grow(earlier, model).state_dict().items()})
        except ValueError as error:
            raise ValueError(
                f"{path.name} holds another model than {name!r}: {error}; give weights that `train --model {name}` "
                "wrote, or leave --start-from out"
            ) from None
        before = {"started_from": notes}
    if states:
        model.load_state_dict({key: sum(s[key] for s in states) / len(states) for key in states[0]})
    return model, before


def _rendered(notes: dict) -> int:
    """How many words were rendered for weights, in the training they come from and those before it."""
    return notes.get("rendered_in_all", notes.get("images_rendered", 0))
