"""The OpenAPI document against the service: every route, every struct, real answers; and the page."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import uuid
from html.parser import HTMLParser
from pathlib import Path

import jsonschema_rs
import pytest
from litestar import Litestar

from cellblock.api.piston.wire import PistonBody
from cellblock.api.reference.document import OPERATIONS, openapi
from cellblock.api.reference.piston import PistonRequest
from doubles import Gate, answer_executed, until
from receivers import PUBLIC, LoopbackNetwork
from running import running
from sent import sent

pytestmark = pytest.mark.anyio
DOCUMENT = openapi()
PROGRAM = {"language": "python", "code": "print(1)"}
PISTON = {"language": "python", "version": "*", "files": [{"content": "print(1)"}]}


def served(service) -> set[tuple[str, str]]:
    """Return (path, method) of every handler, but for the OPTIONS that the framework adds."""
    application = service.application
    while not isinstance(application, Litestar):
        application = application._app
    return {
        (route.path_format, method)
        for route in application.routes
        for method in route.methods
        if method != "OPTIONS"
    }


def described() -> set[tuple[str, str]]:
    return {(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods}


def content_of(path: str, method: str, status: int):
    ((media_type, content),) = DOCUMENT["paths"][path][method.lower()]["responses"][str(status)][
        "content"
    ].items()
    return media_type, content


def validator(schema) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def check(answer, path: str, status: int) -> None:
    """Assert that an answer is the one that the document describes."""
    assert answer.status_code == status, answer.text
    method = answer.request.method
    media_type, content = content_of(path, method, status)
    assert answer.headers["content-type"].partition(";")[0] == media_type
    announced = DOCUMENT["paths"][path][method.lower()]["responses"][str(status)]["headers"]
    assert "x-request-id" in {name.lower() for name in announced}
    if media_type == "application/json":
        validator(content["schema"]).validate(answer.json())


async def test_every_route_is_described_and_nothing_else_is(service):
    assert served(service) == described()


async def test_document_is_served_as_it_was_made_and_says_which_openapi_it_is(service):
    answer = await service.http.get("/openapi.json")
    check(answer, "/openapi.json", 200)
    assert answer.json() == DOCUMENT
    assert answer.json()["openapi"] == "3.1.0"


async def test_real_answers_of_the_judge_api_are_as_described(tmp_path):
    changes = {"CELLBLOCK_SYNC_WAIT_MAX_MS": "1", "CELLBLOCK_QUEUE_CAPACITY": "1"}
    gate = Gate()
    async with running(tmp_path, changes=changes, script=gate) as service:
        http = service.http
        first = await service.submit()
        check(first, "/api/submit", 408)
        check(await service.submit(wait=False), "/api/submit", 202)
        await until(lambda: gate.held == 2)
        check(await service.submit(wait=False), "/api/submit", 202)
        check(await service.submit(wait=False), "/api/submit", 503)
        route = "/api/result/{submission_id}"
        check(await http.get(f"/api/result/{first.json()['id']}"), route, 200)
        gate.open()
        await service.finished(first.json()["id"])
        check(await http.get(f"/api/result/{first.json()['id']}"), route, 200)
        check(await http.get("/api/result/abc"), route, 400)
        log = f"/api/result/{first.json()['id']}/deliveries"
        check(await http.get(log), f"{route}/deliveries", 200)
        check(await http.get(f"/api/result/{uuid.uuid4()}/deliveries"), f"{route}/deliveries", 404)
        check(await http.get(f"/api/result/{uuid.uuid4()}"), route, 404)
        check(await http.post("/api/submit", json={"language": "python"}), "/api/submit", 422)
        check(await service.submit(""), "/api/submit", 400)
        check(await http.post("/api/submit", content="x" * 2_000_000), "/api/submit", 413)
        check(await http.post("/api/submit", content="x"), "/api/submit", 415)
        check(await http.get("/api/languages"), "/api/languages", 200)
        check(await http.get("/api/health"), "/api/health", 200)
        check(await http.get("/api/health/ready"), "/api/health/ready", 200)
        check(await http.get("/metrics"), "/metrics", 200)
        check(await http.get("/metrics", headers={"via": "1.1 proxy"}), "/metrics", 401)
        await service.supervisor.die()
        await asyncio.sleep(0.05)
        check(await http.get("/api/health/ready"), "/api/health/ready", 503)


@pytest.mark.parametrize("path", ["/api/submit", "/v1/execute", "/api/v2/execute"])
async def test_what_http_itself_refuses_is_as_described(executor, path):
    check(await executor.http.post(f"{path}?{'x' * 9000}", json=PROGRAM), path, 414)
    check(await executor.http.post(path, json=PROGRAM, headers={"x-long": "x" * 60_000}), path, 431)


async def test_store_that_fails_is_described_on_every_route_that_asks_for_a_key(service, monkeypatch):
    monkeypatch.setattr(service.keys._database, "_peeking", None)
    asking = [operation for operation in OPERATIONS if operation.security and operation.path != "/metrics"]
    assert len(asking) == 8
    for operation in asking:
        path = operation.path.format(submission_id=uuid.uuid4())
        body = PROGRAM if operation.method == "POST" else None
        answer = await service.http.request(operation.method, path, json=body)
        check(answer, operation.path, 503)
        _, content = content_of(operation.path, operation.method, 503)
        assert "the store cannot be reached, try again later" in json.dumps(content["examples"]), (
            operation.path
        )


async def test_finished_records_and_replays_are_as_described(service):
    key = {"idempotency-key": str(uuid.uuid4())}
    body = {"params": {"wait": "true"}, "json": PROGRAM, "headers": key}
    check(await service.http.post("/api/submit", **body), "/api/submit", 200)
    check(await service.http.post("/api/submit", **body), "/api/submit", 202)


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/execute", PROGRAM), ("/api/v2/execute", PISTON)], ids=["execute", "piston"]
)
async def test_real_answers_of_the_execute_apis_are_as_described(executor, path, body):
    http = executor.http
    executor.supervisor.script = answer_executed
    check(await http.post(path, json=body), path, 200)
    check(await http.post(path, json={**body, "language": "typescript"}), path, 200)
    check(await http.post(path, json={**body, "language": "brainfuck"}), path, 400)
    check(await http.post(path, content="x" * 5_000_000), path, 413)
    check(await http.post(path, content="x"), path, 415)
    runtimes = path.replace("execute", "runtimes")
    check(await http.get(runtimes), runtimes, 200)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_examples_fit_their_schemas(operation):
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    contents = [
        content for answer in described["responses"].values() for content in answer["content"].values()
    ]
    if "requestBody" in described:
        contents += described["requestBody"]["content"].values()
    for content in contents:
        for example in content.get("examples", {}).values():
            validator(content["schema"]).validate(example["value"])


@pytest.fixture
async def sealed(tmp_path, several_languages):
    """A service that runs everything well and whose webhooks never leave this machine."""
    network = LoopbackNetwork()
    network.names["receiver.example"] = [[PUBLIC]]  # a connection to which ends here, at nobody
    async with running(
        tmp_path, script=answer_executed, status=several_languages, network=network.network
    ) as instance:
        yield instance


async def test_examples_of_requests_are_served(sealed):
    for operation in OPERATIONS:
        for example in operation.body_examples:
            content = DOCUMENT["paths"][operation.path]["post"]["requestBody"]["content"]["application/json"]
            values = {entry["summary"]: entry["value"] for entry in content["examples"].values()}
            answer = await sealed.http.post(operation.path, json=values[example])
            assert answer.status_code in {200, 202}, (operation.path, example, answer.text)


def test_every_status_of_a_submission_is_described():
    statuses = {200, 202, 400, 401, 403, 408, 413, 414, 415, 422, 429, 431, 500, 503}
    assert set(DOCUMENT["paths"]["/api/submit"]["post"]["responses"]) == {str(status) for status in statuses}


def test_pistons_request_is_described_field_by_field():
    assert PistonRequest.__struct_fields__ == PistonBody.__struct_fields__


def test_references_lead_somewhere_and_every_schema_is_used():
    text = json.dumps(DOCUMENT)
    used = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert used == set(DOCUMENT["components"]["schemas"])
    assert "cellblock." not in " ".join(used)


def test_fields_carry_their_docstrings():
    properties = DOCUMENT["components"]["schemas"]["SubmitBody"]["properties"]
    assert properties["code"]["description"].startswith("The program")
    assert properties["code"]["minLength"] == 1


class Links(HTMLParser):
    """Collects what a page points at, and checks that its tags match."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.tags, self.open = set(), [], set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        attributes = dict(attrs)
        self.ids.add(attributes.get("id"))
        self.links += [attributes[name] for name in ("href", "src", "action") if name in attributes]
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        if tag not in {"meta", "wbr"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


async def test_page_needs_no_other_host_and_no_script(service):
    answer = await service.http.get("/docs")
    check(answer, "/docs", 200)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    for never in ("unsafe", "http", "*"):
        assert never not in policy
    page = Links()
    page.feed(answer.text)
    assert page.open == []
    assert not page.tags & {"script", "link", "img", "iframe", "form", "base"}
    assert "url(" not in answer.text
    assert "@import" not in answer.text
    for link in page.links:
        assert link == "/openapi.json" or link.removeprefix("#") in page.ids, link
    for path, method in described():
        operation = DOCUMENT["paths"][path][method.lower()]
        assert operation["operationId"] in page.ids


async def schemathesis(service, directory: Path, *arguments: str) -> None:
    """Run schemathesis against the service; every finding of it fails, and what it sent is searched for."""
    archive = directory / "sent.har"
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        "run",
        f"http://127.0.0.1:{service.port}/openapi.json",
        "--checks=not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_headers_conformance,response_schema_conformance",
        "--phases=examples,coverage,fuzzing",
        "--generation-database=none",
        "--no-color",
        "--warnings=off",
        f"--report-har-path={archive}",
        "--output-sanitize=false",  # or what is to be searched for in logs would not stand there
        *arguments,
        cwd=directory,  # where it keeps a directory of its own
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    generated, passed = re.search(r"(\d+) generated, (\d+) passed", said).groups()
    assert int(generated) == int(passed) > 300, said
    known_before = len(sent.known)
    sent.add_recorded(archive.read_bytes())
    archive.unlink()  # hundreds of megabytes
    assert len(sent.known) > known_before, "nothing that was generated can be looked for"


async def test_whatever_is_sent_nothing_fails_and_every_status_is_described(sealed, tmp_path):
    await schemathesis(sealed, tmp_path, "--seed=1", "--max-examples=15")


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_whatever_is_sent_for_longer_nothing_fails_and_every_status_is_described(sealed, tmp_path):
    await schemathesis(sealed, tmp_path, "--max-examples=1000")
