"""Names of wrapped models: `MODEL+WRAPPER`, such as `transformers:Qwen/Qwen2.5-Omni-7B+contrast`."""

from mma_bench.models.wrappers.wrapper import WRAPPERS


def split_name(name: str) -> tuple[str, str]:
    """Return a name without its last wrapper, and the wrapper's suffix, or nothing if it has none.

    What follows a `+` is a wrapper only if one has that name: a checkpoint or file may have a `+` in its name.
    """
    inner, plus, suffix = name.rpartition("+")
    return (inner, suffix) if plus and inner and suffix in WRAPPERS else (name, "")
