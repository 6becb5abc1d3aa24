"""Quality before judgement: how far each stream can be believed, kept in columns.

Plain arrays and files, no framework.  ``state`` is what is remembered of each stream, ``taking``
folds frames into it, ``sweeping`` does what only time brings, ``flags`` says the same of the
readings of one stream, from the store.  ``docs/methods/quality.md`` defines every check.
"""
