"""The supervisor's calls to its Triton: is the model alive, load it again."""

from __future__ import annotations

from types import TracebackType

from tritonclient.grpc import service_pb2, service_pb2_grpc

from amira_core.rpc.channel import open_channel
from amira_encoder import wire
from amira_triton.addresses import split_address

_EMPTY_SHAPES = {wire.FEATURES: [0, 0, 0], wire.SLOTS: [0], wire.GENERATIONS: [0], wire.RESET: [0]}


class TritonControl:
    """A channel to one Triton. Every call raises grpc.aio.AioRpcError when it fails."""

    def __init__(self, address: str, admin_key: str) -> None:
        host, port = split_address(address)
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        target = f"[{reachable}]:{port}" if ":" in reachable else f"{reachable}:{port}"
        # A restarted server must be reached at once, not after the reconnection's growing pauses.
        self._channel = open_channel(target, [("grpc.max_reconnect_backoff_ms", 500)])
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._admin = (("triton-grpc-protocol-admin-key", admin_key),)

    async def __aenter__(self) -> TritonControl:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def canary(self, timeout_s: float) -> None:
        """Sends an empty tick through the model. Triton's own readiness stays true when it is dead."""
        request = service_pb2.ModelInferRequest(model_name=wire.MODEL_NAME)
        for name, shape in _EMPTY_SHAPES.items():
            request.inputs.add(name=name, datatype=wire.TYPES[name], shape=shape)
            request.raw_input_contents.append(b"")
        await self._stub.ModelInfer(request, timeout=timeout_s)

    async def reload(self, unload_timeout_s: float, load_timeout_s: float) -> None:
        """Unloads the model and loads it afresh; all stream states in it are gone."""
        unload = service_pb2.RepositoryModelUnloadRequest(model_name=wire.MODEL_NAME)
        await self._stub.RepositoryModelUnload(unload, timeout=unload_timeout_s, metadata=self._admin)
        load = service_pb2.RepositoryModelLoadRequest(model_name=wire.MODEL_NAME)
        await self._stub.RepositoryModelLoad(load, timeout=load_timeout_s, metadata=self._admin)
