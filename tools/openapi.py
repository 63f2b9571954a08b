"""An OpenAPI 3.1 document of the REST face, from the contracts' descriptors and comments."""

from __future__ import annotations

from typing import Any

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from openapi_schema import Comments, Json, Schemas
from path_templates import bound_fields, openapi_path, placeholders, segment_pattern
from shodhana.api.options.v1 import options_pb2

HTTP: Any = annotations_pb2.http  # its stub has a type that extensions do not take
PACKAGE = "shodhana.api."
JSON = "application/json"
ABOUT = (
    "Restores the Sanskrit in lecture transcripts that a speech recogniser garbled. Every path is also a gRPC method "
    "of the same gateway. Get a token from `POST /v1/tokens:issue` and send it as `authorization: Bearer …`. Streams "
    "are written as one JSON array, or as a line (`accept: application/x-ndjson`) or an event "
    "(`accept: text/event-stream`) each."
)


class OpenApiDocument:
    """Builds the document of a descriptor set that holds comments."""

    def __init__(self, descriptors: descriptor_pb2.FileDescriptorSet) -> None:
        self._files = [file for file in descriptors.file if file.package.startswith(PACKAGE)]
        self._pool = descriptor_pool.DescriptorPool()
        for file in descriptors.file:
            self._pool.Add(file)
        self._comments = Comments(descriptors)
        self._schemas = Schemas(self._comments)

    def build(self) -> Json:
        paths = self._paths()  # first: it collects the schemas
        status = self._schemas.reference(self._pool.FindMessageTypeByName("google.rpc.Status"))
        return {
            "openapi": "3.1.0",
            "info": {"title": "Shodhana", "version": "v1", "description": ABOUT, "license": {"name": "Apache-2.0"}},
            "servers": [{"url": "/"}],
            "security": [{"bearer": []}],
            "tags": [
                {"name": service.name, "description": self._comments.of(service.full_name)}
                for service in self._services()
            ],
            "paths": {**PAGES, **paths},
            "components": {
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
                "responses": {"Error": response("Refused or failed: a google.rpc.Status", JSON, status)},
                "schemas": dict(sorted(self._schemas.components.items())),
            },
        }

    def _services(self) -> list[ServiceDescriptor]:
        names = [f"{file.package}.{service.name}" for file in self._files for service in file.service]
        return [self._pool.FindServiceByName(name) for name in names]

    def _paths(self) -> dict[str, Json]:
        paths: dict[str, Json] = {}
        for service in self._services():
            for method in service.methods:
                if method.GetOptions().HasExtension(HTTP):
                    rule: http_pb2.HttpRule = method.GetOptions().Extensions[HTTP]
                    verb = str(rule.WhichOneof("pattern"))
                    operation = self._operation(service, method, rule, getattr(rule, verb))
                    paths.setdefault(openapi_path(getattr(rule, verb)), {})[verb] = operation
        return paths

    def _operation(
        self, service: ServiceDescriptor, method: MethodDescriptor, rule: http_pb2.HttpRule, template: str
    ) -> Json:
        request = method.input_type
        bound = bound_fields(template)
        parameters = self._path_parameters(request, template)
        if rule.body != "*":
            parameters += self._query_parameters(request, bound | {rule.body})
        permission = method.GetOptions().Extensions[options_pb2.permission]
        text = self._comments.of(method.full_name)
        operation: Json = {
            "tags": [service.name],
            "operationId": f"{service.name}_{method.name}",
            "summary": text.partition(". ")[0].removesuffix("."),
            "description": f"{text}\n\ngRPC: `{service.full_name}/{method.name}` · permission: `{permission}`",
            **({"parameters": parameters} if parameters else {}),
            **({"requestBody": self._body(request, rule.body, bound)} if rule.body else {}),
            "responses": {"200": self._answer(method), "default": {"$ref": "#/components/responses/Error"}},
        }
        return {**operation, "security": []} if permission == "public" else operation

    def _path_parameters(self, request: Descriptor, template: str) -> list[Json]:
        found = []
        for placeholder in placeholders(template):
            field = field_at(request, placeholder.field)
            pattern = self._schemas.of_field(field).get("pattern")
            narrowed = segment_pattern(pattern, placeholder.position) if pattern else None
            found.append(
                {
                    "name": placeholder.name,
                    "in": "path",
                    "required": True,
                    "description": f"Of `{placeholder.field}`: {self._comments.of(field.full_name)}",
                    "schema": {"type": "string", "pattern": narrowed or "^[^/:]+$"},
                }
            )
        return found

    def _query_parameters(self, request: Descriptor, taken: set[str], prefix: str = "") -> list[Json]:
        found = []
        for field in request.fields:
            if f"{prefix}{field.name}" in taken:
                continue
            if field.message_type is not None and not self._schemas.is_scalar(field.message_type):
                found += self._query_parameters(field.message_type, taken, f"{prefix}{field.name}.")
                continue
            schema = self._schemas.of_field(field)
            found.append(
                {
                    "name": prefix + field.json_name,
                    "in": "query",
                    "required": self._schemas.is_required(field) and not prefix,
                    "description": schema.pop("description", ""),
                    "schema": schema,
                }
            )
        return found

    def _body(self, request: Descriptor, body: str, bound: set[str]) -> Json:
        if body != "*":
            schema = self._schemas.reference(request.fields_by_name[body].message_type)
        elif bound:
            schema = self._schemas.of_message(request, without=bound)
        else:
            schema = self._schemas.reference(request)
        return {"required": True, "content": {JSON: {"schema": schema}}}

    def _answer(self, method: MethodDescriptor) -> Json:
        schema = self._schemas.reference(method.output_type)
        text = self._comments.of(method.output_type.full_name)
        if not method.server_streaming:
            return response(text, JSON, schema)
        answer = response(text, JSON, {"type": "array", "items": schema})
        for content_type in ("application/x-ndjson", "text/event-stream"):
            answer["content"][content_type] = {"schema": {"type": "string"}}
        return answer


def response(description: str, content_type: str, schema: Json) -> Json:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def field_at(message: Descriptor, path: str) -> FieldDescriptor:
    """The field that a dotted path names."""
    first, _, rest = path.partition(".")
    field = message.fields_by_name[first]
    if not rest:
        return field
    assert field.message_type is not None, f"{path}: {first} holds no message"
    return field_at(field.message_type, rest)


def page(summary: str, name: str, states: dict[str, str]) -> dict[str, Any]:
    return {
        "get": {
            "tags": ["Gateway"],
            "operationId": name,
            "summary": summary,
            "responses": {code: {"description": text} for code, text in states.items()},
            "security": [],
        }
    }


PAGES: dict[str, Json] = {
    "/health": page("The gateway answers", "health", {"200": "It does.", "503": "It is draining."}),
    "/ready": page(
        "Every service has a healthy replica", "ready", {"200": "Each has.", "503": "One has none, or it is draining."}
    ),
}
