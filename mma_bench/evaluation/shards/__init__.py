"""A run in several parts: which stimuli a shard asks, and one run out of all shards."""
