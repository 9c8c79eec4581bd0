"""Create a full dataset from an ids-only dataset, on the user's machine."""
