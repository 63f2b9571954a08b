"""The OpenAPI document says what the contracts say."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import schemathesis
from shodhana.stack.places import GATEWAY

DOCUMENT: dict[str, Any] = json.loads((GATEWAY / "openapi.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]


def operations() -> list[dict[str, Any]]:
    return [operation for path in DOCUMENT["paths"].values() for operation in path.values()]


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def test_the_document_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_each_schema_is_json_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_each_message_field_and_operation_is_described() -> None:
    own = {name: schema for name, schema in SCHEMAS.items() if not name.startswith("google.")}
    assert [name for name, schema in own.items() if not schema.get("description")] == []
    fields = [(name, key, field) for name, schema in own.items() for key, field in schema.get("properties", {}).items()]
    assert [(name, key) for name, key, field in fields if not field.get("description")] == []
    assert [operation["operationId"] for operation in operations() if not operation["summary"]] == []


def test_limits_of_the_contracts_hold_in_the_schema() -> None:
    check = validator("embedding.v1.EmbedRequest")
    good = {"model": "semantic", "texts": ["karma"]}
    check.validate(good)
    for bad in (
        {**good, "texts": []},
        {**good, "texts": ["a"] * 513},
        {**good, "texts": [""]},
        {**good, "dimensions": 5000},
        {**good, "truncation": "TRUNCATION_NONE"},
        {**good, "unknown": 1},
        {"texts": ["karma"]},
    ):
        assert not check.is_valid(bad), bad


def test_bytes_are_base64_with_the_limit_of_the_text() -> None:
    content = SCHEMAS["similarity.v1.ImportLexiconRequest"]["properties"]["content"]
    assert content["contentEncoding"] == "base64"
    assert content["maxLength"] == 4 * -(-16777216 // 3)


def test_a_request_id_is_a_uuid_or_empty() -> None:
    check = validator("transcripts.v1.CreateJobRequest")
    for request_id, valid in (("", True), ("0b9ff3c8-6f8a-4a6e-9f5e-0d5a3f6f6d11", True), ("abc", False)):
        assert check.is_valid({"files": [{"filename": "a", "content": ""}], "requestId": request_id}) is valid


def test_a_path_parameter_takes_the_place_of_a_body_field() -> None:
    cancel = DOCUMENT["paths"]["/v1/jobs/{job}:cancel"]["post"]
    (parameter,) = cancel["parameters"]
    assert parameter["name"] == "job"
    assert parameter["schema"]["pattern"] == "^[0-9]{1,18}$"
    assert "name" not in cancel["requestBody"]["content"]["application/json"]["schema"]["properties"]


def test_two_segments_make_two_parameters() -> None:
    entry = DOCUMENT["paths"]["/v1/lexiconVersions/{lexiconVersion}/entries/{entry}"]["get"]
    patterns = {parameter["name"]: parameter["schema"]["pattern"] for parameter in entry["parameters"]}
    assert patterns == {"lexiconVersion": "^([0-9]{1,18}|active)$", "entry": "^[^/]{1,200}$"}


def test_streams_are_offered_in_three_ways() -> None:
    answer = DOCUMENT["paths"]["/v1/jobs/{job}:watch"]["get"]["responses"]["200"]["content"]
    assert set(answer) == {"application/json", "application/x-ndjson", "text/event-stream"}
    assert answer["application/json"]["schema"]["type"] == "array"


def test_every_operation_needs_a_token_but_the_public_ones() -> None:
    open_ones = {operation["operationId"] for operation in operations() if operation.get("security") == []}
    log_in = {"StartDeviceLogin", "RedeemDeviceCode", "RedeemLoginCode", "RefreshLogin", "EndLogin"}
    tokens = {f"IdentityService_{name}" for name in {"IssueToken", "GetJwks"} | log_in}
    assert open_ones == tokens | {"health", "ready"}
    assert DOCUMENT["security"] == [{"bearer": []}]


def test_every_operation_may_answer_a_status() -> None:
    for operation in operations():
        if operation["operationId"] not in {"health", "ready"}:
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}
