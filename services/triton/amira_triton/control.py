"""The supervisor's calls to its Triton: is a model alive and in use, load one, unload one."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from tritonclient.grpc import service_pb2, service_pb2_grpc

from amira_core.rpc.channel import open_channel
from amira_encoder import wire
from amira_triton.addresses import split_address
from amira_triton.models import LoadedModel, overrides

_EMPTY_SHAPES = {wire.FEATURES: [0, 0, 0], wire.SLOTS: [0], wire.GENERATIONS: [0], wire.RESET: [0]}


class TritonControl:
    """A channel to one Triton. Every call raises grpc.aio.AioRpcError when it fails."""

    def __init__(self, address: str, admin_key: str, repository: Path) -> None:
        host, port = split_address(address)
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        target = f"[{reachable}]:{port}" if ":" in reachable else f"{reachable}:{port}"
        # A restarted server must be reached at once, not after the reconnection's growing pauses.
        self._channel = open_channel(target, [("grpc.max_reconnect_backoff_ms", 500)])
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._admin = (("triton-grpc-protocol-admin-key", admin_key),)
        self._repository = repository

    async def __aenter__(self) -> TritonControl:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def canary(self, timeout_s: float, model: str = wire.MODEL_NAME) -> wire.Description:
        """Sends an empty tick through a model. Triton's own readiness stays true when it is dead.

        Raises ValueError when what comes back is not a model's description.
        """
        request = service_pb2.ModelInferRequest(model_name=model)
        for name, shape in _EMPTY_SHAPES.items():
            request.inputs.add(name=name, datatype=wire.TYPES[name], shape=shape)
            request.raw_input_contents.append(b"")
        request.outputs.add(name=wire.ABOUT)
        response = await self._stub.ModelInfer(request, timeout=timeout_s)
        return wire.Description.from_bytes(b"".join(response.raw_output_contents))

    async def load(self, model: LoadedModel, timeout_s: float) -> None:
        """Loads a model; Triton's own when that is its name, else one beside it."""
        request = service_pb2.RepositoryModelLoadRequest(model_name=model.name)
        if model.name != wire.MODEL_NAME:
            config, files = overrides(model, self._repository)
            request.parameters["config"].string_param = config
            for name, content in files.items():
                request.parameters[name].bytes_param = content
        await self._stub.RepositoryModelLoad(request, timeout=timeout_s, metadata=self._admin)

    async def unload(self, model: LoadedModel, timeout_s: float) -> None:
        """Unloads a model; all stream states in it are gone, and its process ends."""
        request = service_pb2.RepositoryModelUnloadRequest(model_name=model.name)
        await self._stub.RepositoryModelUnload(request, timeout=timeout_s, metadata=self._admin)
