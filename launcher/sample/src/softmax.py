"""A linear softmax model in plain Python: a score per digit, probabilities = softmax(scores)."""
from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul
from pathlib import Path

CLASSES = 10
Images = list[tuple[list[float], int]]  # features and digit of each


def load(name: str) -> Images:
    """The part `name`, train or test."""
    rows = (line.rpartition(",") for line in Path(f"data/features/{name}.csv").read_text(encoding="utf-8").splitlines())
    return [(list(map(float, features.split(","))), int(digit)) for features, _, digit in rows]


def probabilities(features: Sequence[float], weights: Sequence[Sequence[float]]) -> list[float]:
    """weights: one list per digit. The sum is 1, unless the weights overflowed: then nothing in it is finite."""
    scores = [sum(map(mul, row, features)) for row in weights]
    if not all(map(math.isfinite, scores)):
        return [math.nan] * len(scores)
    highest = max(scores)  # keeps exp() from overflowing
    exponentials = [math.exp(score - highest) for score in scores]
    total = sum(exponentials)
    return [value / total for value in exponentials]


def measure(images: Images, weights: Sequence[Sequence[float]]) -> tuple[float, list[int]]:
    """Mean cross entropy in nats per image, and what the model takes each image for."""
    loss, guesses = 0.0, []
    for features, digit in images:
        found = probabilities(features, weights)
        loss -= math.log(found[digit] + 1e-12)
        guesses.append(found.index(max(found)))
    return loss / len(images), guesses


def accuracy(images: Images, guesses: Sequence[int]) -> float:
    return sum(guess == digit for guess, (_, digit) in zip(guesses, images)) / len(images)
