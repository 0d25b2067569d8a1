"""`amira models`: which models there are, fetching published ones, looking at one, trying one.

Start at :mod:`amira_local.models.commands`. ``docs/MODELS.md`` is the page for users.
"""
