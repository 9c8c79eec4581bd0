"""The `package` stage: deterministic tars with an index, a card, and the provenance of everything."""
