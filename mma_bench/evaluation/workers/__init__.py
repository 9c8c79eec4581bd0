"""Several processes of one machine that ask for one run."""
