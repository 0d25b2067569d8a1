"""One trial of a model, from its declaration to its words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from amira_decoder.model import ModelFolderError
from amira_decoder.model.joint import JointNetwork
from amira_decoder.settings import DecoderSettings
from amira_encoder.errors import EncoderModelError, EngineUnavailableError
from amira_encoder.options import EncoderOptions
from amira_encoder.table_loader import load_slot_table
from amira_local.models.check.declaration import check_declaration, check_tokens
from amira_local.models.check.encoder import BATCH, Frames, try_encoder
from amira_local.models.check.trial import Trial
from amira_local.models.check.words import read_features, recognize
from amira_local.models.errors import ModelsError
from amira_local.models.report import Model, UnusableModelError, language_model_row


@dataclass(frozen=True)
class TrialOptions:
    """How to run the model."""

    engine: str = "auto"
    threads: int = 0
    search: Literal["auto", "k2", "beam", "greedy"] = "auto"


def try_model(model: Model, clip: Path, options: TrialOptions) -> Trial:
    """Runs a model on a clip and looks at everything.

    Raises:
        ModelsError: the clip cannot be read, or the engine cannot be had.
        UnusableModelError: the model does not load.
    """
    trial, frames = Trial(), read_features(clip)
    check_declaration(model, trial)
    check_tokens(model, trial)
    encoder = EncoderOptions(model.folder.path, 2 * BATCH, options.engine, options.threads)
    try:
        table, joint = load_slot_table(encoder), JointNetwork(model.folder)
    except (EncoderModelError, ModelFolderError) as error:
        raise UnusableModelError(str(error)) from error
    except EngineUnavailableError as error:
        raise ModelsError(str(error)) from error
    trial.measured.append(("engine", f"{table.runner.name}, {table.runner.threads} thread(s)"))
    trial.measured.append(language_model_row(model))
    if table.geometry.output_dim != joint.dim:
        trial.problem(
            f"the encoder gives {table.geometry.output_dim} values a frame, but the joiner takes {joint.dim}",
            "take encoder, decoder and joiner from one export",
        )
    if trial.failed:
        return trial
    if table.runner.row_at_a_time:
        trial.advice(
            "streams are encoded one by one, because this model's rounding would mix them in a batch",
            "with many streams the fp32 export of the same model may be faster: compare the two here",
        )
    try_encoder(table, frames, model, trial)
    if not trial.failed:
        _listen(model, frames, options, trial)
    return trial


def _listen(model: Model, frames: Frames, options: TrialOptions, trial: Trial) -> None:
    """The words of the whole clip, through the decoder's own core."""
    settings = DecoderSettings.model_validate(
        {
            "model_dir": model.folder.path,
            "encoder": "in_process",
            "in_process_slots": 1,
            "in_process_engine": options.engine,
            "in_process_threads": options.threads,
            "search": options.search,
        }
    )
    text, method = recognize(settings, frames)
    trial.measured.append(("search", method))
    trial.measured.append(("words", text or "(none)"))
    if not text:
        trial.advice(
            "no words were heard", "is the clip speech in the model's language? Name another one with --clip"
        )
