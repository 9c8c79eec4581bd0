"""Entry point of `python -m mma_bench`, the same as `mma-bench`."""

from mma_bench.cli import main

if __name__ == "__main__":
    main(prog_name="mma-bench")
