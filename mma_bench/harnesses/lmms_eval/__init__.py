"""A task folder for lmms-eval: `--include_path` to this folder, `--tasks mma_bench`. See docs/harnesses.md."""
