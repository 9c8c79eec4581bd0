"""Modality interference (arXiv 2505.19616): does an input that should not matter change a model's decision?"""
