"""The encoder in Triton, over gRPC."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
import numpy as np
import structlog
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2, service_pb2_grpc

from amira_core.aio.cancellation import this_task_is_cancelled
from amira_core.errors import AmiraError, EncoderLostError, InternalError
from amira_core.rpc.channel import open_channel
from amira_core.tracing.stream import stream_trace
from amira_decoder.encoder.base import EncoderBatch, EncoderGeometry, EncoderOutput
from amira_encoder import wire

_log = structlog.get_logger(__name__)

_MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # 64 chunks of 99 frames are 2 MB, 1024 are 32 MB
_OPTIONS = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # A restarted Triton must be reached at once, not after the reconnection's growing pauses.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
]
_CONNECT_POLL_S = 0.1
_OTHER_MODEL = "The encoder runs another model than this decoder: give both the same model folder."
_READY_TIMEOUT_S = 2.0

_DTYPES: dict[str, type[np.generic]] = {
    wire.ENCODER_OUT: np.float32,
    wire.ACCEPTED: np.bool_,
    wire.ABOUT: np.uint8,
}
_STEP_OUTPUTS = (wire.ENCODER_OUT, wire.ACCEPTED)
_NOTHING = EncoderBatch(
    np.zeros((0, 0, 0), np.float32), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.bool_)
)
_REFUSALS = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE}
"""Statuses that blame the batch: a defect of ours, not a loss of Triton."""


class TritonEncoder:
    """See :class:`amira_decoder.encoder.base.Encoder`.

    Speaks Triton's protocol with its generated stubs: tritonclient's wrapper costs a third more per
    call, and reports errors without their status.
    """

    name = "triton"

    def __init__(
        self,
        target: str,
        timeout_ms: int = 5000,
        connect_timeout_s: float = 60.0,
        fingerprint: str = "",
    ) -> None:
        """Args:
        target: ``host:port`` of Triton's gRPC.
        timeout_ms: how long a step may take before the encoder counts as lost.
        connect_timeout_s: how long :meth:`connect` waits for Triton to come up.
        fingerprint: of the graph that the encoder must run; empty: any will do.
        """
        self._target = target
        self._timeout_s = timeout_ms / 1000
        self._connect_timeout_s = connect_timeout_s
        self._channel = open_channel(target, _OPTIONS)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._fingerprint = fingerprint
        self._model = wire.MODEL_NAME
        self._description: wire.Description | None = None
        self.runs_other_model = False
        """Whether Triton, when it was last asked, answered but had only another model than wanted."""

    @property
    def slots(self) -> int:
        """Size of Triton's slot table; 0 before :meth:`connect`."""
        return self._description.slots if self._description else 0

    @property
    def engine(self) -> str:
        """Triton's engine and precision; empty before :meth:`connect`."""
        return self._description.engine if self._description else ""

    @property
    def draining(self) -> bool:
        """Whether Triton is about to stop, as it said last."""
        return self._description is not None and self._description.draining

    async def connect(self) -> EncoderGeometry:
        """Waits until the model in Triton answers, and learns its geometry and slots.

        Raises EncoderLostError.
        """
        give_up = time.monotonic() + self._connect_timeout_s
        while True:
            left_s = give_up - time.monotonic()
            try:
                found = await self._find(max(0.1, min(left_s, self._timeout_s)), wire.NEEDED)
                break
            except EncoderLostError as error:
                if left_s <= 0:
                    raise EncoderLostError(
                        _OTHER_MODEL
                        if self.runs_other_model
                        else f"The encoder did not answer within {self._connect_timeout_s:g} s."
                    ) from error
            await asyncio.sleep(_CONNECT_POLL_S)
        self._description = found
        _log.info("encoder_connected", target=self._target, model=self._model, slots=found.slots)
        return found.geometry

    async def step(self, batch: EncoderBatch) -> EncoderOutput:
        """Sends one tick and waits for its result."""
        if self._description is None:
            raise EncoderLostError("The encoder is not connected.")
        geometry = self._description.geometry
        frames, accepted = await self._infer(self._model, batch, _STEP_OUTPUTS, self._timeout_s)
        rows = len(batch.slots)
        shape = (rows, geometry.output_frames, geometry.output_dim)
        if frames.shape != shape or accepted.shape != (rows,):
            # Another model was loaded under the same name: this connection's geometry is history.
            raise EncoderLostError("The encoder answers with another geometry than it announced.")
        return EncoderOutput(frames, accepted)

    async def ready(self, has_streams: bool = False) -> bool:
        """Whether the model itself answers; Triton's own readiness does not notice a dead one."""
        known = self._description
        if known is None:
            return False
        try:
            found = await self._find(_READY_TIMEOUT_S, wire.HAS_STREAMS if has_streams else wire.NEEDED)
        except EncoderLostError:
            return False
        if (found.geometry, found.slots) != (known.geometry, known.slots):
            return False
        self._description = found
        return True

    async def close(self) -> None:
        """Closes the channel; running steps end with EncoderLostError."""
        await self._channel.close()

    async def _find(self, timeout_s: float, request_id: str) -> wire.Description:
        """Asks the model where it was last, then where else it may be; raises EncoderLostError."""
        self.runs_other_model = False
        names = [self._model]
        if self._fingerprint:
            own = wire.model_name(self._fingerprint)
            names.append(own if self._model == wire.MODEL_NAME else wire.MODEL_NAME)
        problem: EncoderLostError | None = None
        for name in names:
            try:
                found = await self._describe(name, timeout_s, request_id)
            except EncoderLostError as error:
                problem = problem or error
                continue
            if self._fingerprint not in ("", found.fingerprint):
                self.runs_other_model = True
                problem = EncoderLostError(_OTHER_MODEL)
                continue
            self._model = name
            return found
        assert problem is not None
        raise problem

    async def _describe(self, model: str, timeout_s: float, request_id: str) -> wire.Description:
        try:
            (content,) = await self._infer(model, _NOTHING, (wire.ABOUT,), timeout_s, request_id)
            return wire.Description.from_bytes(content.tobytes())
        except (InternalError, ValueError) as error:
            raise EncoderLostError("The encoder's description cannot be read: another version?") from error

    async def _infer(
        self,
        model: str,
        batch: EncoderBatch,
        outputs: tuple[str, ...],
        timeout_s: float,
        request_id: str = "",
    ) -> list[NDArray[Any]]:
        request = _request(model, batch, outputs)
        request.id = request_id
        try:
            response = await self._stub.ModelInfer(
                request, timeout=timeout_s, metadata=stream_trace().headers
            )
        except grpc.aio.AioRpcError as error:
            raise _meaning(error, timeout_s) from error
        except asyncio.CancelledError:
            if this_task_is_cancelled():
                raise
            # A closed channel cancels its calls, which is not a cancellation of this task.
            raise EncoderLostError("The connection to the encoder was closed.") from None
        except grpc.aio.UsageError as error:
            raise EncoderLostError("The connection to the encoder is closed.") from error
        return _arrays(response, outputs)


