"""Published models that `amira models pull` knows: streaming transducers of icefall, exported to ONNX.

Archives are assets of the release ``asr-models`` of k2-fsa/sherpa-onnx. The publisher does not sign
them; a checksum stands here only where several independent public projects pin the same one for that
asset. Where none stands, `pull` asks the release's own ``checksum.txt``, and failing that it keeps
the checksum of the first download.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from amira_local.models.errors import NoSuchModelError

Precision = Literal["fp32", "int8"]

RELEASE_URL = "https://github.com/k2-fsa/sherpa-onnx/releases/download/asr-models"
_HUGGING_FACE = "https://huggingface.co"
_NOT_STATED = "not stated"


@dataclass(frozen=True)
class PublishedModel:
    """One archive that can be pulled."""

    name: str
    """Our name for it, and its folder's name."""

    upstream: str
    """The publisher's name: the archive without its ending."""

    languages: tuple[str, ...]
    """BCP-47 tags."""

    architecture: str
    """As the encoder's metadata names it: zipformer, zipformer2, lstm, conformer."""

    licence: str
    """What the publisher states, for the weights; "not stated" where nothing was found."""

    source: str
    """The publisher's page."""

    trained_on: str = _NOT_STATED
    """Training data, as far as known."""

    chunk_ms: int | None = None
    """Audio per step; None where it is not known before the encoder is opened."""

    archive_bytes: int | None = None
    """Size of the archive, where known."""

    sha256: str | None = None
    """SHA-256 of the archive, where known."""

    precisions: tuple[Precision, ...] = ("fp32", "int8")
    """Precisions of the encoder that the archive holds, the one taken by default first."""

    @property
    def archive(self) -> str:
        """The archive's file name."""
        return f"{self.upstream}.tar.bz2"


def _kroko(language: str, archive_bytes: int, sha256: str) -> PublishedModel:
    """A community model of Kroko, which sells others under other licences."""
    return PublishedModel(
        name=f"kroko-{language}",
        upstream=f"sherpa-onnx-streaming-zipformer-{language}-kroko-2025-08-06",
        languages=(language,),
        architecture="zipformer2",
        licence="CC-BY-SA",
        source=f"{_HUGGING_FACE}/Banafo/Kroko-ASR",
        chunk_ms=640,
        archive_bytes=archive_bytes,
        sha256=sha256,
        precisions=("fp32",),  # as its file names say; the encoder's weights are int8
    )


