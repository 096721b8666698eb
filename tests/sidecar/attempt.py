"""Calls something with arbitrary input."""


def attempt(refusal, function, *arguments):
    """Return what *function* returns and an empty text, or None and the text of its refusal."""
    try:
        return function(*arguments), ""
    except refusal as error:
        return None, str(error)
