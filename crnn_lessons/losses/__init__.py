"""Losses that change CTC: what counts (focal), what is added (ACE, centres), what is rewarded (entropy).

Each takes the arguments of :func:`crnn_lessons.ctc.ctc_loss` and follows its rules: a target that cannot be spelt costs
+inf with a gradient of 0 (or nothing, with ``zero_infinity``), and what stands in padding reaches nothing.
"""

from crnn_lessons.losses.ace import a_ctc_loss, ace_loss
from crnn_lessons.losses.centre import CCTCLoss, CentreLoss
from crnn_lessons.losses.entropy import en_ctc_loss, path_entropy
from crnn_lessons.losses.focal import focal_ctc_loss

__all__ = ["CCTCLoss", "CentreLoss", "a_ctc_loss", "ace_loss", "en_ctc_loss", "focal_ctc_loss", "path_entropy"]
