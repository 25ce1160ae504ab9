"""The OpenAPI document as one page: no script, nothing from elsewhere, readable without either."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

Json = Mapping[str, Any]

_STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
_CODE = re.compile(r"`([^`]+)`")


def headers() -> dict[str, str]:
    """Return what the browser is to hold the page to: its own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return {
        "content-security-policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


def html(document: Json) -> str:
    """Return the page."""
    info = document["info"]
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    chapters = [
        (tag, [entry for entry in operations if tag["name"] in entry[2]["tags"]]) for tag in document["tags"]
    ]
    contents = "".join(_contents(tag, entries) for tag, entries in chapters)
    sections = "".join(_chapter(tag, entries) for tag, entries in chapters)
    schemas = "".join(_schema(name, schema) for name, schema in document["components"]["schemas"].items())
    title = escape(f"{info['title']} API")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>"
        f'<nav aria-label="Contents"><p class="brand">{escape(info["title"])} '
        f"<small>{escape(info['version'])}</small></p>{contents}"
        '<h2>More</h2><ul><li><a href="#schemas">Schemas</a></li>'
        '<li><a href="/openapi.json">OpenAPI document</a></li></ul></nav>'
        f'<main><header><h1>{title}</h1><p class="lead">{_prose(info["description"])}</p></header>'
        f'{sections}<section id="schemas"><h2>Schemas</h2>{schemas}</section></main></body></html>'
    )


def _contents(tag: Json, entries: Iterable[tuple[str, str, Json]]) -> str:
    links = "".join(
        f'<li><a href="#{escape(operation["operationId"])}">{_method(method)} {_path(path)}</a></li>'
        for path, method, operation in entries
    )
    return f"<h2>{escape(tag['name'])}</h2><ul>{links}</ul>"


def _chapter(tag: Json, entries: Iterable[tuple[str, str, Json]]) -> str:
    operations = "".join(_operation(path, method, operation) for path, method, operation in entries)
    return f"<section><h2>{escape(tag['name'])}</h2><p>{_prose(tag['description'])}</p>{operations}</section>"


def _operation(path: str, method: str, operation: Json) -> str:
    about = f"<p>{_prose(operation['description'])}</p>" if "description" in operation else ""
    schemes = [name for requirement in operation["security"] for name in requirement]
    access = f'<p class="access">Access: {_prose(_access(schemes))}</p>'
    return (
        f'<article id="{escape(operation["operationId"])}">'
        f"<h3>{_method(method)} <code>{_path(path)}</code></h3>"
        f'<p class="summary">{_prose(operation["summary"])}</p>{about}{access}'
        f"{_parameters(operation['parameters'])}{_request(operation.get('requestBody'))}"
        f"<h4>Answers</h4>{_answers(operation['responses'])}</article>"
    )


def _access(schemes: list[str]) -> str:
    if "apiKey" in schemes:
        return "an API key, where the service has any"
    return "the metrics token, or the service's own machine where none is set" if schemes else "open"


def _parameters(parameters: Iterable[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}"
        f"{' · required' if parameter['required'] else ''}</td><td>{_type(parameter['schema'])}</td>"
        f"<td>{_prose(parameter['description'])}</td></tr>"
        for parameter in parameters
    )
    return _table(("Parameter", "Where", "Type", "Meaning"), rows) if rows else ""


def _request(body: Json | None) -> str:
    if body is None:
        return ""
    ((media_type, content),) = body["content"].items()
    return (
        f"<h4>Body</h4><p>{_type(content['schema'])} as <code>{escape(media_type)}</code></p>"
        f"{_examples(content)}"
    )


def _answers(responses: Mapping[str, Json]) -> str:
    return "".join(
        _answer(status, answer) for status, answer in responses.items() if "x-of-http" not in answer
    )


def _answer(status: str, answer: Json) -> str:
    ((media_type, content),) = answer["content"].items()
    names = ", ".join(f"<code>{escape(name)}</code>" for name in answer["headers"])
    is_open = " open" if status == "200" else ""
    return (
        f'<details class="s{escape(status[0])}"{is_open}><summary><b>{escape(status)}</b> '
        f"{_prose(answer['description'])}</summary>"
        f"<p>{_type(content['schema'])} as <code>{escape(media_type)}</code> · headers: {names}</p>"
        f"{_examples(content)}</details>"
    )


def _examples(content: Json) -> str:
    return "".join(
        f"<figure><figcaption>{_prose(example['summary'])}</figcaption>"
        f'<pre tabindex="0">{escape(_written(example["value"]))}</pre></figure>'
        for example in content.get("examples", {}).values()
    )


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _schema(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_type(about)}"
        f"{' · required' if field in required else ''}</td>"
        f"<td>{_prose(about.get('description', ''))}</td></tr>"
        for field, about in schema.get("properties", {}).items()
    )
    body = _table(("Field", "Type", "Meaning"), rows) if rows else f"<p>{_type(schema)}</p>"
    return (
        f'<article id="schema-{escape(name)}"><h3><code>{escape(name)}</code></h3>'
        f"<p>{_prose(schema.get('description', ''))}</p>{body}</article>"
    )


def _type(schema: Json) -> str:
    """Word a schema in a few words, with a link to what has a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "enum" in schema:
        return " ".join(f"<code>{escape(_literal(value))}</code>" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        return f"array of {_type(schema['items'])}"
    return escape(schema.get("type", "any"))


def _literal(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _table(columns: Iterable[str], rows: str) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _method(method: str) -> str:
    return f'<span class="method {escape(method)}">{escape(method.upper())}</span>'


def _path(path: str) -> str:
    return escape(path).replace("/", "/<wbr>")


def _prose(text: str) -> str:
    """Return text with its `code` marked."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))
