"""Each loss against its definition: enumeration of all alignments, or its closed form; gradients in float64."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from crnn_lessons.ctc import alignments, collapse, count_alignments, ctc_loss
from crnn_lessons.losses import (
    CCTCLoss,
    CentreLoss,
    a_ctc_loss,
    ace_loss,
    en_ctc_loss,
    focal_ctc_loss,
    path_entropy,
)
from crnn_lessons.losses.entropy import scan

# T, target; four classes. A repeat, an empty target, one alignment only, as long as can be.
SAMPLES = [(5, [1, 2]), (4, [2, 2]), (6, [3]), (3, []), (3, [1, 1]), (2, [1, 3]), (6, [1, 2, 2])]
C = 4


def batch(samples=SAMPLES, seed=0, classes=C, sharp=1.5):
    """Log-probabilities T N C (garbage in the padding), padded targets, lengths."""
    rng = torch.Generator().manual_seed(seed)
    T = max(t for t, _ in samples)
    logits = sharp * torch.randn(T, len(samples), classes, generator=rng, dtype=torch.float64)
    targets = torch.full((len(samples), max(1, *(len(y) for _, y in samples))), 99)
    for n, (_, target) in enumerate(samples):
        targets[n, : len(target)] = torch.tensor(target, dtype=torch.int64)
    return logits.log_softmax(-1), targets, [t for t, _ in samples], [len(y) for _, y in samples]


def listed(log_probs, n, t, target):
    """The log-probability of every alignment of a sample, one by one."""
    matrix = log_probs[:t, n].detach().numpy()
    return np.array([sum(matrix[i, k] for i, k in enumerate(path)) for path in alignments(t, target)])


def entropy_by_listing(log_probs, n, t, target):
    logs = listed(log_probs, n, t, target)
    q = np.exp(logs - np.logaddexp.reduce(logs))
    return float(-(q * np.log(q)).sum())


LOSSES = {
    "focal": focal_ctc_loss,
    "ace": ace_loss,
    "a_ctc": a_ctc_loss,
    "entropy": lambda *a, reduction="none", zero_infinity=False: path_entropy(*a),
    "en_ctc": en_ctc_loss,
}


# by enumeration and closed form


def test_the_listing_lists_all_paths():
    every = [path for path in np.ndindex(*(C,) * 4) if collapse(path) == (2, 2)]
    assert sorted(every) == sorted(alignments(4, [2, 2])) and len(every) == count_alignments(4, [2, 2])


def test_path_entropy_is_that_of_all_alignments_listed():
    arguments = batch()
    got = path_entropy(*arguments)
    for n, (t, target) in enumerate(SAMPLES):
        assert got[n].item() == pytest.approx(entropy_by_listing(arguments[0], n, t, target), abs=1e-12)
    assert got[4].item() == pytest.approx(0, abs=1e-15)  # one alignment: nothing to choose


def test_path_entropy_of_uniform_frames_is_the_log_of_the_count():
    t, target = 26, [1, 2, 3, 4, 5, 6, 7, 8]
    uniform = torch.full((t, 1, 9), -math.log(9), dtype=torch.float64)
    got = path_entropy(uniform, torch.tensor([target]), [t], [8]).item()
    assert got == pytest.approx(math.log(count_alignments(t, target)), rel=1e-13)


def test_path_entropy_does_not_depend_on_the_scale_of_a_frame():
    lp, *rest = batch()
    shifts = torch.linspace(-300, 20, len(lp), dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(path_entropy(lp + shifts, *rest), path_entropy(lp, *rest), rtol=1e-10, atol=1e-12)


def test_the_recursion_carries_the_published_sum():
    """sum(p ln p) over path beginnings is alpha (ln alpha - h), at every row and step."""
    rng = torch.Generator().manual_seed(1)
    lp = torch.randn(5, 1, 3, generator=rng, dtype=torch.float64).log_softmax(-1)
    rows = torch.tensor([[0, 1, 0, 2, 0]])
    alpha, h = scan(lp.gather(2, rows.expand(5, 1, 5)), rows, blank=0)
    beginnings = {(s,): lp[0, 0, rows[0, s]].item() for s in (0, 1)}
    for t in range(5):
        for s in range(5):
            p = np.exp([v for path, v in beginnings.items() if path[-1] == s])
            assert p.sum() == pytest.approx(alpha[t, 0, s].exp().item(), abs=1e-15)
            if len(p):
                carried = (alpha[t, 0, s].exp() * (alpha[t, 0, s] - h[t, 0, s])).item()
                assert (p * np.log(p)).sum() == pytest.approx(carried, abs=1e-13)
        if t < 4:
            beginnings = {
                (*path, s): v + lp[t + 1, 0, rows[0, s]].item()
                for path, v in beginnings.items()
                for s in range(path[-1], min(5, path[-1] + 3))
                if s - path[-1] < 2 or rows[0, s] != 0
            }


def test_en_ctc_is_ctc_less_beta_entropies():
    arguments = batch()
    got = en_ctc_loss(*arguments, beta=0.3, reduction="none")
    for n, (t, target) in enumerate(SAMPLES):
        ctc = -np.logaddexp.reduce(listed(arguments[0], n, t, target))
        expected = ctc - 0.3 * entropy_by_listing(arguments[0], n, t, target)
        assert got[n].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("alpha", "gamma"), [(1.0, 2.0), (0.25, 0.5), (3.0, 0.0)])
def test_focal_is_its_formula_over_all_alignments_listed(alpha, gamma):
    arguments = batch()
    got = focal_ctc_loss(*arguments, alpha=alpha, gamma=gamma, reduction="none")
    for n, (t, target) in enumerate(SAMPLES):
        p = np.exp(listed(arguments[0], n, t, target)).sum()
        assert got[n].item() == pytest.approx(alpha * (1 - p) ** gamma * -np.log(p), rel=1e-11)


def test_ace_is_its_formula_with_counts_by_hand():
    rows = [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.7, 0.2, 0.1]]
    probs = torch.tensor(rows, dtype=torch.float64).unsqueeze(1)
    y = [1.5 / 4, 1.3 / 4, 1.2 / 4]
    got = ace_loss(probs.log(), torch.tensor([[1, 2, 1]]), [4], [3])  # one blank, two 1, one 2
    assert got.item() == pytest.approx(-(math.log(y[0]) + 2 * math.log(y[1]) + math.log(y[2])) / 4, rel=1e-12)
    assert ace_loss(probs.log(), torch.tensor([[1, 1, 2]]), [4], [3]).item() == pytest.approx(got.item())
    two = ace_loss(probs.log(), torch.tensor([[2]]), [2], [1])  # the first two frames alone
    assert two.item() == pytest.approx(-(math.log(0.6 / 2) + math.log(0.5 / 2)) / 2, rel=1e-12)


def test_ace_is_least_where_the_means_are_the_counts():
    q = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
    best = ace_loss(q.log().expand(4, 1, 3), torch.tensor([[1, 2]]), [4], [2]).item()
    assert best == pytest.approx(-(q * q.log()).sum().item())
    other = torch.tensor([0.4, 0.3, 0.3], dtype=torch.float64).log().expand(4, 1, 3)
    assert ace_loss(other, torch.tensor([[1, 2]]), [4], [2]).item() > best


def test_a_ctc_is_the_sum_of_its_parts():
    arguments = batch()
    parts = ctc_loss(*arguments, reduction="none") + 0.1 * ace_loss(*arguments, reduction="none")
    torch.testing.assert_close(a_ctc_loss(*arguments, reduction="none"), parts)
    mean = ctc_loss(*arguments) + 0.1 * ace_loss(*arguments)
    torch.testing.assert_close(a_ctc_loss(*arguments), mean)


def test_centre_loss_and_the_move_of_its_centres_by_hand():
    loss = CentreLoss(num_classes=3, num_features=2, rate=0.5)
    loss.centres[:] = torch.tensor([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]])
    features = torch.tensor([[1.0, 2.0], [3.0, 1.0], [0.0, 2.0]]).unsqueeze(1)  # T N D
    log_probs = torch.tensor([[0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.9, 0.1, 0.0]]).log().unsqueeze(1)
    inside = torch.ones(3, 1, dtype=torch.bool)
    # to the centre of 1: (0, 1) and (2, 0); to the blank's: (0, 2). Half of 1 + 4 + 4, over three frames
    assert loss(features, log_probs, inside).item() == pytest.approx(9 / 6)
    # 1 moves by 0.5 * ((0, 1) + (2, 0)) / 3, the blank by 0.5 * (0, 2) / 2, 2 was not found
    expected = torch.tensor([[0.0, 0.5], [1 + 1 / 3, 1 + 1 / 6], [5.0, 5.0]])
    torch.testing.assert_close(loss.centres, expected)
    before = loss.eval().centres.clone()
    loss(features, log_probs, inside)
    assert torch.equal(loss.centres, before)  # centres rest outside training


def test_centre_loss_may_leave_the_blank_out():
    loss = CentreLoss(2, 1, rate=0, skip_blank=True)
    features = torch.tensor([[2.0, 3.0], [7.0, 5.0]]).unsqueeze(-1)  # T = 2, N = 2
    log_probs = torch.tensor([[[0.1, 0.9], [0.9, 0.1]], [[0.9, 0.1], [0.9, 0.1]]]).log()
    assert loss(features, log_probs, torch.ones(2, 2, dtype=torch.bool)).tolist() == [2.0, 0.0]


def test_c_ctc_is_the_sum_of_its_parts():
    lp, targets, frames, labels = batch()
    features = torch.randn(len(lp), lp.shape[1], 5, dtype=torch.float64)
    inside = torch.arange(len(lp))[:, None] < torch.tensor(frames)
    loss = CCTCLoss(C, 5, weight=0.7).eval()
    centre = loss.centre(features, lp, inside)
    parts = ctc_loss(lp, targets, frames, labels, reduction="none") / torch.tensor(labels).clamp_min(1) + 0.7 * centre
    torch.testing.assert_close(loss(features, lp, targets, frames, labels), parts.mean())


def test_centres_come_to_the_mean_of_their_features():
    torch.manual_seed(0)
    loss = CentreLoss(2, 3)
    features = torch.randn(400, 1, 3) + torch.tensor([1.0, -2.0, 4.0])
    log_probs = torch.tensor([0.2, 0.8]).log().expand(400, 1, 2)
    for _ in range(20):
        loss(features, log_probs, torch.ones(400, 1, dtype=torch.bool))
    torch.testing.assert_close(loss.centres[1], features.mean((0, 1)), rtol=1e-3, atol=1e-3)


# gradients


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_with_respect_to_log_probs(name):
    lp, *rest = batch()
    assert gradcheck(lambda x: LOSSES[name](x, *rest, reduction="none"), lp.requires_grad_(), atol=1e-7)


def test_gradient_of_focal_for_gamma_below_one_and_through_the_mean():
    lp, *rest = batch()
    assert gradcheck(lambda x: focal_ctc_loss(x.log_softmax(-1), *rest, gamma=0.5), lp.requires_grad_(), atol=1e-7)


def test_gradient_of_c_ctc_with_respect_to_features_and_log_probs():
    lp, *rest = batch()
    features = torch.randn(len(lp), lp.shape[1], 2, dtype=torch.float64, requires_grad=True)
    loss = CCTCLoss(C, 2, weight=0.7).double().eval()
    loss.centre.centres.normal_()
    assert gradcheck(lambda f, x: loss(f, x, *rest), (features, lp.requires_grad_()), atol=1e-7)


def test_the_gradient_of_the_entropy_sums_to_nothing_at_every_frame():
    lp, *rest = batch()
    path_entropy(lp.requires_grad_(), *rest).sum().backward()
    assert lp.grad.sum(-1).abs().max() < 1e-13 and lp.grad.abs().max() > 0.01


# batches


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_is_its_samples_one_by_one_in_any_order(name):
    lp, targets, frames, labels = batch()
    whole = LOSSES[name](lp, targets, frames, labels, reduction="none")
    for n in (6, 0, 3, 2):
        one = lp[: frames[n], n], targets[n, : labels[n]], frames[n], labels[n]
        torch.testing.assert_close(LOSSES[name](*one, reduction="none"), whole[n], rtol=1e-12, atol=1e-14)
    order = [5, 3, 0, 6, 1, 4, 2]
    mixed = LOSSES[name](
        lp[:, order], targets[order], [frames[n] for n in order], [labels[n] for n in order], reduction="none"
    )
    torch.testing.assert_close(mixed, whole[order], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("junk", [torch.nan, torch.inf, -torch.inf])
def test_padding_reaches_nothing(name, junk):
    lp, targets, frames, labels = batch()
    clean = lp.clone().requires_grad_()
    LOSSES[name](clean, targets, frames, labels, reduction="none").sum().backward()
    dirty = lp.clone()
    for n, t in enumerate(frames):
        dirty[t:, n] = junk
    dirty.requires_grad_()
    got = LOSSES[name](dirty, targets, frames, labels, reduction="none")
    got.sum().backward()
    torch.testing.assert_close(got, LOSSES[name](lp, targets, frames, labels, reduction="none"))
    torch.testing.assert_close(dirty.grad, clean.grad)
    assert all(not dirty.grad[t:, n].any() for n, t in enumerate(frames))


def test_a_sample_that_is_read_perfectly_has_a_finite_gradient():
    lp = torch.full((3, 1, 3), -1e9, dtype=torch.float64)
    lp[torch.arange(3), 0, torch.tensor([1, 0, 2])] = 0
    arguments = lp.requires_grad_(), torch.tensor([[1, 2]]), [3], [2]
    for gamma in (0.5, 1, 2):
        loss = focal_ctc_loss(*arguments, gamma=gamma)
        (gradient,) = torch.autograd.grad(loss, lp)
        assert loss.abs() < 1e-12 and torch.isfinite(gradient).all()


def test_centres_move_by_the_frames_of_the_sample_alone():
    torch.manual_seed(0)
    features, lp = torch.randn(3, 1, 2), torch.randn(3, 1, C)
    moved = []
    for padding in (0, 5):
        loss = CentreLoss(C, 2)
        loss.centres[:] = 1
        more = torch.cat([features, torch.randn(padding, 1, 2)]), torch.cat([lp, torch.randn(padding, 1, C)])
        loss(*more, (torch.arange(3 + padding) < 3)[:, None])
        moved.append(loss.centres)
    assert torch.equal(*moved) and not torch.equal(moved[0], torch.ones(C, 2))


def test_padding_reaches_no_centre():
    lp, targets, frames, labels = batch()
    features = torch.randn(len(lp), lp.shape[1], 2)
    losses = []
    for junk in (0.0, torch.nan):
        for n, t in enumerate(frames):
            features[t:, n] = junk
            lp[t:, n] = junk
        loss = CCTCLoss(C, 2)
        losses.append((loss(features, lp.float(), targets, frames, labels), loss.centre.centres))
    torch.testing.assert_close(losses[0], losses[1])


@pytest.mark.parametrize("name", ["focal", "a_ctc", "en_ctc"])
def test_the_mean_divides_by_the_labels_as_ctc_does(name):
    arguments = batch([(5, [1, 2, 3, 1])])
    one = LOSSES[name](*arguments, reduction="none")
    extra = 0.1 * ace_loss(*arguments) if name == "a_ctc" else 0
    torch.testing.assert_close(LOSSES[name](*arguments, reduction="mean"), (one[0] - extra) / 4 + extra)
    torch.testing.assert_close(LOSSES[name](*arguments, reduction="sum"), one.sum())


def test_without_their_terms_all_are_ctc():
    arguments = batch()
    plain = ctc_loss(*arguments)
    features = torch.randn(*arguments[0].shape[:2], 3, dtype=torch.float64)
    torch.testing.assert_close(focal_ctc_loss(*arguments, gamma=0), plain)
    torch.testing.assert_close(a_ctc_loss(*arguments, weight=0), plain)
    torch.testing.assert_close(en_ctc_loss(*arguments, beta=0), plain)
    torch.testing.assert_close(CCTCLoss(C, 3, weight=0)(features, *arguments), plain)


# what cannot be spelt


HOPELESS = [(2, [1, 1]), (4, [1, 2]), (1, [1, 2]), (0, [1]), (0, [])]


@pytest.mark.parametrize("name", ["focal", "a_ctc", "en_ctc", "ace"])
def test_a_target_that_cannot_be_spelt_costs_infinity_or_nothing(name):
    lp, *rest = batch(HOPELESS)
    lp.requires_grad_()
    losses = LOSSES[name](lp, *rest, reduction="none")
    fits = [name == "ace", True, False, False, True]  # ACE only counts: [1, 1] fits into two frames
    assert torch.isfinite(losses).tolist() == fits and not losses.isnan().any()
    with torch.autograd.set_detect_anomaly(True):  # no NaN on the way either, where a zero behind it would hide it
        LOSSES[name](lp, *rest, reduction="none").sum().backward()
    assert torch.isfinite(lp.grad).all()
    assert [bool(g.any()) for g in lp.grad.unbind(1)] == [name == "ace", True, False, False, False]
    zeroed = LOSSES[name](lp, *rest, reduction="none", zero_infinity=True)
    torch.testing.assert_close(zeroed, losses.where(torch.tensor(fits), 0.0))


def test_what_cannot_be_spelt_has_no_entropy():
    lp, *rest = batch(HOPELESS)
    lp.requires_grad_()
    entropies = path_entropy(lp, *rest)
    assert (entropies > 0).tolist() == [False, True, False, False, False]
    entropies.sum().backward()
    assert torch.isfinite(lp.grad).all() and not lp.grad[:, [0, 2, 3, 4]].any()


def test_c_ctc_counts_a_hopeless_sample_as_nothing_if_asked():
    lp, *rest = batch(HOPELESS)
    lp.requires_grad_()
    features = torch.randn(4, 5, 2, dtype=torch.float64, requires_grad=True)
    assert CCTCLoss(C, 2).eval()(features, lp, *rest) == torch.inf
    loss = CCTCLoss(C, 2, reduction="none", zero_infinity=True).eval()(features, lp, *rest)
    loss.sum().backward()
    assert loss[[0, 2, 3, 4]].tolist() == [0] * 4 and loss[1] > 0
    assert not features.grad[:, [0, 2, 3, 4]].any() and torch.isfinite(lp.grad).all()
    features.grad = None
    CCTCLoss(C, 2).eval()(features, lp, *rest).backward()
    assert torch.isfinite(features.grad).all() and not features.grad[:, [0, 2, 3]].any()


@pytest.mark.parametrize("name", LOSSES)
def test_a_class_of_probability_zero_spoils_no_gradient(name):
    """Zero where it is not needed changes nothing; zero at some frames of a label leaves the other frames."""
    lp, targets, frames, labels = batch([(5, [1, 2]), (5, [1, 2])])
    lp[:, 0, 3] = -torch.inf
    lp[2, 1, 1] = -torch.inf
    lp[0, 1, 0] = -torch.inf
    lp.requires_grad_()
    losses = LOSSES[name](lp, targets, frames, labels, reduction="none")
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(lp.grad).all()
    if name in ("entropy", "en_ctc"):
        logs = listed(lp, 1, 5, [1, 2])
        logs = logs[logs > -np.inf]
        q = np.exp(logs - np.logaddexp.reduce(logs))
        assert path_entropy(lp, targets, frames, labels)[1].item() == pytest.approx(-(q * np.log(q)).sum(), abs=1e-12)


def test_a_nan_reaches_its_own_sample_alone():
    lp, *rest = batch([(5, [1, 2]), (5, [1, 2])])
    lp[1, 0, 1] = torch.nan
    for name, loss in LOSSES.items():
        losses = loss(lp, *rest, reduction="none")
        assert losses.isnan().tolist() == [True, False], name


# sizes and refusals


def test_long_and_peaky_sequences_keep_their_digits():
    """A thousand frames, p(Y | X) of e^-4000: float32 in, against float64 with every path's scale taken out."""
    rng = torch.Generator().manual_seed(3)
    lp = (8 * torch.randn(1000, 2, 30, generator=rng, dtype=torch.float64)).log_softmax(-1)
    targets = torch.randint(1, 30, (2, 120), generator=rng)
    H = path_entropy(lp, targets, [1000, 700], [120, 90])
    assert torch.isfinite(H).all() and (H > 1).all()
    shifted = path_entropy(lp + 3.7, targets, [1000, 700], [120, 90])
    torch.testing.assert_close(shifted, H, rtol=1e-9, atol=0)
    torch.testing.assert_close(path_entropy(lp.float(), targets, [1000, 700], [120, 90]).double(), H, rtol=1e-4, atol=0)
    peak = torch.full((50, 1, 3), -40.0, dtype=torch.float64)
    peak[torch.arange(50), 0, torch.tensor([1] * 25 + [0] * 25)] = 0
    tiny = path_entropy(peak, torch.tensor([[1]]), [50], [1]).item()
    assert 0 < tiny < 1e-14


