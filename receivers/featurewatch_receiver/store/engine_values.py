"""What the workflow engine keeps for us is JSON, and nothing that it reads is run.

A row's own column says how the engine reads it, so that whoever can write the database could have
it unpickle, and run, what they like: the setting of a serializer alone prevents nothing.
"""

import base64
import io
import pickle
from typing import Any

from dbos import DBOSPortableJSONSerializer
from dbos._serialization import DefaultSerializer

#: In which form values are written.
SERIALIZER = DBOSPortableJSONSerializer()


class _Data(pickle.Unpickler):
    """Texts, numbers and what is made of them: rows of an older receiver hold no more than that."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"a value in the database names code: {module}.{name}")


def read(_: object, stored: str) -> Any:
    """Return a pickled value that is data.

    Raises:
        pickle.UnpicklingError: it names a function or a class, which is refused.

    """
    return _Data(io.BytesIO(base64.b64decode(stored))).load()


DefaultSerializer.deserialize = read  # type: ignore[assignment, method-assign]
