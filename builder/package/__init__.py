"""The `package` stage: deterministic tars with an index, a card, and where everything came from."""