def _meaning(error: grpc.aio.AioRpcError, timeout_s: float) -> AmiraError:
    """Triton's own words stay in the log: they are about its insides."""
    _log.debug("encoder_call_failed", code=error.code().name, detail=error.details())
    if error.code() in _REFUSALS:
        return InternalError("The encoder refused a batch.")
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return EncoderLostError(f"The encoder did not answer within {timeout_s * 1000:.0f} ms.")
    return EncoderLostError("The encoder failed or is being restarted.")


def _request(model: str, batch: EncoderBatch, outputs: tuple[str, ...]) -> Any:
    request = service_pb2.ModelInferRequest(model_name=model)
    for name, array in (
        (wire.FEATURES, batch.features),
        (wire.SLOTS, batch.slots),
        (wire.GENERATIONS, batch.generations),
        (wire.RESET, batch.reset),
    ):
        request.inputs.add(name=name, datatype=wire.TYPES[name], shape=array.shape)
        request.raw_input_contents.append(array.tobytes())
    for name in outputs:
        request.outputs.add(name=name)
    return request


def _arrays(response: Any, names: tuple[str, ...]) -> list[NDArray[Any]]:
    """The outputs in the order of `names`. Copies, because views of a message are read-only."""
    try:
        found = {
            output.name: np.frombuffer(content, _DTYPES[output.name]).reshape(tuple(output.shape)).copy()
            for output, content in zip(response.outputs, response.raw_output_contents, strict=True)
        }
        return [found[name] for name in names]
    except (KeyError, ValueError) as error:
        raise EncoderLostError("The encoder's answer cannot be read: is it another version?") from error
