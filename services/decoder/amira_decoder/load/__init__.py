"""Whether the decoder keeps up: what its steps cost, whom it still takes in, and whose turn it is."""

from amira_decoder.load.admission import LoadAdmission
from amira_decoder.load.meter import LoadMeter
from amira_decoder.load.pace import Pace
from amira_decoder.load.settings import LoadSettings

__all__ = ["LoadAdmission", "LoadMeter", "LoadSettings", "Pace"]
