"""Measures the model on the test part: metrics, confusion matrix, a picture of the mistakes."""
from __future__ import annotations

import json
from pathlib import Path

from picture import draw_mistakes
from softmax import CLASSES, accuracy, load, measure


def main() -> None:
    test = load("test")
    loss, guesses = measure(test, json.loads(Path("model/weights.json").read_text(encoding="utf-8")))
    digits = [digit for _, digit in test]
    pairs = list(zip(digits, guesses))
    reports = Path("reports")
    reports.mkdir(exist_ok=True)
    metrics = {
        "accuracy": round(accuracy(test, guesses), 4),
        "loss": round(loss, 4),
        "mistakes": sum(digit != guess for digit, guess in pairs),
        "lowest_recall": round(min(pairs.count((digit, digit)) / digits.count(digit) for digit in range(CLASSES)), 4),
    }
    (reports / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    (reports / "confusion.csv").write_text("\n".join(["actual,predicted", *(f"{digit},{guess}" for digit, guess in pairs)]) + "\n", encoding="utf-8")
    _, *lines = Path("data/split/test.csv").read_text(encoding="utf-8").splitlines()
    wrong = [(list(map(int, line.split(",")))[:64], digit, guess) for line, (digit, guess) in zip(lines, pairs) if digit != guess]
    (reports / "mistakes.png").write_bytes(draw_mistakes(wrong))
    print(f"accuracy {metrics['accuracy']:.4f}, {metrics['mistakes']} mistakes in {len(test)} images")


if __name__ == "__main__":
    main()
