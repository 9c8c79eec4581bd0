"""One step of the recipe: the objective of a batch, and its gradients.

    L = L_sft + w * L_adv + lambda * L_consistency + v * L_dpo + u * L_language

(arXiv 2505.19616; the last two are in `objective/preference.py` and `objective/language.py`). It takes tensors and
needs only torch, transformers and peft.
"""

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mma_bench.tuning.answers import AnswerLogits, answer_logits
from mma_bench.tuning.example import Example
from mma_bench.tuning.fillers import Fillers
from mma_bench.tuning.model import TunedModel
from mma_bench.tuning.objective import (
    conflict_variants,
    cross_entropy,
    divergence,
    irrelevant,
    language,
    log_likelihoods,
    perturbation,
    preference,
    rejected,
    spread,
)
from mma_bench.tuning.objective.registry import own_terms
from mma_bench.tuning.plain_text import as_inputs
from mma_bench.tuning.settings import LanguageSettings, ObjectiveSettings, PreferenceSettings, TuneSettings

if TYPE_CHECKING:
    import torch


def step_losses(
    model: TunedModel, settings: TuneSettings, examples: Sequence[Example], step: int, fillers: Fillers, rank: int = 0
) -> dict[str, float]:
    """Add the gradients of a step to the weights' `.grad`, in micro-batches, and return the mean of each term.

    Args:
        model: the model.
        settings: all settings of the run.
        examples: the samples of the step.
        step: number of the step, which seeds the draws.
        fillers: streams without information.
        rank: rank of this process; each draws independently.
    """
    generator = random.Random(f"{settings.train.seed}/{step}/variants")  # noqa: S311
    objective = settings.objective.at(step)
    # Including terms that begin later, or that no sample of this step has.
    totals = dict.fromkeys(("sft", *settings.objective.names), 0.0)
    size = settings.train.micro_batch
    for start in range(0, len(examples), size):
        part = examples[start : start + size]
        consistency = objective.consistency
        kinds = consistency.variants if consistency else ()
        variants = conflict_variants(part, examples, kinds, fillers, generator) if consistency else []
        seeds = [f"{settings.train.seed}/{step}/{rank}/{start + index}" for index in range(len(part))]
        share = len(part) / len(examples)
        for name, loss in batch_losses(model, objective, part, variants, share, seeds).items():
            totals[name] += loss
    if kept := objective.language:
        totals["language"] = language_loss(model, kept, size, f"{settings.train.seed}/{step}/{rank}/text")
    return totals


