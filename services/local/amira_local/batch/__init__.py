"""`amira transcribe` over many files: found, transcribed side by side, written, gone on with.

find ──recordings──► targets ──jobs──► worker x parallel ──transcripts──► ledger (files, and a note of them)
                                           │ events
                                           └──► view (bars, or lines)
"""
