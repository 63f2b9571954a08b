-- Refuses a REST body that holds a field its request message does not have: Envoy's transcoder would drop it unseen.
-- MESSAGES and CALLS come from request_fields.lua, which is generated from the contracts.
-- It reads only keys and brackets; JSON that is broken passes and is refused by the transcoder.

local MAX_DEPTH = 100

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

-- What stands inside `{` or `[` after a key of this type: `fields` to check keys by, `each` for the values of a map.
local function opened(parent, is_object)
  local kind = parent.expected
  local frame = { is_object = is_object, key = parent.key, expected = kind }
  if not is_object or type(kind) ~= "string" then
    return frame
  end
  if string.sub(kind, 1, 1) == "*" then
    frame.each = string.sub(kind, 2)
  else
    frame.fields = MESSAGES[kind]
  end
  return frame
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
  frame.expected = frame.each or true
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

-- The message that the body of a request must hold, or nil.
local function message_of(method, path)
  local calls = CALLS[method]
  if not calls then
    return nil
  end
  path = string.gsub(path, "%?.*", "")
  for _, call in ipairs(calls) do
    if string.find(path, call[1]) then
      return call[2]
    end
  end
end

local function refusal(field)
  local shown = string.gsub(string.sub(field, 1, 200), '[^%w%p ]', "?"):gsub('["\\]', "?")
  return '{"code":3,"message":"unknown field \\"' .. shown .. '\\"","details":['
    .. '{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_INPUT","domain":"shodhana.api"},'
    .. '{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"' .. shown
    .. '","description":"the request has no such field"}]}]}'
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local message = message_of(headers:get(":method"), headers:get(":path"))
  if not message then
    return
  end
  local body = handle:body() -- nil where there is none; the buffer filter has capped it
  local field = body and unknown_field(body:getBytes(0, body:length()), message)
  if field then
    handle:streamInfo():dynamicMetadata():set("envoy.filters.http.lua", "refused", true)
    handle:respond({ [":status"] = "400" }, refusal(field))
  end
end
