"""Git commits and the data they need in one file. Format: docs/formats/bundle.md."""
