"""From descriptions of routes to an OpenAPI 3.1 document. Schemas come from the structs of the wire."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cellblock import __version__
from cellblock.api.outputs import Output
from cellblock.api.reference import execute, judge, piston, service
from cellblock.api.reference.operations import JSON, OF_HTTP, Answer, Header, Operation, Parameter, failures

Json = dict[str, Any]

CHAPTERS = (judge, execute, piston, service)
OPERATIONS: tuple[Operation, ...] = tuple(
    operation for chapter in CHAPTERS for operation in chapter.OPERATIONS
)
_DIALECT_NAMES = {"cellblock.api.judge.wire.": "Judge", "cellblock.api.execute.wire.": "Execute"}
_CONSTRAINTS: Mapping[tuple[str, str], Json] = {
    ("SubmitBody", "code"): {"minLength": 1},
    ("SubmitBody", "profile"): {"enum": ["judge", "executor", None]},
    ("FileBody", "encoding"): {"enum": ["utf8", "base64", "hex", "", None]},
    ("ExecuteBody", "files"): {"minItems": 1},
    ("PistonRequest", "files"): {"minItems": 1},
}
"""What the handlers check beyond types, where a schema can say it."""
_ABOUT = (
    "Runs other people's code in kernel-isolated cells and answers with measured evidence. Two APIs over one "
    "engine, and Piston's for its clients. Every answer carries `X-Request-Id`. A service without API keys "
    "listens on its own machine only and asks for none; with keys, send one as `X-API-Key` or as "
    "`Authorization: Bearer`."
)
_REQUEST_ID = Header(name="X-Request-Id", about="The request's name, the caller's own where it sent one.")


def openapi(operations: Sequence[Operation] = OPERATIONS) -> Json:
    """Return the document."""
    types = list(_types(operations))
    references, components = msgspec.json.schema_components(
        types, schema_hook=_schema_of_output, ref_template="#/components/schemas/{name}"
    )
    schemas = {str(type_): reference for type_, reference in zip(types, references, strict=True)}
    for type_ in _structs(types):
        _describe_fields(components, type_)
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": "cellblock", "version": __version__, "description": _ABOUT},
        "tags": [{"name": chapter.TAG, "description": chapter.ABOUT} for chapter in CHAPTERS],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearerKey": {"type": "http", "scheme": "bearer", "description": "The same key."},
                "metricsToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token that the operator set for figures.",
                },
            },
        },
    }
    return _renamed(document)


def _operation(operation: Operation, schemas: Mapping[str, Json]) -> Json:
    described: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {str(answer.status): _answer(answer, schemas) for answer in operation.answers}
        | _of_http(operation, schemas),
        "security": [*({name: []} for name in operation.security), {}],
    }
    if operation.about:
        described["description"] = operation.about
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {
                JSON: _content([schemas[str(operation.body)]], _without_nulls(operation.body_examples))
            },
        }
    return described


def _of_http(operation: Operation, schemas: Mapping[str, Json]) -> Json:
    """Describe what HTTP itself refuses, as far as the route's own answers leave it open."""
    own = {answer.status for answer in operation.answers}
    dialect = {execute.TAG: execute, piston.TAG: piston}.get(operation.tag, judge)
    answers = failures(dialect.error, dialect.ERROR_BODY, OF_HTTP)
    return {
        str(answer.status): _answer(answer, schemas) | {"x-of-http": True}
        for answer in answers
        if answer.status not in own
    }


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.about,
        "required": parameter.required,
        "schema": dict(parameter.schema),
        "example": parameter.example,
    }


def _answer(answer: Answer, schemas: Mapping[str, Json]) -> Json:
    bodies = [schemas[str(type_)] for type_ in answer.body] or [{"type": "string"}]
    return {
        "description": answer.about,
        "headers": {
            header.name: {"description": header.about, "schema": {"type": header.type}}
            for header in (*answer.headers, _REQUEST_ID)
        },
        "content": {answer.media_type: _content(bodies, answer.examples)},
    }


def _content(bodies: Sequence[Json], examples: Mapping[str, object]) -> Json:
    content: Json = {"schema": bodies[0] if len(bodies) == 1 else {"anyOf": list(bodies)}}
    if examples:
        content["examples"] = {
            f"example{number}": {"summary": about, "value": msgspec.to_builtins(value, enc_hook=str)}
            for number, (about, value) in enumerate(examples.items(), start=1)
        }
    return content


def _without_nulls(value: Any) -> Any:
    """Return JSON's own kinds of values, without what a request leaves out."""
    plain = msgspec.to_builtins(value, enc_hook=str)
    if isinstance(plain, dict):
        return {name: _without_nulls(value) for name, value in plain.items() if value is not None}
    return [_without_nulls(value) for value in plain] if isinstance(plain, list) else plain


def _schema_of_output(type_: type) -> Json:
    if type_ is not Output:
        raise NotImplementedError(f"{type_} has no schema")
    return {"type": "string"}


def _types(operations: Iterable[Operation]) -> Iterable[Any]:
    found = {}
    for operation in operations:
        bodies = [body for answer in operation.answers for body in answer.body]
        for type_ in (*bodies, *([operation.body] if operation.body else [])):
            found[str(type_)] = type_
    return found.values()


def _structs(types: Sequence[Any]) -> Iterable[type[msgspec.Struct]]:
    """Return every struct that the types are made of."""
    seen: set[type[msgspec.Struct]] = set()

    def visit(info: msgspec.inspect.Type) -> None:
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                return
            seen.add(info.cls)
            for field in info.fields:
                visit(field.type)
        for inner in (*getattr(info, "types", ()), *getattr(info, "item_types", ())):
            visit(inner)
        if (item := getattr(info, "item_type", None)) is not None:
            visit(item)

    for info in msgspec.inspect.multi_type_info(types):
        visit(info)
    return seen


def _describe_fields(components: dict[str, Json], struct: type[msgspec.Struct]) -> None:
    """Give a struct's properties the docstrings of its fields, and what is checked of them."""
    qualified = f"{struct.__module__}.{struct.__qualname__}"
    component = components.get(struct.__name__) or components[qualified]
    about = _field_docs(struct)
    for field in msgspec.structs.fields(struct):
        schema = component["properties"][field.encode_name]
        schema |= _CONSTRAINTS.get((struct.__name__, field.name), {})
        if field.name in about:
            schema["description"] = about[field.name]


def _field_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Read the strings that stand below a struct's fields from its source."""
    tree = ast.parse(inspect.getsource(sys.modules[struct.__module__]))
    body = next(
        node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == struct.__name__
    )
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _renamed(document: Json) -> Json:
    """Give structs of one name in several dialects names of their own."""
    text = msgspec.json.encode(document).decode()
    for module, dialect in _DIALECT_NAMES.items():
        text = text.replace(module, dialect)
    renamed: Json = msgspec.json.decode(text.replace("``", "`"))
    return renamed
