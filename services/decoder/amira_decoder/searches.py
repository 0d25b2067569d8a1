"""The search methods of one decoder: which there are, which a stream gets, with which hotwords."""

from __future__ import annotations

from typing import Literal

import numpy as np
import structlog
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira_core import errors
from amira_decoder.model.folder import TransducerFolder
from amira_decoder.search.base import Method, Search, SearchOptions
from amira_decoder.search.factory import available_methods, create_search, k2_problem
from amira_decoder.search.hotwords import HotwordAutomaton, HotwordLimits, hotwords_from_config
from amira_decoder.settings import DecoderSettings

_log = structlog.get_logger(__name__)

_METHOD_BY_PROTO: dict[config_pb2.DecodingMethod, Method] = {
    config_pb2.DECODING_METHOD_GREEDY: "greedy",
    config_pb2.DECODING_METHOD_BEAM: "beam",
    config_pb2.DECODING_METHOD_K2: "k2",
}


class SearchSet:
    """One search of each method that runs here, made by :meth:`warm_up`, then for the search thread alone."""

    _hotword_limits = HotwordLimits()

    def __init__(self, folder: TransducerFolder, settings: DecoderSettings) -> None:
        """Raises OSError when the settings ask for a method that cannot run here."""
        self._folder = folder
        self._options = SearchOptions(
            num_active_paths=settings.active_paths,
            k2_beam=settings.beam,
            k2_max_contexts=settings.max_contexts,
            k2_max_states=settings.max_states,
            lm_scale=settings.lm_scale,
            lm_bonus=settings.lm_bonus,
            internal_lm_scale=settings.internal_lm_scale,
        )
        self._available = available_methods()
        self._searches: dict[Method, Search] = {}
        self.default_method = self._choose_default(settings.search)
        self._say_what_the_language_model_does()

    @property
    def max_hotwords(self) -> int:
        """Most phrases that a stream may name."""
        return self._hotword_limits.max_phrases

    @property
    def methods(self) -> list[config_pb2.DecodingMethod]:
        """The methods as the protocol names them, default first."""
        protos = {name: proto for proto, name in _METHOD_BY_PROTO.items()}
        names = sorted(self._available, key=lambda name: name != self.default_method)
        return [protos[name] for name in names]

    def method_of(self, config: config_pb2.RecognitionConfig) -> Method:
        """The method that a config means. Raises InvalidSettingError when it cannot run here."""
        if config.decoding_method == config_pb2.DECODING_METHOD_UNSPECIFIED:
            method = self.default_method
        elif config.decoding_method in _METHOD_BY_PROTO:
            method = _METHOD_BY_PROTO[config.decoding_method]
        else:
            raise errors.InvalidSettingError(f"Decoding method {config.decoding_method} does not exist.")
        if method not in self._available:
            raise errors.InvalidSettingError(
                f"Decoding method {method} is not installed on this server; "
                f"it has {', '.join(self._available)}."
            )
        if method == "greedy" and config.max_alternatives > 1:
            raise errors.InvalidSettingError(
                "Greedy decoding knows one alternative; ask for one, or use BEAM or K2."
            )
        return method

    def for_config(self, config: config_pb2.RecognitionConfig) -> Search:
        """The search for a stream. Raises InvalidSettingError."""
        return self._searches[self.method_of(config)]

    def hotwords(self, wanted: config_pb2.HotwordSet, method: Method) -> HotwordAutomaton | None:
        """The automaton for a stream's phrases, None without any. Raises HotwordError.

        Takes up to some milliseconds for hundreds of phrases: call it off the event loop.
        """
        if not wanted.phrases:
            return None
        if method == "greedy":
            raise errors.HotwordError("Greedy decoding has no hotwords; use BEAM or K2.")
        return HotwordAutomaton.build(hotwords_from_config(wanted), self._folder.tokens, self._hotword_limits)

    def warm_up(self, frames: NDArray[np.float32]) -> None:
        """Makes every search and decodes `frames` [1, T, D] with it; on any thread, before streams use it."""
        for method in self._available:
            search = self._searches[method] = create_search(method, self._folder, self._options)
            segment = search.start_segment(None)
            search.advance([segment], frames)
            search.best([segment])
            search.n_best(segment, 2)

    def _say_what_the_language_model_does(self) -> None:
        path = self._folder.language_model
        if path is None:
            return
        if not self._options.lm_scale:
            _log.info("language_model_off", file=path.name, cause="lm_scale is 0")
            return
        _log.info(
            "language_model",
            file=path.name,
            lm_scale=self._options.lm_scale,
            lm_bonus=self._options.lm_bonus,
            internal_lm_scale=self._options.internal_lm_scale,
            used_by=["beam"],
            not_used_by=[method for method in self._available if method != "beam"],
            default_search=self.default_method,
        )

    def _choose_default(self, wanted: Method | Literal["auto"]) -> Method:
        if wanted == "auto":
            fused = self._folder.language_model is not None and self._options.lm_scale
            chosen: Method = "beam" if fused else self._available[0]  # it alone uses the language model
            if "k2" not in self._available:
                _log.warning(
                    "k2_missing",
                    cause=k2_problem(),
                    search=chosen,
                    hint="pip install --no-deps -r requirements/k2.txt for k2's lattice search",
                )
            return chosen
        if wanted not in self._available:
            raise OSError(f"search {wanted!r} cannot run here; installed: {', '.join(self._available)}")
        return wanted
