-- Replies out: a Lua value as RESP. `client` and `script` are RESP versions.

local format, gsub, next, rawget, sub, type = string.format, string.gsub, next, rawget, string.sub, type

local MAX_DEPTH = 7995

local function number_text(n)
  if n ~= n or n >= 9223372036854775808 or n < -9223372036854775808 then
    return "-9223372036854775808"
  end
  return format("%d", n)
end

local function one_line(text)
  return (gsub(text, "[\r\n]", " "))
end

local function bulk(text)
  return "$" .. #text .. "\r\n" .. text .. "\r\n"
end

local function error_text(text)
  text = gsub(gsub(text, "^[\r\n]+", ""), "[\r\n]+$", "")
  return "-" .. one_line(text) .. "\r\n"
end

local encode

local function encode_map(value, out, client, script, depth)
  local at, n = #out + 1, 0
  out[at] = ""
  for k, v in next, value do
    n = n + 1
    encode(k, out, client, script, depth + 1)
    encode(v, out, client, script, depth + 1)
  end
  out[at] = (client == 3 and "%" .. n or "*" .. 2 * n) .. "\r\n"
end

local function encode_set(value, out, client, script, depth)
  local at, n = #out + 1, 0
  out[at] = ""
  for k in next, value do
    n = n + 1
    encode(k, out, client, script, depth + 1)
  end
  out[at] = (client == 3 and "~" or "*") .. n .. "\r\n"
end

-- What a table with a field of special meaning stands for: its text, or the encoder of the field and the field.
local function special(value, client)
  local field = rawget(value, "err")
  if type(field) == "string" then
    return error_text(field)
  end
  field = rawget(value, "ok")
  if type(field) == "string" then
    return "+" .. one_line(field) .. "\r\n"
  end
  field = rawget(value, "double")
  if type(field) == "number" then
    local text = format("%.17g", field)
    return client == 3 and "," .. text .. "\r\n" or bulk(text)
  end
  field = rawget(value, "map")
  if type(field) == "table" then
    return encode_map, field
  end
  field = rawget(value, "set")
  if type(field) == "table" then
    return encode_set, field
  end
  field = rawget(value, "big_number")
  if type(field) == "string" then
    field = one_line(field)
    return client == 3 and "(" .. field .. "\r\n" or bulk(field)
  end
  field = rawget(value, "verbatim_string")
  if type(field) == "table" then
    local text, kind = rawget(field, "string"), rawget(field, "format")
    if type(text) == "string" and type(kind) == "string" then
      kind = sub(kind .. "   ", 1, 3)
      return client == 3 and "=" .. #text + 4 .. "\r\n" .. kind .. ":" .. text .. "\r\n" or bulk(text)
    end
  end
end

-- One frame a level of nesting: Lua allows 20000 in all.
function encode(value, out, client, script, depth)
  if depth > MAX_DEPTH then
    out[#out + 1] = "-ERR reached lua stack limit\r\n"
    return
  end
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = bulk(value)
  elseif kind == "number" then
    out[#out + 1] = ":" .. number_text(value) .. "\r\n"
  elseif kind == "table" then
    local text, field = special(value, client)
    if field then
      text(field, out, client, script, depth)
    elseif text then
      out[#out + 1] = text
    else
      local at, n, item = #out + 1, 0, rawget(value, 1)
      out[at] = ""
      while item ~= nil do
        n = n + 1
        encode(item, out, client, script, depth + 1)
        item = rawget(value, n + 1)
      end
      out[at] = "*" .. n .. "\r\n"
    end
  elseif kind == "boolean" and script == 3 then
    if client == 3 then
      out[#out + 1] = value and "#t\r\n" or "#f\r\n"
    else
      out[#out + 1] = value and ":1\r\n" or ":0\r\n"
    end
  elseif kind == "boolean" and value then
    out[#out + 1] = ":1\r\n"
  else
    out[#out + 1] = client == 3 and "_\r\n" or "$-1\r\n"
  end
end

return encode
