"""Read a yes or a no from a model's words, strictly: what is not plainly one of them is neither."""

import re
import unicodedata
from typing import Literal

Said = Literal["yes", "no", "unparsed"]

_REASONING_BEGINS = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_REASONING_ENDS = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_SPECIAL_TOKEN = re.compile(r"<\|[^<>|]{0,40}\|>|</s>|<eos>")
_LEAD = re.compile(r"^(?:the |my |final )*answer(?: is)?\s*:?\s*", re.IGNORECASE)
_FIRST_WORD = re.compile(r"^(yes|no)(?![\w'’-])(?!\s*/)(?!\s+(?:or|and)\b)", re.IGNORECASE)
_SENTENCES = re.compile(r"[.!?;:,\n]+")
_DECORATION = " \t\r\n*_`\"'“”‘’()[]{}<>#."


def read_yes_no(text: str) -> Said:
    """Return `yes` or `no` if the output begins with that word, alone or before a sentence end or comma.

    A finished reasoning block, markup and "Answer:" before the word are passed over. An output that has the
    other word at the head of a later clause ("Yes. No, wait") is `unparsed`, as is "Yes or no", "Yes/No", a
    class name, a refusal, and reasoning that never ended.
    """
    body = _REASONING_ENDS.split(text)[-1]  # servers often cut the opening tag off
    if _REASONING_BEGINS.search(body):
        return "unparsed"
    body = unicodedata.normalize("NFKC", _SPECIAL_TOKEN.sub(" ", body)).strip(_DECORATION)
    body = _LEAD.sub("", body).strip(_DECORATION)
    first = _FIRST_WORD.match(body)
    if first is None:
        return "unparsed"
    rest = body[first.end() :].lstrip(_DECORATION.replace(".", ""))
    if rest and rest[0] not in ".,!?;:-–—" and "\n" not in body[first.end() :][:2]:
        return "unparsed"  # "Yes and no", "No idea", "no sound"
    said: Said = "yes" if first[1].lower() == "yes" else "no"
    other = "no" if said == "yes" else "yes"
    heads = {part.strip(_DECORATION + "-–—").lower() for part in _SENTENCES.split(rest)}
    return "unparsed" if other in heads else said
