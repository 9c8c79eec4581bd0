"""Several stimuli at a time: each is read alone, and the questions about all of them are answered in one batch.

Reading the media is bound by computation, so a batch would not make it faster. Writing answers is bound by memory: a
step for one question takes as long as a step for many.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mma_bench.models.omni.answering import Asked, Prefix, Reply
from mma_bench.models.omni.encode_once import AudioStream, EncodeOnce, VideoStream
from mma_bench.models.omni.turns import groups


@dataclass(frozen=True)
class Stimulus:
    """Streams, and the questions about them.

    Attributes:
        video: the video, or none.
        audio: the audio, or none.
        questions: what is asked.
    """

    video: VideoStream | None
    audio: AudioStream | None
    questions: Sequence[Asked]


def answer_several(engine: EncodeOnce, stimuli: Sequence[Stimulus]) -> list[list[Reply]]:
    """Return the replies to the questions of each stimulus.

    Raises:
        MMABenchError: a stimulus has no stream, or one cannot be used.
    """
    import torch

    places = [(number, question) for number, one in enumerate(stimuli) for question in one.questions]
    conversation = engine.conversation
    keys = [(number, conversation.lead(question.prompt)) for number, question in places]
    replies: dict[int, Reply] = {}
    with torch.inference_mode():
        prefixes: dict[tuple[int, str], Prefix] = {}
        for number, lead in dict.fromkeys(keys):  # one per stimulus, or one per question if the question comes first
            prefixes[number, lead] = engine.prefix(stimuli[number].video, stimuli[number].audio, lead)
        token_ids = [conversation.rest(question.prompt) for _, question in places]
        size = engine.settings.batch_size * len(stimuli)
        for group in groups([len(ids) for ids in token_ids], size):
            found = engine.answering.ask_rows(
                [prefixes[keys[i]] for i in group],
                [token_ids[i] for i in group],
                [places[i][1].options for i in group],
            )
            replies.update(zip(group, found, strict=True))
    ordered = iter([replies[index] for index in range(len(places))])
    return [[next(ordered) for _ in one.questions] for one in stimuli]
