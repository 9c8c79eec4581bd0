"""The `release` stage: leave out what may not be published."""
