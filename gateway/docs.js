// Draws /openapi.json: operations with their curl command, then the messages. Text only ever becomes text nodes.

const VERBS = ["get", "post", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Text with `code` marks.
function prose(text) {
  const parts = text.split(/(`[^`]+`)/).filter(Boolean);
  return parts.map((part) => (part.startsWith("`") ? element("code", {}, part.slice(1, -1)) : part));
}

const referenced = (schema) => schema.$ref?.split("/").pop();
const anchor = (name) => `message-${name}`;

function typeOf(schema) {
  const name = referenced(schema);
  if (name) return element("a", { href: `#${anchor(name)}` }, name);
  if (schema.type === "array") return element("span", {}, "list of ", typeOf(schema.items));
  return element("span", {}, [schema.type, schema.format ?? schema.contentEncoding].filter(Boolean).join(" · "));
}

function limitsOf(schema) {
  const limits = {
    minLength: "at least", maxLength: "at most", minItems: "items ≥", maxItems: "items ≤",
    minimum: "≥", maximum: "≤", exclusiveMinimum: ">", exclusiveMaximum: "<", pattern: "matches",
  };
  const found = Object.keys(limits).filter((key) => key in schema).map((key) => `${limits[key]} ${schema[key]}`);
  if (schema.enum) found.push(schema.enum.filter(Boolean).join(" | "));
  if (schema.items) found.push(limitsOf(schema.items));
  return found.filter(Boolean).join(", ");
}

function fieldRow(name, schema, required, text) {
  const limits = limitsOf(schema);
  return element("tr", {},
    element("td", {}, name, required ? element("div", { class: "required" }, "required") : null),
    element("td", {}, typeOf(schema), element("p", {}, ...prose(text ?? schema.description ?? "")),
      limits ? element("p", { class: "note" }, limits) : null));
}

function fieldTable(schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => fieldRow(name, field, required.has(name)));
  return element("table", {}, ...rows);
}

// A value a schema accepts, with the fields that are required.
function example(schema, messages, depth = 0) {
  const found = referenced(schema) ? messages[referenced(schema)] : schema;
  if (found.enum) return found.enum.find((value) => value && !value.endsWith("_UNSPECIFIED")) ?? found.enum[0];
  if (found.type === "array") return [example(found.items, messages, depth + 1)];
  if (found.type === "integer" || found.type === "number") return found.minimum ?? 0;
  if (found.type === "boolean") return false;
  if (found.type !== "object") return found.contentEncoding ? "PGJhc2U2ND4=" : "…";
  if (depth > 4) return {};
  const names = found.required ?? [];
  return Object.fromEntries(names.map((name) => [name, example(found.properties[name], messages, depth + 1)]));
}

function curl(path, verb, operation, messages) {
  const lines = [`curl -X ${verb.toUpperCase()} ${location.origin}${path}`];
  if (!operation.security) lines.push('-H "authorization: Bearer $TOKEN"');
  const body = operation.requestBody?.content["application/json"].schema;
  if (body) lines.push("-H 'content-type: application/json'", `-d '${JSON.stringify(example(body, messages))}'`);
  return element("pre", {}, lines.join(" \\\n  "));
}

function operationCard(path, verb, operation, messages) {
  const body = operation.requestBody?.content["application/json"].schema;
  const answer = operation.responses["200"].content?.["application/json"].schema;
  const parameters = (operation.parameters ?? []).map((found) =>
    fieldRow(found.name, found.schema, found.required, found.description));
  return element("section", { class: "operation", id: operation.operationId },
    element("h3", {}, operation.summary),
    element("p", { class: "address" }, element("span", { class: `verb ${verb}` }, verb.toUpperCase()), path),
    ...(operation.description ?? "").split("\n\n").filter((text) => text !== `${operation.summary}.`)
      .map((text) => element("p", {}, ...prose(text))),
    parameters.length ? element("h4", {}, "Parameters") : null,
    parameters.length ? element("table", {}, ...parameters) : null,
    body ? element("h4", {}, "Body") : null,
    body ? (referenced(body) ? element("p", {}, typeOf(body)) : fieldTable(body)) : null,
    answer ? element("h4", {}, "Answer") : null,
    answer ? element("p", {}, typeOf(answer)) : null,
    element("h4", {}, "Call"),
    curl(path, verb, operation, messages));
}

function draw(api) {
  const messages = api.components.schemas;
  document.getElementById("title").textContent = `${api.info.title} REST API ${api.info.version}`;
  document.getElementById("about").replaceChildren(...prose(api.info.description));
  const found = Object.entries(api.paths).flatMap(([path, item]) =>
    VERBS.filter((verb) => item[verb]).map((verb) => ({ path, verb, operation: item[verb] })));
  for (const tag of [...api.tags, { name: "Gateway", description: "The gateway itself." }]) {
    const own = found.filter(({ operation }) => operation.tags.includes(tag.name));
    const links = own.map(({ operation, path }) =>
      element("li", { "data-text": `${path} ${operation.operationId} ${operation.summary}`.toLowerCase() },
        element("a", { href: `#${operation.operationId}` }, operation.operationId.split("_").pop())));
    document.getElementById("index").append(element("section", {}, element("h2", {}, tag.name), element("ul", {}, ...links)));
    document.getElementById("operations").append(
      element("h2", {}, tag.name), element("p", {}, ...prose(tag.description)),
      ...own.map(({ path, verb, operation }) => operationCard(path, verb, operation, messages)));
  }
  drawMessages(messages);
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function drawMessages(messages) {
  for (const [name, schema] of Object.entries(messages)) {
    document.getElementById("schemas").append(
      element("section", { class: "schema", id: anchor(name) }, element("h3", {}, name),
        ...(schema.description ?? "").split("\n").map((text) => element("p", {}, ...prose(text))), fieldTable(schema)));
  }
}

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const row of document.querySelectorAll("nav li")) row.hidden = !row.dataset.text.includes(wanted);
});

fetch("/openapi.json")
  .then((response) => response.json())
  .then(draw)
  .catch((error) => { document.getElementById("about").textContent = `openapi.json cannot be read: ${error}`; });
