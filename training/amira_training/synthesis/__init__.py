"""Speech made by synthesizers: more words, and a second of audio per few milliseconds."""
