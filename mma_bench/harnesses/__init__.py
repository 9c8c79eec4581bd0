"""The benchmark as tasks of other evaluation harnesses; see docs/harnesses.md. Nothing here runs without them."""
