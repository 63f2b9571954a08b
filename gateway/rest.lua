-- What Envoy's transcoder leaves out. MESSAGES, CALLS and STREAMS come from rest_tables.lua, which is generated from the
-- contracts and stands before this text.
--
-- 1. A REST body that holds a field its request message does not have is refused: the transcoder would drop it unseen.
--    Only keys and brackets are read; JSON that is broken passes and is refused by the transcoder.
-- 2. A stream written by line or by event says so in its content type: the transcoder always says application/json.

local MAX_DEPTH = 100
local FILTER = "envoy.filters.http.lua"
local STREAM_TYPES = { "application/x-ndjson", "text/event-stream" }

-- Where the string that begins after position `from` ends; nil where it does not.
local function closing_quote(json, from)
  local at = string.find(json, '"', from, true)
  while at do
    local backslashes = 0
    while string.byte(json, at - 1 - backslashes) == 92 do
      backslashes = backslashes + 1
    end
    if backslashes % 2 == 0 then
      return at
    end
    at = string.find(json, '"', at + 1, true)
  end
end

-- What stands inside `{` or `[`, of which the parent says which message is expected; `fields`: to check keys by.
local function opened(parent, is_object)
  return { is_object = is_object, expected = parent.expected, fields = is_object and MESSAGES[parent.expected] }
end

local function path_to(stack, name)
  local parts = {}
  for _, frame in ipairs(stack) do
    if frame.is_object and frame.name then
      parts[#parts + 1] = frame.name
    end
  end
  parts[#parts] = name
  return table.concat(parts, ".")
end

-- Notes which key the next value belongs to; the key's path where the message has no such field.
local function note_key(stack, name)
  local frame = stack[#stack]
  frame.name = name
  frame.expected = true
  if frame.fields then
    frame.expected = frame.fields[name]
    if not frame.expected then
      return path_to(stack, name)
    end
  end
end

-- The path of the first field that `message` does not have ("file.contents"), or nil.
local function unknown_field(json, message)
  local stack = { { expected = message } }
  local at = string.find(json, '["{}%[%]]')
  while at do
    local mark = string.byte(json, at)
    if mark == 34 then -- a string
      local closing = closing_quote(json, at + 1)
      if not closing then
        return nil
      end
      if stack[#stack].is_object and string.find(json, "^%s*:", closing + 1) then
        local unknown = note_key(stack, string.sub(json, at + 1, closing - 1))
        if unknown then
          return unknown
        end
      end
      at = closing
    elseif mark == 123 or mark == 91 then -- { or [
      if #stack > MAX_DEPTH then
        return nil
      end
      stack[#stack + 1] = opened(stack[#stack], mark == 123)
    elseif #stack > 1 then -- } or ]
      stack[#stack] = nil
    end
    at = string.find(json, '["{}%[%]]', at + 1)
  end
end

-- The value of the first row whose pattern a path matches; `rows` is nil for a verb without any.
local function matching(rows, path)
  path = string.gsub(path, "%?.*", "")
  for _, row in ipairs(rows or {}) do
    if string.find(path, row[1]) then
      return row[2]
    end
  end
end

local function refusal(field)
  local shown = string.gsub(string.sub(field, 1, 200), "[^%w%p ]", "?"):gsub('["\\]', "?")
  return '{"code":3,"message":"unknown field \\"' .. shown .. '\\"","details":['
    .. '{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_INPUT","domain":"shodhana.api"},'
    .. '{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"' .. shown
    .. '","description":"the request has no such field"}]}]}'
end

local function check_fields(handle, message)
  local body = handle:body() -- nil where there is none; the buffer filter has capped it
  local field = body and unknown_field(body:getBytes(0, body:length()), message)
  if field then
    handle:streamInfo():dynamicMetadata():set(FILTER, "refused", true)
    handle:respond({ [":status"] = "400" }, refusal(field))
  end
end

local function note_stream_type(handle, accept)
  for _, content_type in ipairs(STREAM_TYPES) do
    if string.find(accept or "", content_type, 1, true) then
      handle:streamInfo():dynamicMetadata():set(FILTER, "stream_type", content_type)
      return
    end
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local verb, path = headers:get(":method"), headers:get(":path")
  if string.sub(path, 1, 4) ~= "/v1/" then
    return
  end
  if matching(STREAMS[verb], path) then
    note_stream_type(handle, headers:get("accept"))
  end
  local message = matching(CALLS[verb], path)
  if message then
    check_fields(handle, message)
  end
end

function envoy_on_response(handle)
  local noted = handle:streamInfo():dynamicMetadata():get(FILTER)
  if noted and noted.stream_type and handle:headers():get(":status") == "200" then
    handle:headers():replace("content-type", noted.stream_type)
  end
end
