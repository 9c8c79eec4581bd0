"""Parts of an output with a form of their own: reasoning blocks, turns, JSON, LaTeX, tags and fences.

Each pattern is bounded and excludes the character it starts with, so that none can backtrack far.
"""

import html
import re

from mma_bench.parsing._vocabulary import vocabulary

_REASONING = re.compile(
    r"[<\[◁](/?)(?:think|thinking|thought|thoughts|reasoning|analysis|scratchpad|reflection)[>\]▷]",
    re.IGNORECASE,
)
_FINAL_CHANNEL = re.compile(r"<\|channel\|>final<\|message\|>")
# What ends an answer in the templates of common models; nothing after it was meant for the reader.
_END_OF_TURN = re.compile(r"<\|(?:im_end|endoftext|eot_id|end|return)\|>|<end_of_turn>|</s>|<eos>")
_START_OF_TURN = re.compile(r"<\|(?:im_start|start_header_id|end_header_id|start)\|>|<start_of_turn>")
_VISIBLE = re.compile(r"\S")
_TURN = re.compile(
    r"^[ \t#*]{0,6}(system|user|human|question|q|instruction|assistant|gpt|bot|model)[ \t*]{0,4}(?::|$)"
    r"|\b(USER|HUMAN|ASSISTANT|GPT):|#{2,4}[ \t]?(user|human|question|assistant)\b",
    re.IGNORECASE | re.MULTILINE,
)
_MARKS_TURN = re.compile(r"[:#\n]")
_MODEL_ROLES = frozenset({"assistant", "gpt", "bot", "model"})

_BREAKING_TAG = re.compile(r"</?(?:br|p|div|li|ul|ol|h[1-6]|tr|table|pre|hr|blockquote|html|body)\b[^<>]{0,200}>", re.I)
_INLINE_TAG = re.compile(
    r"</?(?:b|i|u|em|strong|span|a|code|td|th|sub|sup|font|mark|small|center|s|q|answer)(?:\s[^<>]{0,200})?/?>"
    r"|<\|[^<>|]{0,60}\|>|<s>",
    re.I,
)
_STRUCK = re.compile(r"(?<!~)~~(?!~)[^~\n]{1,400}~~(?!~)|<del>[^<>]{0,400}</del>", re.IGNORECASE)
_ANSWER_TAG = re.compile(r"<(?:final_)?(?:answer|label|class|category)>([^<>]{0,400})</", re.IGNORECASE)
_JSON_FIELD = re.compile(
    r"""["']([\w -]{1,40})["']\s{0,20}:\s{0,20}"""
    r"""("(?:[^"\\]|\\.){0,400}"|'(?:[^'\\\n]|\\.){0,400}'|\[[^\[\]]{0,4000}\]|null\b|None\b)"""
)
_ANSWER_FIELDS = vocabulary(
    "answer answers label class category prediction choice response output result classname selection"
)
_FENCE = re.compile(r"(?:```|~~~)[^\n`]{0,30}\n([^`]{0,2000}?)\n?(?:```|~~~)")
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|textit|operatorname)\s?")
_BOXED_SEEN = 8  # the last one counts; a few before it are tried in case it is empty


def own_text(text: str) -> str | None:
    """Return the part of an output that is the model's answer, or None if its reasoning never ended.

    Removed are reasoning blocks (what follows the last one is the answer), a transcript of the prompt before the
    answer, and invented turns after it.
    """
    if not any(opening in text for opening in "<[◁"):
        return _one_turn(text)
    final = [match.end() for match in _FINAL_CHANNEL.finditer(text)]
    if final:
        text = text[final[-1] :]
    tags = list(_REASONING.finditer(text))
    closing = [tag for tag in tags if tag[1]]
    body = text[closing[-1].end() :] if closing else text
    opening = _REASONING.search(body)
    if opening is not None:
        body = body[: opening.start()]
    if tags and not body.strip():
        return None
    return _one_turn(body)


def holds_reasoning(text: str) -> bool:
    """Return whether an output marks a part of itself as reasoning."""
    return _REASONING.search(text) is not None


def _one_turn(text: str) -> str:
    """Return the first answer of a transcript, or the text before the first invented turn."""
    text = _START_OF_TURN.sub("\n", text)
    # Most answers are one line without a colon: only their beginning can be a turn.
    found = _TURN.finditer(text) if _MARKS_TURN.search(text) else filter(None, [_TURN.match(text)])
    turns = [turn for turn in found if _is_turn(turn)]
    begin = 0
    if turns and turns[0].start() <= _first_visible(text, 0):
        begin = next((turn for turn in turns if _role(turn) in _MODEL_ROLES), turns[0]).end()
    content = _first_visible(text, begin)
    stops = [turn.start() for turn in turns if _role(turn) not in _MODEL_ROLES]
    stops += [mark.start() for mark in _END_OF_TURN.finditer(text)]
    return text[begin : min((stop for stop in stops if stop > content), default=len(text))]


def _first_visible(text: str, begin: int) -> int:
    found = _VISIBLE.search(text, begin)
    return found.start() if found else len(text)


def _role(turn: re.Match[str]) -> str:
    return (turn[1] or turn[2] or turn[3]).lower()


def _is_turn(turn: re.Match[str]) -> bool:
    return turn[2] is None or turn[2].isupper()


def plain(text: str) -> str:
    """Return ``text`` without HTML tags, special tokens, character references and struck-out words ("~~Cat~~ Pig")."""
    if "~~" in text or "<del" in text:
        text = _STRUCK.sub(" ", text)
    if "<" in text:
        text = _INLINE_TAG.sub(" ", _BREAKING_TAG.sub("\n", text))
    return html.unescape(text) if "&" in text else text


def answer_tags(text: str) -> list[str]:
    """Return the contents of ``<answer>...</answer>``, in order."""
    return _ANSWER_TAG.findall(text) if "<" in text else []


def json_fields(text: str) -> list[tuple[str, str]]:
    """Return name and value of fields like ``"answer": "Cat"``, whether or not the rest is valid JSON.

    `json.loads` would reject a truncated object, or one in a sentence, and nesting can make it overflow the stack.
    """
    if ":" not in text:
        return []
    return [
        (name, value.replace("\\", ""))
        for name, value in _JSON_FIELD.findall(text)
        if not _ANSWER_FIELDS.isdisjoint(re.split(r"[\s_-]", name.casefold()))
    ]


def boxed(text: str) -> list[str]:
    r"""Return what stands in the last few ``\boxed{...}``, in order, less ``\text`` and the like."""
    found: list[str] = []
    end = len(text)
    for _ in range(_BOXED_SEEN):
        end = text.rfind("boxed{", 0, end)
        if end < 0:
            break
        found.append(_LATEX_TEXT.sub("", _braced(text, end + len("boxed{"))))
    return found[::-1]


def _braced(text: str, start: int) -> str:
    depth = 1
    for index in range(start, min(len(text), start + 400)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[start:index]
    return text[start : start + 400].split("\n", 1)[0]


def fenced(text: str) -> list[str]:
    """Return the contents of code fences, in order."""
    return _FENCE.findall(text) if "```" in text or "~~~" in text else []
