r"""The language term: on plain text, the tuned model predicts what the base predicts.

With a text of tokens x_1 ... x_n, pi the tuned model and pi_ref the base (the same weights without the updates):

    L_language = 1/(n - 1) sum_t KL(pi_ref(. | x_1 ... x_t) || pi(. | x_1 ... x_t))

Questions about clips say nothing about ordinary text, so tuning on them alone can change how a model reads and writes.
This term needs no answers, only text. It is knowledge distillation (arXiv 1503.02531, temperature 1) from the model's
earlier self, as in learning without forgetting (arXiv 1606.09282), which distils on the inputs of the new task instead.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def language(predicted: "torch.Tensor", reference: "torch.Tensor") -> "torch.Tensor":
    """Return the divergence at each position, shape [positions], in nats.

    Args:
        predicted: logits of the tuned model, shape [positions, vocabulary].
        reference: those of the base.
    """
    import torch

    log_p, log_q = (torch.log_softmax(logits.float(), dim=-1) for logits in (reference, predicted))
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1)
