"""Finds the model field that a pydantic error location speaks of."""

import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

import pydantic
from pydantic.fields import FieldInfo

Found = tuple[tuple[str | int, ...], type[pydantic.BaseModel] | None, FieldInfo | None]


def field_at(model: type[pydantic.BaseModel], location: tuple[str | int, ...]) -> Found:
    """Key path, model that holds the last key, and that key's field.

    A pydantic location also names union members and mapping keys; the former are dropped.
    """
    path: list[str | int] = []
    annotation: Any = model
    owner: type[pydantic.BaseModel] | None = None
    info: FieldInfo | None = None
    for step in location:
        if step == "[key]":  # pydantic's mark that the key itself, named before, is at fault
            continue
        if member := _tagged(annotation, step):
            annotation = member
            continue
        annotation = _resolve(annotation, step)
        if _is_model(annotation):
            owner = annotation
            info = _field(owner, str(step))
            annotation = info.annotation if info else None
        elif _origin(annotation) in (dict, Mapping, list, tuple):
            annotation = get_args(annotation)[-1 if _origin(annotation) in (dict, Mapping) else 0]
        else:
            continue
        path.append(step)
    return tuple(path), owner, info


def examples(info: FieldInfo | None) -> list[Any]:
    """What could be written there: the field's own examples, or those of its type."""
    if info is None:
        return []
    union = get_origin(info.annotation) in (Union, types.UnionType)
    members = get_args(info.annotation) if union else ()
    places = [info, *(place for one in members for place in getattr(one, "__metadata__", ()))]
    given = (place.examples for place in places if isinstance(place, FieldInfo))
    return next((found for found in given if found), [])


def _resolve(annotation: Any, step: str | int) -> Any:
    """Strip Annotated, None and union members that can't hold `step`."""
    if hasattr(annotation, "__metadata__"):
        return _resolve(get_args(annotation)[0], step)
    if get_origin(annotation) in (Union, types.UnionType):
        members = [_resolve(arg, step) for arg in get_args(annotation)]
        holders = [arg for arg in members if _holds(arg, step)]
        return holders[0] if holders else annotation
    return annotation


def _tagged(annotation: Any, step: str | int) -> type[pydantic.BaseModel] | None:
    """The member of a union that pydantic has chosen by this value of its discriminator."""
    if hasattr(annotation, "__metadata__"):
        return _tagged(get_args(annotation)[0], step)
    if get_origin(annotation) not in (Union, types.UnionType):
        return None
    models = [member for member in get_args(annotation) if _is_model(member)]
    return next((m for m in models if step in _literals(m)), None)


def _literals(model: type[pydantic.BaseModel]) -> set[Any]:
    fields = model.model_fields.values()
    return {
        word
        for f in fields
        if get_origin(f.annotation) is Literal
        for word in get_args(f.annotation)
    }


def _holds(annotation: Any, step: str | int) -> bool:
    if _is_model(annotation):
        return _field(annotation, str(step)) is not None
    return _origin(annotation) in (dict, Mapping, list, tuple)


def _field(owner: type[pydantic.BaseModel], key: str) -> FieldInfo | None:
    """The field that is written as `key`, which may be an alias: `for` is no name in Python."""
    fields = owner.model_fields.items()
    return next((info for name, info in fields if key == (info.alias or name)), None)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel)


def _origin(annotation: Any) -> Any:
    return get_origin(annotation)
