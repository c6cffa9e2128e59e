"""Fits the weights by stochastic gradient descent and writes the training curve."""
from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path

from settings import load_section
from softmax import CLASSES, Images, accuracy, load, measure, probabilities

COLUMNS = ("epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy")
NEGLIGIBLE = 5e-3  # of a digit's error: a step that would move nothing is left out


def step(batch: Images, weights: list[list[float]], rate: float, l2: float) -> None:
    """Move the weights down the gradient of a batch."""
    gradient = [[l2 * len(batch) * value for value in row] for row in weights]
    for features, digit in batch:
        for at, found in enumerate(probabilities(features, weights)):
            error = found - (at == digit)
            if not abs(error) < NEGLIGIBLE:
                gradient[at] = [sum_ + error * value for sum_, value in zip(gradient[at], features)]
    size = rate / len(batch)
    weights[:] = [[value - size * slope for value, slope in zip(row, slopes)] for row, slopes in zip(weights, gradient)]


def main() -> None:
    params = load_section("train")
    images, test = load("train"), load("test")
    weights = [[0.0] * len(images[0][0]) for _ in range(CLASSES)]
    shuffle = random.Random(params["seed"]).shuffle
    rows = ["\t".join(COLUMNS)]
    curve = Path("reports/training.tsv")
    for folder in ("model", "reports"):
        Path(folder).mkdir(exist_ok=True)
    for epoch in range(1, params["epochs"] + 1):
        shuffle(images)
        for start in range(0, len(images), params["batch_size"]):
            step(images[start : start + params["batch_size"]], weights, params["learning_rate"], params["l2"])
        (loss, guesses), (test_loss, test_guesses) = measure(images, weights), measure(test, weights)
        if not math.isfinite(loss):
            sys.exit(f"the loss is {loss} in epoch {epoch}: try a smaller train.learning_rate than {params['learning_rate']}")
        values = (loss, test_loss, accuracy(images, guesses), accuracy(test, test_guesses))
        rows.append("\t".join([str(epoch), *(f"{value:.4f}" for value in values)]))
        curve.write_text("\n".join(rows) + "\n", encoding="utf-8")  # each epoch, so that it can be watched
    Path("model/weights.json").write_text(json.dumps([[round(value, 6) for value in row] for row in weights]) + "\n", encoding="utf-8")
    print(f"{params['epochs']} epochs, loss {loss:.3f} on the training part")


if __name__ == "__main__":
    main()
