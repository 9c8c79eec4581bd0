"""Trials that the project must survive: hostile media, kills, broken disks and fuzzed texts.

`test_faults.py` and `test_fuzz.py` are the short forms, which run with all tests. The long form, whose table is in
docs/reliability.md, is `python -m tests.faults --out FOLDER`.
"""
