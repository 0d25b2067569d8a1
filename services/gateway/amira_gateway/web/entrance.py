"""What every way in over HTTP needs of the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from amira_gateway import metrics
from amira_gateway.access import Door
from amira_gateway.server import SpeechServicer
from amira_gateway.settings import GatewaySettings
from amira_gateway.web.origins import Origins

_BASE64 = 4 / 3
_ROOM_FOR_FIELDS = 4096


@dataclass(frozen=True, slots=True)
class Entrance:
    """The one core that all protocols are adapters over."""

    speech: SpeechServicer
    door: Door
    origins: Origins
    settings: GatewaySettings

    @property
    def max_message_bytes(self) -> int:
        """Longest WebSocket message: the most audio in one, as text."""
        return int(self.settings.max_message_audio_bytes * _BASE64) + _ROOM_FOR_FIELDS

    def check_room(self) -> None:
        """Refuses what would be refused anyway, before a body is read or a connection becomes a WebSocket.

        Raises NoCapacityError or DrainingError.
        """
        with metrics.refusals():
            self.speech.admission.check()
            self.speech.loop_lag.check(self.speech.admission.streams)
