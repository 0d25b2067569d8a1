"""Real words over a WebSocket: those of the gRPC stream."""

from __future__ import annotations

import json

import aiohttp

from amira_client import AmiraClient
from tests.stack.test_words import CLIP, pcm_of, texts_in_pieces
from tests.support.stack import StackThread

PIECE_BYTES = 6400


async def test_the_words_are_those_of_the_grpc_stream(running: StackThread, client: AmiraClient) -> None:
    pcm = pcm_of(CLIP)
    url = f"ws://{running.stack.web_address}/v1/stream"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        await ws.send_json({"config": {"encoding": "AUDIO_ENCODING_LINEAR16", "sampleRateHz": 16000}})
        for start in range(0, len(pcm), PIECE_BYTES):
            await ws.send_bytes(pcm[start : start + PIECE_BYTES])
        await ws.send_json({"control": {"endOfAudio": {}}})
        messages = [json.loads(message.data) async for message in ws]
    assert messages[-1] == {"status": {"code": "OK"}}
    heard = [
        message["result"]["alternatives"][0]["text"]
        for message in messages
        if message.get("result", {}).get("isFinal")
    ]
    assert heard == await texts_in_pieces(client, pcm, [])
    assert len(" ".join(heard).split()) > 5
