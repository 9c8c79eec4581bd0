"""Makes `smol-omni`: towers, features, connectors, low-rank updates; each stage resumes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json, write_text
from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.training_batch import TrainingBatch
from mma_bench.schema import Modality
from mma_bench.smol_omni.batch import Batches
from mma_bench.smol_omni.checkpoint import STAGES, choose_base, is_written, read_looks, write_checkpoint
from mma_bench.smol_omni.clips import FOR_LANGUAGE, FOR_MEASURING, ClipId, Clips, training_clip
from mma_bench.smol_omni.features import Features, encode
from mma_bench.smol_omni.graft import FPS, FRAME_SIZE, graft
from mma_bench.smol_omni.knowledge import read_knowledge
from mma_bench.smol_omni.lessons import Lessons
from mma_bench.smol_omni.looks import Looks
from mma_bench.smol_omni.looks_table import looks_table
from mma_bench.smol_omni.package import fingerprint, load_language_model, weights_file
from mma_bench.smol_omni.settings import SmolOmniSettings, StageSettings
from mma_bench.smol_omni.stage import Stage
from mma_bench.smol_omni.states import read_row
from mma_bench.smol_omni.towers import Tower, TowerLesson, split_towers
from mma_bench.smol_omni.words import Words, reset
from mma_bench.tuning.model import add_updates
from mma_bench.tuning.objective.sft import cross_entropy
from mma_bench.tuning.settings import LoraSettings

if TYPE_CHECKING:
    import torch


LanguageModel = Callable[[], tuple[Any, Any]]


class Making:
    """A model in the making, with everything that a stage needs.

    Args:
        folder: of the states; created if missing.
        settings: everything that decides the result.
        report: called with a line of progress from time to time.
        load: returns the language model and its tokenizer; by default those of the package.

    Attributes:
        thinker: the graft; its towers are split.
        towers: the towers with their connectors.
        chat: turns conversations into tokens.
        extractor: makes spectra.
        language_model: hash of the pretrained weights.

    Raises:
        MMABenchError: the folder belongs to other settings, or a package is missing.
    """

    def __init__(
        self, folder: Path, settings: SmolOmniSettings, report: Callable[[str], Any], load: LanguageModel | None = None
    ) -> None:
        import torch

        check_settings(folder, settings)  # before the language model is loaded
        self.folder, self.settings, self._report = folder, settings, report
        language_model, tokenizer = (load or load_language_model)()
        self.language_model = fingerprint(language_model)
        check_settings(folder, settings, self.language_model)
        self.thinker, tokenizer, self.extractor = graft(language_model, tokenizer, settings.seed)
        if torch.cuda.is_available():
            self.thinker.model.to("cuda")
        self.thinker.model.requires_grad_(False)
        self.chat = Chat(tokenizer, self.thinker.media_tokens, self.thinker.system_prompt)
        frame_format = self.thinker.frame_format({}, FRAME_SIZE**2, FRAME_SIZE**2)
        self._plain = TrainingBatch(self.thinker, self.chat, self.extractor, frame_format, FPS)
        self.towers: dict[Modality, Tower] = split_towers(self.thinker)
        self._clips = Clips(self._plain)

    def train(self, threads: int = 1) -> None:
        """Take all stages, from where they were left.

        Args:
            threads: of the language model on a CPU. The towers are too small for more than one.
        """
        import torch

        torch.set_num_threads(1)
        for modality in Modality:
            self._tower(modality)
        features, taught, measured = self._features()
        torch.set_num_threads(threads)
        # The towers stay float32; the language model computes in half the memory and two thirds of the time.
        self.thinker.decoder.to(getattr(torch, self.settings.dtype))
        if self.thinker.device.type == "cpu":
            # For a hundred tokens, the backward pass of the fused kernel takes longer than plain products: 3.0 s of
            # a core for a step instead of 3.9 s.
            self.thinker.decoder.set_attn_implementation("eager")
        trained, kept = read_knowledge()
        grid_seconds = self._plain.frame_format.temporal_patch_size / FPS
        batches = Batches(self.thinker, self.chat, self.towers, features, grid_seconds)
        lessons = Lessons(features, taught, self.settings.classes, trained, self.settings.mix, self.settings.seed)
        looks = Looks(batches, self.chat, features, measured, self.settings.classes, kept)
        weights = self.connector_weights()
        self._words(weights, features, taught)
        for name, settings in zip(STAGES, (self.settings.connector, self.settings.updates), strict=True):
            if name == "updates":
                self.add_updates()
                weights |= self.update_weights()
            self._language_stage(name, settings, weights, batches, lessons, looks)

    def _tower(self, modality: Modality) -> None:
        import torch

        settings = self.settings
        tower = self.towers[modality]
        torch.manual_seed(settings.seed)
        classifier = torch.nn.Linear(tower.width, len(settings.classes)).to(self.thinker.device)
        lesson = TowerLesson(
            self.thinker,
            self._clips,
            settings.classes,
            modality,
            classifier,
            settings.tower_batch,
            settings.clips,
            settings.seed,
        )
        tower.module.requires_grad_(True)
        weights = {f"tower.{name}": weight for name, weight in tower.module.named_parameters()}
        weights |= {f"classifier.{name}": weight for name, weight in classifier.named_parameters()}
        plan = settings.vision if modality is Modality.VISUAL else settings.audio
        stage = Stage(self.folder, modality.value, plan, weights, lesson.loss)
        stage.run()
        tower.module.requires_grad_(False)
        path = self.folder / f"{modality}.json"
        if not path.exists():
            accuracy = lesson.accuracy(FOR_MEASURING, 4)
            self._report(f"{modality} tower: {accuracy:.1%} of clips that it was not trained on")
            write_json(path, {"accuracy": accuracy, "losses": stage.losses})

    def _features(self) -> tuple[Features, list[ClipId], list[ClipId]]:
        """Return features, the clips to teach with, and those to measure with."""
        settings = self.settings
        taught = [training_clip(name, n, FOR_LANGUAGE) for n in range(settings.encoded) for name in settings.classes]
        rounds = -(-settings.looked // len(settings.classes))
        measured = [training_clip(name, n, FOR_MEASURING) for n in range(rounds) for name in settings.classes]
        found = encode(self.thinker, self._clips, [*taught, *measured], self.folder / "features.pt")
        return found, taught, measured[: settings.looked]

    def _words(self, weights: "dict[str, torch.Tensor]", features: Features, taught: list[ClipId]) -> None:
        connectors = {modality: tower.connector for modality, tower in self.towers.items()}
        settings = self.settings
        reset(connectors, settings.seed)
        lesson = Words.of(self.thinker, self.chat, connectors, features, taught, settings.classes, settings.seed)
        Stage(self.folder, "words", settings.words, weights, lesson.loss).run()

    def _language_stage(
        self,
        name: str,
        plan: StageSettings,
        weights: "dict[str, torch.Tensor]",
        batches: Batches,
        lessons: Lessons,
        looks: Looks,
    ) -> None:
        def loss_at(step: int) -> "torch.Tensor":
            return cross_entropy(batches.answers(lessons.step(name, step, self.settings.questions))).mean()

        def look(step: int) -> None:
            path = self.folder / f"look-{name}-{step}.json"
            if path.exists() or (step == 0 and name != STAGES[0]):
                return  # measured before an interruption, or by the stage before at its end
            row = {"stage": name, "step": step, **looks.language()}
            if step:  # before, no answer has the form that is counted
                row |= looks.competence() | looks.bias()
            write_json(path, row)
            self._report(json.dumps(row))

        stage = Stage(self.folder, name, plan, weights, loss_at, snapshot_every=self.settings.look_every)
        stage.run(look)

    def connector_weights(self) -> "dict[str, torch.Tensor]":
        """Make the connectors trainable, in place, and return their weights."""
        found: dict[str, torch.Tensor] = {}
        for modality, tower in self.towers.items():
            tower.connector.requires_grad_(True)
            found |= {f"{modality}.{name}": weight for name, weight in tower.connector.named_parameters()}
        return found

    def add_updates(self) -> Any:
        """Add low-rank updates to the language model, in place, and return what peft wraps it with."""
        import torch

        torch.manual_seed(self.settings.seed)
        rank = self.settings.rank
        lora = LoraSettings(rank=rank, alpha=2 * rank, dropout=0.0, projections=self.settings.projections)
        return add_updates(self.thinker, lora)

    def update_weights(self) -> "dict[str, torch.Tensor]":
        """Return the weights of the low-rank updates."""
        return {name: weight for name, weight in self.thinker.model.named_parameters() if "lora_" in name}


def check_settings(folder: Path, settings: SmolOmniSettings, language_model: str | None = None) -> None:
    """Compare the settings with those of an earlier run in the folder.

    Args:
        folder: of the states.
        settings: everything that decides the result.
        language_model: hash of the pretrained weights; with it, the settings of a new folder are written there.

    Raises:
        MMABenchError: the folder belongs to other settings or to another language model, or its record is damaged.
    """
    path = folder / "settings.json"
    wanted = {**json.loads(settings.model_dump_json()), "language_model": language_model}
    if path.exists():
        stored = read_row(path)
        if language_model is None:
            wanted["language_model"] = stored.get("language_model")
        if differing := sorted(name for name in {*stored, *wanted} if stored.get(name) != wanted.get(name)):
            raise MMABenchError(f"{folder} was begun with another {differing[0]}; choose another folder or delete it")
    elif language_model is not None:
        write_json(path, wanted)


def plan(out: Path, settings: SmolOmniSettings) -> list[str]:
    """Return what `make` would do, a line per stage; it writes nothing.

    Raises:
        MMABenchError: the folder belongs to other settings, or a package is missing.
    """
    lines = [f"language model: {weights_file().name}"]
    check_settings(out / "states", settings)
    for name, stage in (
        ("visual", settings.vision),
        ("audio", settings.audio),
        ("words", settings.words),
        ("connector", settings.connector),
        ("updates", settings.updates),
    ):
        begun = ", begun" if (out / "states" / f"{name}.pt").exists() else ""
        lines.append(f"{name}: {stage.steps} steps{begun}")
    lines.append(f"{out / 'base'}: {'exists' if is_written(out / 'base') else 'to be written'}")
    return lines


def make(
    out: Path,
    settings: SmolOmniSettings,
    threads: int,
    report: Callable[[str], Any],
    load: LanguageModel | None = None,
) -> None:
    """Train, choose the base, and write it; what is done already is not done again.

    Args:
        out: folder of the result; the states are in ``out/states``, the checkpoint appears as ``out/base``.
        settings: everything that decides the result.
        threads: CPU threads of the language model.
        report: called with a line of progress from time to time.
        load: see `Making`.

    Raises:
        MMABenchError: the folder belongs to other settings, or a package is missing.
    """
    states = out / "states"
    Making(states, settings, report, load).train(threads)
    looks = read_looks(states)
    base = choose_base(looks, settings.competent)
    write_text(out / "looks.md", looks_table(looks, base, settings.looked, len(read_knowledge()[1])))
    if not is_written(out / "base"):
        write_checkpoint(Making(states, settings, report, load), base, out / "base")
    report(f"{out / 'base'}: {base['stage']}, {base['step']} steps")