def batch_losses(
    model: TunedModel,
    objective: ObjectiveSettings,
    examples: Sequence[Example],
    variants: Sequence[tuple[int, Example]],
    share: float,
    seeds: Sequence[str] | None = None,
) -> dict[str, float]:
    """Add the gradients of a batch to the weights' `.grad`, and return its terms.

    Args:
        model: the model.
        objective: which terms to add.
        examples: the samples.
        variants: conflict variants of some of them, each with the index of its original.
        share: share of the step that the batch is; gradients and terms are multiplied by it.
        seeds: seed of each sample's random start.
    """
    import torch

    count = len(examples)
    device = model.thinker.device
    inputs = model.encoder([*examples, *(variant for _, variant in variants)])
    adversarial = objective.adversarial
    # Further terms of the clean samples would be part of the gradient that the attack is to follow.
    is_pure = objective.preference is None and not objective.terms
    inputs.embeddings.requires_grad_(adversarial is not None and adversarial.share_gradient and is_pure)

    # The samples and their variants, in one pass.
    answers = answer_logits(model.thinker, inputs)
    clean = answers.select(torch.arange(count, device=device))
    loss = supervised = cross_entropy(clean).mean()
    terms = {"sft": supervised}
    if variants and (consistency := objective.consistency):
        # Relative to the mean over all samples, so that the term does not grow if few have a variant.
        originals = [answers.select(torch.tensor([index], device=device)) for index, _ in variants]
        changed = [answers.select(torch.tensor([count + k], device=device)) for k in range(len(variants))]
        distances = [divergence(p, q, consistency.divergence) for p, q in zip(originals, changed, strict=True)]
        terms["consistency"] = torch.cat(distances).sum() / count
        loss = loss + consistency.weight * terms["consistency"]
    if objective.preference and (pairs := rejected(examples)):
        terms["preference"] = _preferences(model, objective.preference, clean, examples, pairs)
        loss = loss + objective.preference.weight * terms["preference"]
    for name, term in own_terms(objective.terms, clean, examples).items():
        terms[name] = term
        loss = loss + objective.terms[name] * term
    torch.autograd.backward(loss * share)

    # The samples again, with the worst small change of what they are not asked about.
    if adversarial:
        alone = inputs.rows(count)
        mask = irrelevant(alone.kinds, [example.asked for example in examples], text=adversarial.text)
        # The originals in the consistency term are detached, so any gradient here is the supervised term's.
        gradient = inputs.embeddings.grad
        delta = perturbation(
            lambda changed: cross_entropy(answer_logits(model.thinker, alone.with_embeddings(changed))).sum(),
            alone.embeddings,
            mask,
            adversarial,
            seeds=seeds,
            unit=spread(alone.embeddings, alone.kinds) if adversarial.scale == "spread" else 1.0,
            first_gradient=None if gradient is None else gradient[:count] * (count / share),
        )
        clean_embeddings = alone.embeddings.detach()
        worst = alone.with_embeddings((clean_embeddings + delta).to(clean_embeddings.dtype))
        terms["adversarial"] = cross_entropy(answer_logits(model.thinker, worst)).mean()
        torch.autograd.backward(adversarial.weight * terms["adversarial"] * share)
    return {name: float(term.detach()) * share for name, term in terms.items()}


def language_loss(model: TunedModel, settings: LanguageSettings, rows: int, seed: str) -> float:
    """Add the gradients of the language term to the weights' `.grad`, and return it: the mean over all tokens.

    Args:
        model: the model.
        settings: of the term.
        rows: passages in a forward pass.
        seed: chooses the passages.
    """
    import torch

    if model.text is None:
        raise ValueError("the model was loaded without a text")
    passages = model.text.passages(settings.passages, seed)
    total = 0.0
    for start in range(0, len(passages), rows):
        some = passages[start : start + rows]
        inputs = as_inputs(model.thinker, some)
        with torch.no_grad(), model.whole.disable_adapter():
            reference = answer_logits(model.thinker, inputs).logits
        share = len(some) / len(passages)
        loss = language(answer_logits(model.thinker, inputs).logits, reference).mean()
        torch.autograd.backward(settings.weight * loss * share)
        total += float(loss.detach()) * share
    return total


def _preferences(
    model: TunedModel,
    settings: PreferenceSettings,
    chosen: AnswerLogits,
    examples: Sequence[Example],
    pairs: Sequence[tuple[int, Example]],
) -> "torch.Tensor":
    """Return the preference term: the mean over all samples, so that it does not grow if few have a distractor.

    Args:
        model: the model.
        settings: of the term.
        chosen: predictions of the samples' targets.
        examples: the samples.
        pairs: the distractor of some of them, each with the index of its sample.
    """
    import torch

    indices = torch.tensor([index for index, _ in pairs], device=model.thinker.device)
    inputs = model.encoder([wrong for _, wrong in pairs])
    right = model.encoder([examples[index] for index, _ in pairs])
    with torch.no_grad(), model.whole.disable_adapter():
        reference = [log_likelihoods(answer_logits(model.thinker, batch)) for batch in (right, inputs)]
    losses = preference(
        log_likelihoods(chosen.select(indices)),
        log_likelihoods(answer_logits(model.thinker, inputs)),
        reference[0],
        reference[1],
        settings.beta,
    )
    return losses.sum() / len(examples)