CATALOGUE: tuple[PublishedModel, ...] = (
    PublishedModel(
        name="zipformer-en",
        upstream="sherpa-onnx-streaming-zipformer-en-2023-06-26",
        languages=("en",),
        architecture="zipformer2",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/csukuangfj/sherpa-onnx-streaming-zipformer-en-2023-06-26",
        trained_on="LibriSpeech",
        chunk_ms=320,
        archive_bytes=310_414_022,
        sha256="639e25b578e9e997131402199419c13a941f8e4e198e2da1ce57dbf5cf401282",
    ),
    PublishedModel(
        name="zipformer-en-20m",
        upstream="sherpa-onnx-streaming-zipformer-en-20M-2023-02-17",
        languages=("en",),
        architecture="zipformer",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/csukuangfj/sherpa-onnx-streaming-zipformer-en-20M-2023-02-17",
        trained_on="LibriSpeech",
        chunk_ms=320,
        archive_bytes=127_887_156,
        sha256="9c559283e8498d3fe95913c79ca1cb454bb26281ac2b102b41306c7d752765d9",
    ),
    _kroko("en", 57_267_600, "c8676e5ff9ac2a85296e53ee0fd4d5fb1db6770e7a7647166eeafe349ade6834"),
    _kroko("de", 57_565_698, "9e27b783c20e67b0d0f13a258c1861fce199917c969d9176a438bee38df64962"),
    _kroko("es", 124_394_665, "31b2230a95d23290b308b393da930015a4b2105cb3abb9367aed35f7fcf29cf1"),
    _kroko("fr", 57_220_361, "e6ffd3dc43725cd6c8137b05c739f15607d0df946b9b90eb141e10059efca024"),
    PublishedModel(
        name="zipformer-fr",
        upstream="sherpa-onnx-streaming-zipformer-fr-2023-04-14",
        languages=("fr",),
        architecture="zipformer",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/shaojieli/sherpa-onnx-streaming-zipformer-fr-2023-04-14",
        trained_on="Common Voice",
        chunk_ms=320,
        archive_bytes=398_444_115,
        sha256="77d4cbd61dcfa55fd2c14efc0ce5c6798be5931c05f35df5bab60c921950bb8c",
    ),
    PublishedModel(
        name="zipformer-zh-en",
        upstream="sherpa-onnx-streaming-zipformer-bilingual-zh-en-2023-02-20",
        languages=("zh", "en"),
        architecture="zipformer",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/csukuangfj/sherpa-onnx-streaming-zipformer-bilingual-zh-en-2023-02-20",
        trained_on="recordings of the contributor",
        chunk_ms=320,
        archive_bytes=511_274_346,
        sha256="27ffbd9ee24ad186d99acc2f6354d7992b27bcab490812510665fa8f9389c5f8",
    ),
    PublishedModel(
        name="zipformer-zh-en-small",
        upstream="sherpa-onnx-streaming-zipformer-small-bilingual-zh-en-2023-02-16",
        languages=("zh", "en"),
        architecture="zipformer",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/csukuangfj/k2fsa-zipformer-bilingual-zh-en-t",
        chunk_ms=320,
        archive_bytes=458_187_351,
        sha256="2b7c63322b32e5e0f2526043a1103366119ca58dd615cd7105a37c01db9553d7",
    ),
    PublishedModel(
        name="zipformer-zh",
        upstream="sherpa-onnx-streaming-zipformer-zh-int8-2025-06-30",
        languages=("zh",),
        architecture="zipformer2",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/csukuangfj/sherpa-onnx-streaming-zipformer-zh-int8-2025-06-30",
        archive_bytes=132_634_597,
        sha256="5a2832047ea1f97dd0dc595b816c230c4bafad65cfc0341fa57517cadc50afd0",
        precisions=("int8",),
    ),
    PublishedModel(
        name="zipformer-zh-14m",
        upstream="sherpa-onnx-streaming-zipformer-zh-14M-2023-02-23",
        languages=("zh",),
        architecture="zipformer",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/csukuangfj/sherpa-onnx-streaming-zipformer-zh-14M-2023-02-23",
        chunk_ms=320,
        archive_bytes=74_004_050,
        sha256="2cbd71b640d9c37d3784f29367333a4577b0398b62e9deeed418170b081cba8b",
    ),
    PublishedModel(
        name="zipformer-ko",
        upstream="sherpa-onnx-streaming-zipformer-korean-2024-06-16",
        languages=("ko",),
        architecture="zipformer",
        licence=_NOT_STATED,
        source=f"{_HUGGING_FACE}/k2-fsa/sherpa-onnx-streaming-zipformer-korean-2024-06-16",
        trained_on="KsponSpeech",
        chunk_ms=320,
        archive_bytes=418_218_652,
        sha256="e346a5882a409650472be17326237e24df7bf409db6b4a8a52e1a61422bf2500",
    ),
    PublishedModel(
        name="zipformer-ru-small",
        upstream="sherpa-onnx-streaming-zipformer-small-ru-vosk-int8-2025-08-16",
        languages=("ru",),
        architecture="zipformer2",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/alphacep/vosk-model-small-streaming-ru",
        archive_bytes=24_110_855,
        sha256="6ba68a01ff3c5445aaf2d61e9b97b026f1149dcc9049d11af3f44f55176341d8",
        precisions=("int8",),
    ),
    PublishedModel(
        name="zipformer-bn",
        upstream="sherpa-onnx-streaming-zipformer-bn-vosk-2026-02-09",
        languages=("bn",),
        architecture="zipformer2",
        licence="Apache-2.0",
        source=f"{_HUGGING_FACE}/alphacep/vosk-model-small-streaming-bn",
        archive_bytes=87_289_525,
        precisions=("fp32",),
    ),
    PublishedModel(
        name="zipformer-8-languages",
        upstream="sherpa-onnx-streaming-zipformer-ar_en_id_ja_ru_th_vi_zh-2025-02-10",
        languages=("ar", "en", "id", "ja", "ru", "th", "vi", "zh"),
        architecture="zipformer2",
        licence=_NOT_STATED,
        source=f"{_HUGGING_FACE}/stdo/PengChengStarling",
        trained_on="about 2000 hours a language, mostly open data",
        chunk_ms=320,
        archive_bytes=258_999_581,
        sha256="28044b67324f7f831689f0a3761473dd2ade380e93aa53f1dbcd479ef71c40d4",
        precisions=("int8",),
    ),
    PublishedModel(
        name="lstm-en",
        upstream="sherpa-onnx-lstm-en-2023-02-17",
        languages=("en",),
        architecture="lstm",
        licence=_NOT_STATED,
        source=f"{_HUGGING_FACE}/csukuangfj/sherpa-onnx-lstm-en-2023-02-17",
        trained_on="LibriSpeech, GigaSpeech",
        chunk_ms=40,
    ),
    PublishedModel(
        name="conformer-en",
        upstream="sherpa-onnx-streaming-conformer-en-2023-05-09",
        languages=("en",),
        architecture="conformer",
        licence=_NOT_STATED,
        source=f"{_HUGGING_FACE}/csukuangfj/sherpa-onnx-streaming-conformer-en-2023-05-09",
        trained_on="LibriSpeech",
        chunk_ms=640,
    ),
)


def find_published(name: str) -> PublishedModel:
    """The entry of our name or the publisher's. Raises NoSuchModelError."""
    for model in CATALOGUE:
        if name in (model.name, model.upstream):
            return model
    known = ", ".join(model.name for model in CATALOGUE)
    raise NoSuchModelError(f"No published model {name!r} is known here. There are: {known}.")
