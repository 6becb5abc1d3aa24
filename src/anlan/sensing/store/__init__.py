"""The observation store: every acknowledged reading, in columns, in plain files.

No server and no framework: one writer process per folder, any number of
readers.  ``docs/explanation/observation-store.md`` tells how it holds together.
"""

from anlan.sensing.store.asking import Message
from anlan.sensing.store.frames import Frame, frame_of
from anlan.sensing.store.hand import Hand
from anlan.sensing.store.reading import StoreReader
from anlan.sensing.store.rows import Rows
from anlan.sensing.store.writer import Kept, StoreWriter

__all__ = ["Frame", "Hand", "Kept", "Message", "Rows", "StoreReader", "StoreWriter", "frame_of"]
