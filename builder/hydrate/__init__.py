"""Make a full dataset of a dataset of ids, on the machine of its user."""
