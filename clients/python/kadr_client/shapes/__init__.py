"""The JSON of Kadr as typed dicts: `asset` and `upload` (assets, uploads, tokens), `event`, and `fields` of requests.

Answers are the JSON as it came: a field that a newer Kadr adds is there, too. Times are ISO 8601 texts in UTC.
"""
