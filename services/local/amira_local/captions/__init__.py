"""What is being said, in files that others read while they grow.

results ──► Keeper (a task) ──► CaptionFile: .srt .vtt .txt .json, appended to
                            └─► LastLines: the newest lines alone, for OBS
"""
