"""Value types shared by every configuration model: durations, ratios, names, URLs."""

import re
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import Field
from pydantic_core import CoreSchema, core_schema

DURATION = r"^(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?$"
QUANTITY = r"^([0-9]+)(Ki|Mi|Gi|Ti|k|M|G|T)?$"
_SIZES = {"": 1} | {
    prefix + binary: int((1024 if binary else 1000) ** power)
    for power, prefix in enumerate("KMGT", start=1)
    for binary in ("i", "")
}
_SIZES["k"] = _SIZES.pop("K")
#: What ends a line to some reader of YAML, or can't stand there as it is.
CONTROLS = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_UNITS = (86_400, 3_600, 60, 1)
HIGHEST_PORT = 65_535


class Strict(pydantic.BaseModel):
    """A frozen model that refuses unknown keys and does not turn one type into another."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


class _TakenOutByNull:
    """A map of which an overlay takes out an entry by null."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: pydantic.GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._present, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: pydantic.GetJsonSchemaHandler
    ) -> dict[str, Any]:
        schema = handler(core)
        if entries := schema.get("patternProperties"):
            null = {name: _or_null(entry) for name, entry in entries.items()}
            return schema | {"patternProperties": null}
        return schema | {"additionalProperties": _or_null(schema["additionalProperties"])}

    @staticmethod
    def _present(entries: Any) -> Any:
        if not isinstance(entries, dict):
            return entries
        return {name: entry for name, entry in entries.items() if entry is not None}


Key = TypeVar("Key")
Value = TypeVar("Value")
#: What an overlay adds to, changes, and takes out of: ``recipients: {on_call_engineer: null}``.
Entries = Annotated[dict[Key, Value], _TakenOutByNull()]


def seconds(duration: str) -> int:
    """Seconds in a Prometheus duration of days, hours, minutes and seconds: 1h30m is 5400.

    Raises:
        ValueError: the text is not such a duration.

    """
    match = re.fullmatch(DURATION, duration)
    if not match or not duration:
        raise ValueError("is not a duration")
    return sum(int(count or 0) * unit for count, unit in zip(match.groups(), _UNITS, strict=True))


def quantity(text: str) -> int:
    """Bytes in a quantity as Kubernetes writes memory: 512Mi is 536870912.

    Raises:
        ValueError: the text is not such a quantity.

    """
    match = re.fullmatch(QUANTITY, text)
    if not match:
        raise ValueError("is not a quantity")
    count, unit = match.groups("")
    return int(count) * _SIZES[unit]


def _is_duration(text: str) -> str:
    seconds(text)
    return text


def _is_regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return text


def _is_positive(text: str) -> str:
    if not seconds(text):
        raise ValueError("must be longer than 0s")
    return text


def _can_be_written(text: str, breaks: str = "\n\t") -> str:
    found = set(re.findall(rf"[{CONTROLS}]", text)) - set(breaks)
    if found:
        signs = ", ".join(f"U+{ord(sign):04X}" for sign in sorted(found))
        raise ValueError(f"has a line break or control character: {signs}; leave it out")
    return text


def _is_one_line(text: str) -> str:
    return _can_be_written(text, breaks="")


def has_port(address: str, lowest: int = 1) -> str:
    """Return HOST:PORT as it is.

    Raises:
        ValueError: the port is not from `lowest` to 65535.

    """
    if not lowest <= int(address.rpartition(":")[2]) <= HIGHEST_PORT:
        raise ValueError(f"the port must be from {lowest} to {HIGHEST_PORT}")
    return address


# The pattern needs a digit first; an empty string would satisfy DURATION alone.
_schema = {"pattern": r"^(?=[0-9])" + DURATION[1:]}
Duration = Annotated[
    str,
    pydantic.AfterValidator(_is_duration),
    Field(examples=["30s"], json_schema_extra=_schema),
]
PositiveDuration = Annotated[
    str,
    pydantic.AfterValidator(_is_positive),
    Field(examples=["5m"], json_schema_extra=_schema),
]
Name = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_-]*$", examples=["feature_extractor"])]
#: A name, on Kubernetes perhaps with its kind, as kubectl takes it.
WorkloadName = Annotated[
    str,
    Field(
        pattern=r"^((deployment|statefulset)/)?[a-zA-Z_][a-zA-Z0-9_-]*$",
        examples=["feature_extractor"],
    ),
]
Text = Annotated[
    str,
    pydantic.AfterValidator(_can_be_written),
    Field(min_length=1, examples=["some text"]),
]
#: A name that others gave, as of an extractor: any text of one line.
Line = Annotated[
    str,
    pydantic.AfterValidator(_is_one_line),
    Field(min_length=1, examples=["some name"], json_schema_extra={"pattern": f"^[^{CONTROLS}]+$"}),
]
Regex = Annotated[
    str,
    pydantic.AfterValidator(_is_regex),
    Field(pattern=rf'^[^"\\{CONTROLS}]+$', examples=["featurewatch.*"]),
]
Url = Annotated[
    str,
    # A login with one of /?# in it would be taken for the host, and told.
    Field(
        pattern=r"^https?://([^\s/?#@]*@)?[^\s/?#@:][^\s/?#@]*(/\S*)?$",
        examples=["http://localhost:9099"],
    ),
]
File = Annotated[str, Field(min_length=1, examples=["/etc/featurewatch/receiver-token"])]
Count = Annotated[int, Field(ge=1, examples=[1])]
Quantity = Annotated[str, Field(pattern=QUANTITY, examples=["8Gi"])]
