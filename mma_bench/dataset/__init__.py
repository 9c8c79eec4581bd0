"""The files of a dataset as others may have made them: read without trusting them."""
