"""The one exception that a user is meant to read."""


class MMABenchError(Exception):
    """Something outside the program is wrong: an input, a setting, a missing package, a full disk.

    The message says what is wrong, where (file, row, clip id) and what to do. Command lines print it
    as one line on standard error and exit with code 2.
    """
