"""Prints docs/differences.md."""
from tests.compat.improvements import as_markdown

if __name__ == "__main__":
    print(as_markdown(), end="")
