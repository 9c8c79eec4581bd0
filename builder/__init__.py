"""Build a dataset: a datatrove pipeline of small blocks. Run from a checkout: ``python -m builder``."""
