"""A model as the decoder serves it: its folder, its name, and the searches over what its encoder gives.

Encoder and search side of one model belong together: a stream has both from the same version, and keeps
them when a new version is loaded beside.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amira_decoder.model.folder import TransducerFolder
from amira_decoder.searches import SearchSet
from amira_decoder.settings import DecoderSettings
from amira_encoder.model_folder import fingerprint


class ServedModel:
    """One version of a model; the encoder's weights are not loaded here."""

    def __init__(self, settings: DecoderSettings) -> None:
        """Opens the model folder as it is now.

        Raises:
            ModelFolderError: it is none.
            OSError: a file cannot be read, or the settings ask for a search that cannot run here.
        """
        self.folder = TransducerFolder.open(settings.model_dir)
        self.name = settings.model_name or _name(settings.model_dir, self.folder)
        self.encoder_fingerprint = fingerprint(self.folder.encoder)
        self.searches = SearchSet(self.folder, settings)
        self._warming = threading.Lock()
        self._warm = False

    @property
    def version(self) -> str:
        """Changes whenever the words may."""
        return self.folder.version

    @property
    def key(self) -> tuple[str, str]:
        """Name and version: what a stream keeps wherever it goes on."""
        return self.name, self.version

    def warm_up(self, frames: NDArray[np.float32]) -> None:
        """Makes the searches by decoding `frames`, once. On any thread, before streams use them.

        Raises ModelFolderError or ValueError when the networks do not go together; engines raise others, too.
        """
        with self._warming:
            if not self._warm:
                self.searches.warm_up(frames)
                self._warm = True


async def open_model(settings: DecoderSettings) -> ServedModel:
    """Opens the model folder off the event loop. Raises as :class:`ServedModel`."""
    return await asyncio.to_thread(ServedModel, settings)


def _name(configured: Path, folder: TransducerFolder) -> str:
    """A link keeps its own name, wherever it leads: clients name the model, not its version."""
    own = configured.expanduser().absolute().name
    return folder.name if own in ("", "..") else own
