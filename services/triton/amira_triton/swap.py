"""Hot swap: a new model is loaded beside the one that runs, which is unloaded once nobody needs it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import grpc
import structlog

from amira_encoder import wire
from amira_encoder.errors import EncoderModelError
from amira_encoder.model_folder import find_encoder, fingerprint
from amira_triton.control import TritonControl
from amira_triton.models import LoadedModel, Models
from amira_triton.settings import TritonSettings

_log = structlog.get_logger(__name__)


class ModelRefusedError(Exception):
    """The new model cannot be served; the one that runs goes on. The message says why."""


async def load_new_model(
    models: Models, control: TritonControl, settings: TritonSettings
) -> LoadedModel | None:
    """Makes what is in the model folder now the current model.

    Returns:
        The model, if it had to be loaded; None when it was there already.

    Raises:
        ModelRefusedError: it cannot be served; nothing has changed.
    """
    folder = settings.model_dir.resolve()
    try:
        wanted = await asyncio.to_thread(_fingerprint_of, folder)
    except (EncoderModelError, OSError) as error:
        raise ModelRefusedError(str(error)) from error
    known = models.find(wanted)
    if known is not None:
        known.folder = folder
        models.make_current(known)
        return None
    model = LoadedModel(wire.model_name(wanted), folder, wanted)
    try:
        await control.load(model, settings.start_timeout_s)
        found = await control.canary(settings.canary_timeout_ms / 1000, model.name)
        if found.fingerprint != wanted:
            raise ModelRefusedError(f"the encoder in {folder} changed while it was loaded")
    except (grpc.aio.AioRpcError, ValueError, OSError, ModelRefusedError) as error:
        with suppress(grpc.aio.AioRpcError):
            await control.unload(model, settings.stop_timeout_s)
        raise ModelRefusedError(_reason(error)) from error
    models.make_current(model)
    return model


def _fingerprint_of(folder: Path) -> str:
    return fingerprint(find_encoder(folder))


def _reason(error: Exception) -> str:
    """What the model said when it was loaded, without Triton's words around it."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return str(error)
    lines = [line for line in (error.details() or error.code().name).splitlines() if line.strip()]
    return lines[0].rpartition("UNAVAILABLE state: ")[2]
