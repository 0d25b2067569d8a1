"""Speech recognition for LiveKit Agents.

    session = AgentSession(stt=amira_client.livekit.STT("amira.example:443", tls=True, api_key="..."))

Interims, finals with word times and confidence, start and end of speech, flush (manual commits), key terms
(as hotwords, in mid-stream too). A server that is lost is replaced without LiveKit noticing; it hears of an
error when none can be found for half a minute. Needs livekit-agents: ``pip install 'amira-client[livekit]'``.
"""

from amira_client.livekit.recognizer import STT
from amira_client.livekit.speech_stream import SpeechStream
from amira_client.livekit.translation import api_error

__all__ = ["STT", "SpeechStream", "api_error"]