def test_a_training_step_in_float32_and_bfloat16():
    lp, *rest = batch()
    for dtype in (torch.float32, torch.bfloat16):
        x = lp.to(dtype).requires_grad_()
        for loss in (focal_ctc_loss, a_ctc_loss, en_ctc_loss):
            (got := loss(x, *rest)).backward()
            assert got.dtype == torch.float32 and x.grad.dtype == dtype
            torch.testing.assert_close(got.double(), loss(lp, *rest), rtol=0.05, atol=0.05)


def test_refusals_say_what_is_wrong():
    arguments = batch()
    with pytest.raises(ValueError, match="gamma is 0 or more, and is -1"):
        focal_ctc_loss(*arguments, gamma=-1)
    for loss in (focal_ctc_loss, ace_loss, a_ctc_loss, en_ctc_loss):
        with pytest.raises(ValueError, match="reduction must be one of none, sum, mean, and is 'max'"):
            loss(*arguments, reduction="max")
        with pytest.raises(ValueError, match="target 0 has 9 at place 0"):
            loss(arguments[0][:, :1], torch.tensor([[9]]), [5], [1])
    with pytest.raises(ValueError, match="rate is a share from 0 to 1, and is 2"):
        CentreLoss(3, 2, rate=2)
    with pytest.raises(ValueError, match="features must be 6 x 7 x 5"):
        CCTCLoss(C, 5)(torch.zeros(6, 7, 4), *arguments)
