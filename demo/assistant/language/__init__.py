"""From words that may be misheard to the command that was meant."""
