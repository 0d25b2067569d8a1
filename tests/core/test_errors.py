"""The error tree, its documentation and its way through gRPC are complete, in both directions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.interceptor import ErrorInterceptor
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.status import DOWNSTREAM_STATUS_IS_LOSS, from_rpc_error, to_rpc_status

ROOT = Path(__file__).resolve().parent.parent.parent
ERRORS = [error for error in errors.all_errors() if error is not errors.AmiraError]


def documented() -> dict[str, tuple[str, str]]:
    """reason -> (status, retry) of each row of docs/ERRORS.md with a reason in its first column."""
    rows = {}
    for line in (ROOT / "docs" / "ERRORS.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            assert cells[0] not in rows
            rows[cells[0].strip("`")] = (cells[1], cells[2])
    return rows


def test_every_error_has_a_row_of_its_own_and_every_row_an_error() -> None:
    expected = {
        error.reason: (error.status.name, "yes" if error("x").retryable else "no") for error in ERRORS
    }
    assert len(expected) == len(ERRORS), "two classes share a reason"
    assert documented() == expected


def test_the_module_draws_every_error() -> None:
    drawn = errors.__doc__ or ""
    for error in ERRORS:
        assert f" {error.__name__} " in drawn.replace("\n", " \n"), error.__name__


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.reason)
def test_reasons_lead_back(error: type[errors.AmiraError]) -> None:
    assert errors.error_by_reason(error.reason) is error
    assert error.__doc__


def test_unknown_reasons_lead_nowhere() -> None:
    assert errors.error_by_reason("NO_SUCH_REASON") is None


def test_every_status_is_either_a_loss_or_not() -> None:
    assert set(DOWNSTREAM_STATUS_IS_LOSS) == set(grpc.StatusCode)


class Raiser(grpc.GenericRpcHandler):
    """Any method: raises what it is told, as any of the three shapes of handler."""

    failure: BaseException | None = None
    status: grpc.Status | None = None

    def service(self, handler_call_details: Any) -> Any:
        async def act(request: Any, context: Any) -> bytes:
            if self.status is not None:
                await context.abort_with_status(self.status)
            if self.failure is not None:
                raise self.failure
            return b"fine"

        async def generate(request: Any, context: Any) -> AsyncIterator[bytes]:
            yield b"first"
            yield await act(request, context)

        async def write(request: Any, context: Any) -> None:
            await context.write(b"first")
            await context.write(await act(request, context))

        return {
            "/x/unary": grpc.unary_unary_rpc_method_handler(act),
            "/x/upload": grpc.stream_unary_rpc_method_handler(act),
            "/x/generator": grpc.unary_stream_rpc_method_handler(generate),
            "/x/coroutine": grpc.stream_stream_rpc_method_handler(write),
        }.get(handler_call_details.method)


@asynccontextmanager
async def raiser() -> AsyncIterator[tuple[Raiser, grpc.aio.Channel]]:
    handler = Raiser()
    server = grpc.aio.server(interceptors=[ErrorInterceptor()])
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
        yield handler, channel
    await server.stop(None)


async def call(channel: grpc.aio.Channel, shape: str) -> list[bytes]:
    """What came, or AioRpcError."""
    if shape == "unary":
        return [await channel.unary_unary("/x/unary")(b"")]
    if shape == "upload":
        return [await channel.stream_unary("/x/upload")(iter([b""]))]
    if shape == "generator":
        return [message async for message in channel.unary_stream("/x/generator")(b"")]
    stream: DuplexCall[bytes, bytes] = DuplexCall(channel.stream_stream("/x/coroutine")())
    if await stream.write(b""):
        await stream.done_writing()
    messages = []
    while (message := await stream.read()) is not None:
        messages.append(message)
    return messages


SHAPES = ["unary", "upload", "generator", "coroutine"]


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_error_comes_back_as_itself(shape: str) -> None:
    async with raiser() as (handler, channel):
        for error in ERRORS:
            if error is errors.InternalError:
                continue
            handler.failure = error(
                "what was wrong: ä", retry_after_ms=4321 if error("x").retryable else None
            )
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(channel, shape)
            assert failure.value.code() is error.status
            back = from_rpc_error(failure.value, errors.DecoderLostError)
            assert type(back) is error
            assert back.message == "what was wrong: ä"
            assert back.retry_after_ms == (4321 if error("x").retryable else None)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wrapped", [False, True])
async def test_bugs_show_an_incident_and_nothing_else(shape: str, wrapped: bool) -> None:
    bug: Exception = ValueError("secret")
    async with raiser() as (handler, channel):
        handler.failure = ExceptionGroup("tasks", [bug]) if wrapped else bug
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(channel, shape)
        assert failure.value.code() is grpc.StatusCode.INTERNAL
        assert (failure.value.details() or "").startswith("Internal error, incident ")
        assert "secret" not in str(failure.value)
        assert isinstance(from_rpc_error(failure.value, errors.DecoderLostError), errors.DecoderLostError)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_task_groups_single_error_is_unwrapped(shape: str) -> None:
    async with raiser() as (handler, channel):
        handler.failure = ExceptionGroup("tasks", [errors.HotwordError("no")])
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(channel, shape)
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_stray_cancellation_does_not_leave_the_client_hanging(shape: str) -> None:
    async with raiser() as (handler, channel):
        handler.failure = asyncio.CancelledError()
        async with asyncio.timeout(60):
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(channel, shape)
        assert failure.value.code() is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("shape", SHAPES)
async def test_answers_and_own_aborts_pass_untouched(shape: str) -> None:
    async with raiser() as (handler, channel):
        assert (await call(channel, shape))[-1] == b"fine"
        handler.status = rpc_status.to_status(
            status_pb2.Status(code=code_pb2.Code.ALREADY_EXISTS, message="own")
        )
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call(channel, shape)
        assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.ALREADY_EXISTS, "own")


async def test_unknown_methods_are_unimplemented() -> None:
    async with raiser() as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await channel.unary_unary("/x/none")(b"")
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


def bare(code: grpc.StatusCode, metadata: grpc.aio.Metadata | None = None) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata or grpc.aio.Metadata(), "words")


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_bare_statuses(code: grpc.StatusCode) -> None:
    error = from_rpc_error(bare(code), errors.FrontendLostError)
    if DOWNSTREAM_STATUS_IS_LOSS[code]:
        assert isinstance(error, errors.FrontendLostError)
        assert error.retryable
    elif code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        assert isinstance(error, errors.NoCapacityError)
    else:
        assert isinstance(error, errors.InvalidRequestError)
        assert error.message == "words"


def test_details_that_contradict_the_status_are_not_believed() -> None:
    packed = to_rpc_status(errors.HotwordError("no")).trailing_metadata
    failure = bare(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(*packed))
    assert isinstance(from_rpc_error(failure, errors.DecoderLostError), errors.DecoderLostError)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_huge_value_quoted_in_a_message_does_not_cost_the_status(shape: str) -> None:
    async with raiser() as (handler, channel):
        for letter in ("k", "\u8a9e", "\0"):
            handler.failure = errors.UnknownModelError(f"No model {letter * 1_000_000}")
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await call(channel, shape)
            back = from_rpc_error(failure.value, errors.DecoderLostError)
            assert type(back) is errors.UnknownModelError
            assert back.message.startswith("No model")
