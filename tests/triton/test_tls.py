"""Triton's port with TLS: the supervisor and the decoder get in with their certificates, nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amira_core.errors import EncoderLostError
from amira_core.security import transport
from amira_core.security.transport import Transport, configure_transport
from amira_core.settings import ServiceSettings
from amira_decoder.encoder.triton import TritonEncoder
from tests.support.certificates import Authority
from tests.support.triton import TritonProcess

SLOTS = 4


@pytest.fixture
def _plain_again() -> Iterator[None]:
    """What a test configures is this process's own: the next must not find it."""
    yield
    transport._current = Transport()


async def slots(target: str, settings: ServiceSettings) -> int:
    configure_transport(settings)
    encoder = TritonEncoder(target, connect_timeout_s=1)
    try:
        await encoder.connect()
        return encoder.slots
    finally:
        await encoder.close()


@pytest.mark.usefixtures("_plain_again")
async def test_only_those_with_a_certificate_get_in(model_dir: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("triton")
    own = {"tls_ca": str(authority.ca), "tls_client_cert": str(pair.cert), "tls_client_key": str(pair.key)}
    triton = TritonProcess.start(
        model_dir,
        SLOTS,
        tls_cert=str(pair.cert),
        tls_key=str(pair.key),
        tls_client_ca=str(authority.ca),
        **own,
    )
    try:
        assert await slots(triton.target, ServiceSettings(**own)) == SLOTS
        for other in (ServiceSettings(), ServiceSettings(tls_ca=str(authority.ca))):
            with pytest.raises(EncoderLostError):
                await slots(triton.target, other)
    finally:
        triton.stop()
