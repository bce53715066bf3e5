"""Where a word stands in its picture: bent along an arc, seen from the side, turned, and cropped by its upright box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from crnn_lessons.text.effects import Effects

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a crop."""


@dataclass(frozen=True)
class View:
    """How a flat word comes before the camera. Angles are in degrees.

    Attributes:
        bend: the angle that the word spans on a circle; above 0 its middle is the highest part, below 0 the lowest.
        yaw, pitch: how far the sign turns away, about an upright and a level axis.
        roll: turn within the picture, clockwise.
        slant: how far the top of the letters leans to the right, as a share of their height.
        stretch: width as a multiple of the natural width.
        distance: of the camera, in widths of the word; the nearer, the stronger the perspective.
    """

    bend: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    slant: float = 0.0
    stretch: float = 1.0
    distance: float = 4.0


def random_view(rng: Generator, effects: Effects, aspect: float) -> View:
    """Draw a view of a word that is ``aspect`` times as wide as high."""
    bend = yaw = pitch = roll = slant = 0.0
    if rng.random() < effects.bent and aspect > 1.2:
        # subtle: short words span little of a circle, or their letters would melt at its centre
        most = min(190.0, 60.0 * aspect)
        bend = float(rng.choice([-0.8, 1.0], p=[0.35, 0.65]) * rng.uniform(0.12, 1.0) * most)
    if rng.random() < effects.aside:
        yaw, pitch = rng.uniform(-65, 65), rng.normal(0, 16)
    if rng.random() < effects.tilted:
        roll = rng.normal(0, 3.0)
    if rng.random() < effects.turned:
        roll = float(rng.choice([-1, 1]) * (8 + 67 * rng.beta(1.0, 1.6)))
    if rng.random() < effects.slanted:
        slant = float(np.clip(rng.normal(0, 0.22), -0.6, 0.6))
    stretch = float(np.exp(rng.normal(0, 0.18))) if rng.random() < effects.stretched else 1.0
    pitch = float(np.clip(pitch, -35, 35))
    return View(bend, float(yaw), pitch, float(roll), slant, stretch, float(rng.uniform(1.25, 4)))


class Placement:
    """Takes points of a flat word, measured from its centre in pixels, into the plane of the picture and back.

    Args:
        view: how the word stands.
        height, width: of the ink, in pixels.
    """

    def __init__(self, view: View, height: float, width: float):
        self.radius = width * view.stretch / np.deg2rad(view.bend) if view.bend else 0.0
        self.lean = np.array([[view.stretch, -view.slant], [0, 1]])
        yaw, pitch, roll = np.deg2rad([view.yaw, view.pitch, view.roll])
        about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
        about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        turn = about_z @ about_x @ about_y
        away = turn[2, :2] / (view.distance * max(width * view.stretch, 2 * height))
        # a point (x, y, 0) of the sign is seen at (X, Y) / (1 + Z / distance)
        self.project = np.array([[*turn[0, :2], 0], [*turn[1, :2], 0], [*away, 1.0]])
        self._back = np.linalg.inv(self.project).astype(np.float32)

    def forward(self, points: np.ndarray) -> np.ndarray:
        """``N 2`` points (x, y) of the word as they are seen, ``N 2``."""
        x, y = self.lean @ np.asarray(points, float).T
        if self.radius:  # the circle's centre lies below the word: at (0, radius)
            angle, reach = x / self.radius, self.radius - y
            x, y = reach * np.sin(angle), self.radius - reach * np.cos(angle)
        seen = self.project @ np.stack([x, y, np.ones_like(x)])
        return (seen[:2] / seen[2]).T

    def backward(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which point of the word is seen at each (x, y); arrays of one shape, float32."""
        b = self._back
        depth = b[2, 0] * x + b[2, 1] * y + b[2, 2]
        x, y = (b[0, 0] * x + b[0, 1] * y) / depth, (b[1, 0] * x + b[1, 1] * y) / depth
        if self.radius:
            radius = np.float32(self.radius)
            sign, rise = np.sign(radius), radius - y
            x, y = radius * np.arctan2(sign * x, sign * rise), radius - sign * np.hypot(x, rise)
        stretch, lean = self.lean[0].astype(np.float32)
        return (x - lean * y) / stretch, y

    def box(self, mask: np.ndarray) -> Box:
        """The upright box around the ink ``H W`` as it is seen."""
        ink = mask > mask.max() // 2  # hairlines are grey all over
        columns = np.flatnonzero(ink.any(axis=0))
        top = ink.argmax(axis=0)[columns]
        bottom = mask.shape[0] - 1 - ink[::-1].argmax(axis=0)[columns]
        x = np.concatenate([columns, columns]) + 0.5 - mask.shape[1] / 2
        y = np.concatenate([top, bottom + 1]) - mask.shape[0] / 2
        seen = self.forward(np.stack([x, y], axis=1))
        return (*seen.min(axis=0).tolist(), *seen.max(axis=0).tolist())

    def maps(self, box: Box, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel of a crop ``height x width``, the point of the word that it shows: two arrays, float32."""
        left, top, right, bottom = map(float, box)
        x = left + (np.arange(width, dtype=np.float32) + 0.5) * np.float32((right - left) / width)
        y = top + (np.arange(height, dtype=np.float32) + 0.5) * np.float32((bottom - top) / height)
        return self.backward(*np.meshgrid(x, y))


def random_margins(rng: Generator, effects: Effects) -> np.ndarray:
    """How far a crop reaches beyond the ink to the left, top, right and bottom, in heights of the letters."""
    margins = np.maximum(rng.normal([0.13, 0.1, 0.13, 0.1], [0.11, 0.09, 0.11, 0.09]), 0.0)
    if rng.random() < effects.roomy:
        margins += rng.uniform(0, 0.6, size=4) * rng.random()
    if rng.random() < effects.cut:
        side = rng.integers(4)
        margins[side] = -rng.uniform(0.02, 0.14)
    return margins
