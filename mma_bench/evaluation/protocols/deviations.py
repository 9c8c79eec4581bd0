"""Settings that a protocol fixes: handed to models that take them, compared with what a model recorded."""

from collections.abc import Mapping

from mma_bench.evaluation.protocols.protocol import Protocol
from mma_bench.evaluation.topology import topology_of
from mma_bench.models import model_class
from mma_bench.models.omni.head_gain import CHOSEN_ON
from mma_bench.parsing import PARSER_VERSION

_FRAMES = ("setting fps", "setting frames_per_second")


def model_options(protocol: Protocol, model: str, options: Mapping[str, str]) -> dict[str, str]:
    """Return ``options`` of ``model`` with the settings of ``protocol`` that it takes and that are not given.

    Args:
        protocol: what the protocol fixes.
        model: name of the model.
        options: settings that the user gave, which win.
    """
    takes = model_class(model).settings_of_protocol(options)
    fixed = {}
    if "fps" in takes:
        fixed["fps"] = f"{protocol.frames_per_second:g}"
    if "temperature" in takes and protocol.decoding == "greedy":
        fixed["temperature"] = "0"
    if "layout" in takes and protocol.layout != "own":
        fixed["layout"] = protocol.layout
    return {**fixed, **options}


def deviations(protocol: Protocol, fingerprint: Mapping[str, str], *, is_baseline: bool = False) -> list[str]:
    """Return in words how the settings that a model recorded differ from those of ``protocol``.

    Args:
        protocol: what should have been.
        fingerprint: what the model recorded of itself.
        is_baseline: whether the model reads labels or is a person, so that no setting concerns it.
    """
    if is_baseline:
        return []
    return [
        *_frames(protocol, fingerprint),
        *_decoding(protocol, fingerprint),
        *_layout(protocol, fingerprint),
        *_parser(protocol),
        *_heads(fingerprint),
    ]


def _frames(protocol: Protocol, fingerprint: Mapping[str, str]) -> list[str]:
    wanted = protocol.frames_per_second
    recorded = next((fingerprint[name] for name in _FRAMES if name in fingerprint), None)
    if recorded is None:
        return [f"the frame rate that the model was shown is not recorded; the protocol says {wanted:g}"]
    try:
        same = float(recorded) == wanted
    except ValueError:
        same = False
    return [] if same else [f"the model was shown {recorded[:40]} frames per second; the protocol says {wanted:g}"]


def _decoding(protocol: Protocol, fingerprint: Mapping[str, str]) -> list[str]:
    temperature = fingerprint.get("setting temperature")
    if temperature is None:
        found = fingerprint.get("decoding", "greedy")
    elif temperature in ("null", "None", "none"):
        return [f"decoding was left to the server; the protocol says {protocol.decoding}"]
    else:
        found = "greedy" if _is_zero(temperature) else "sampling"
    if found == protocol.decoding:
        return []
    at = f" at temperature {temperature[:40]}" if temperature and found == "sampling" else ""
    return [f"decoding was {found[:40]}{at}; the protocol says {protocol.decoding}"]


def _layout(protocol: Protocol, fingerprint: Mapping[str, str]) -> list[str]:
    found = topology_of(fingerprint)
    if found is None:  # a model that takes no layout
        return []
    if protocol.layout == "own":
        says = "" if found.is_own else "has the adapter's own"
    else:
        says = "" if found.layout == protocol.layout else f"says {protocol.layout}"
    return [f"video, audio and question were arranged {found}; the protocol {says}"] if says else []


def _parser(protocol: Protocol) -> list[str]:
    if protocol.parser_version == PARSER_VERSION:
        return []
    return [f"answers are read by parser {PARSER_VERSION}; the protocol was fixed with {protocol.parser_version}"]


def _heads(fingerprint: Mapping[str, str]) -> list[str]:
    """Return that clips chose what is tested, as far as the model recorded it; see docs/diagnosis.md."""
    gains = fingerprint.get("setting head_gain")
    if gains is None:
        return []
    clips = gains.partition(CHOSEN_ON)[2]
    chosen = f", which {clips[:40]} clips chose: the scores are too good if these clips are among those asked about"
    return [f"attention heads are scaled by a file (head_gain){chosen if clips else ''}"]


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False
