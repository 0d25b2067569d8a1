"""`amira mic`: a microphone in, words on the terminal (and in files) while they are said.

Microphone ──pieces──► stream ──► server
    │ level              │ responses
    └────► Screen ◄──────┴──► captions.Keeper ──► files
"""
