-- The library cjson: JSON with the settings and the messages of Lua CJSON 2.1.

local host = ...

local byte, char, find, format, gsub, match, sub =
  string.byte, string.char, string.find, string.format, string.gsub, string.match, string.sub
local concat, error, floor, huge, next, rawget, select, setmetatable, tonumber, tostring, type =
  table.concat, error, math.floor, math.huge, next, rawget, select, setmetatable, tonumber, tostring, type

local null = newproxy(true)
getmetatable(null).__tostring = function() return "userdata: (nil)" end
getmetatable(null).__metatable = false

local ESCAPES = {['"'] = '\\"', ["\\"] = "\\\\", ["/"] = "\\/", ["\b"] = "\\b", ["\t"] = "\\t", ["\n"] = "\\n",
  ["\f"] = "\\f", ["\r"] = "\\r", ["\127"] = "\\u007f"}
for i = 0, 31 do
  ESCAPES[char(i)] = ESCAPES[char(i)] or format("\\u%04x", i)
end

-- One instance with settings of its own: cjson.new makes another.
local function create()
  local set = {
    sparse_convert = false, sparse_ratio = 2, sparse_safe = 10, encode_depth = 1000, decode_depth = 1000,
    invalid_encode = false, invalid_decode = true, precision = 14, keep_buffer = true,
  }

  -- Encoding. Problems are thrown as tables, so that the place is that of the caller.

  local function fail(kind, reason)
    error({"Cannot serialise " .. kind .. ": " .. reason}, 0)
  end

  local function text(value)
    return '"' .. gsub(value, '[%c"\\/\127]', ESCAPES) .. '"'
  end

  local function number(value)
    if value ~= value or value == huge or value == -huge then
      if set.invalid_encode == "null" then
        return "null"
      elseif not set.invalid_encode then
        fail("number", "must not be NaN or Inf")
      end
      return value ~= value and "nan" or value > 0 and "inf" or "-inf"
    end
    return format("%." .. set.precision .. "g", value)
  end

  -- The highest index of a table that is an array, -1 for an object.
  local function length(t)
    local top, count = 0, 0
    for k in next, t do
      if type(k) ~= "number" or k < 1 or k ~= floor(k) then
        return -1
      end
      count = count + 1
      if k > top then
        top = k
      end
    end
    if set.sparse_ratio > 0 and top > count * set.sparse_ratio and top > set.sparse_safe then
      if not set.sparse_convert then
        fail("table", "excessively sparse array")
      end
      return -1
    end
    return top
  end

  local encode

  local function array(t, top, out, depth)
    out[#out + 1] = "["
    for i = 1, top do
      if i > 1 then
        out[#out + 1] = ","
      end
      encode(rawget(t, i), out, depth)
    end
    out[#out + 1] = "]"
  end

  local function object(t, out, depth)
    out[#out + 1] = "{"
    local comma = false
    for k, v in next, t do
      if comma then
        out[#out + 1] = ","
      end
      comma = true
      if type(k) == "number" then
        out[#out + 1] = '"' .. number(k) .. '":'
      elseif type(k) == "string" then
        out[#out + 1] = text(k) .. ":"
      else
        fail(type(k), "table key must be a number or string")
      end
      encode(v, out, depth)
    end
    out[#out + 1] = "}"
  end

  function encode(value, out, depth)
    local kind = type(value)
    if kind == "string" then
      out[#out + 1] = text(value)
    elseif kind == "number" then
      out[#out + 1] = number(value)
    elseif kind == "boolean" then
      out[#out + 1] = value and "true" or "false"
    elseif kind == "nil" or value == null then
      out[#out + 1] = "null"
    elseif kind == "table" then
      depth = depth + 1
      if depth > set.encode_depth then
        error({"Cannot serialise, excessive nesting (" .. depth .. ")"}, 0)
      end
      local top = length(value)
      if top > 0 then
        array(value, top, out, depth)
      else
        object(value, out, depth)
      end
    else
      fail(kind, "type not supported")
    end
  end

  -- Decoding. `at` is the next byte; a token is (kind, value, position of its first byte, next position).

  local function broken(expected, found, at)
    error({"Expected " .. expected .. " but found " .. found .. " at character " .. at}, 0)
  end

  local function utf8(code)
    if code < 128 then
      return char(code)
    elseif code < 2048 then
      return char(192 + floor(code / 64), 128 + code % 64)
    elseif code < 65536 then
      return char(224 + floor(code / 4096), 128 + floor(code / 64) % 64, 128 + code % 64)
    end
    return char(240 + floor(code / 262144), 128 + floor(code / 4096) % 64, 128 + floor(code / 64) % 64, 128 + code % 64)
  end

  local UNESCAPED = {['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", t = "\t", n = "\n", f = "\f", r = "\r"}

  -- A \u escape at `at` (its backslash): the character and the position behind, or nil.
  local function unicode(data, at)
    local digits = match(data, "^\\u(%x%x%x%x)", at)
    if not digits then
      return nil
    end
    local code = tonumber(digits, 16)
    if code >= 0xDC00 and code <= 0xDFFF then
      return nil
    elseif code < 0xD800 or code > 0xDBFF then
      return utf8(code), at + 6
    end
    local low = match(data, "^\\u(%x%x%x%x)", at + 6)
    low = low and tonumber(low, 16)
    if not low or low < 0xDC00 or low > 0xDFFF then
      return nil
    end
    return utf8((code - 0xD800) * 1024 + low - 0xDC00 + 0x10000), at + 12
  end

  -- A string whose opening quote is at `start`: kind, value, position, next.
  local function read_text(data, start)
    local at, parts = start + 1, nil
    while true do
      local stop = find(data, '["\\%z]', at)
      if not stop or byte(data, stop) == 0 then
        return "unexpected end of string", nil, stop or #data + 1
      end
      local piece = sub(data, at, stop - 1)
      if byte(data, stop) == 34 then
        return "T_STRING", parts and concat(parts) .. piece or piece, start, stop + 1
      end
      parts = parts or {}
      parts[#parts + 1] = piece
      local letter = sub(data, stop + 1, stop + 1)
      local plain = UNESCAPED[letter]
      if plain then
        parts[#parts + 1] = plain
        at = stop + 2
      elseif letter == "u" then
        local text
        text, at = unicode(data, stop)
        if not text then
          return "invalid unicode escape code", nil, stop
        end
        parts[#parts + 1] = text
      else
        return "invalid escape code", nil, stop
      end
    end
  end

  local function invalid_number(data, at)
    local word = match(data, "^[+-]?(%w*)", at):lower()
    if sub(data, at, at) == "+" then
      return true
    end
    local digits = match(data, "^-?(%w*)", at)
    return match(digits, "^0[xX]") or match(digits, "^0%d") or sub(word, 1, 3) == "inf" or sub(word, 1, 3) == "nan"
  end

  local function read_number(data, start)
    if not set.invalid_decode and invalid_number(data, start) then
      return "invalid number", nil, start
    end
    local lower = match(data, "^[%w+.-]*", start):lower()
    local text = match(lower, "^-?0x%x+%.?%x*p[+-]?%d+") or match(lower, "^-?0x%x+")
      or match(lower, "^-?%d+%.?%d*e[+-]?%d+") or match(lower, "^-?%.%d+e[+-]?%d+")
      or match(lower, "^-?%d+%.?%d*") or match(lower, "^-?%.%d+")
    if text then
      return "T_NUMBER", tonumber(text), start, start + #text
    end
    text = match(lower, "^-?infinity") or match(lower, "^-?inf") or match(lower, "^-?nan")
    if text then
      local value = find(text, "nan", 1, true) and -(0 / 0) or byte(text) == 45 and -huge or huge
      return "T_NUMBER", value, start, start + #text
    end
    return "invalid number", nil, start
  end

  local SIGNS = {["{"] = "T_OBJ_BEGIN", ["}"] = "T_OBJ_END", ["["] = "T_ARR_BEGIN", ["]"] = "T_ARR_END",
    [":"] = "T_COLON", [","] = "T_COMMA"}

  local function token(data, at)
    at = find(data, "[^ \t\n\r]", at)
    if not at then
      return "T_END", nil, #data + 1, #data + 1
    end
    local c = sub(data, at, at)
    if c == '"' then
      return read_text(data, at)
    elseif SIGNS[c] then
      return SIGNS[c], nil, at, at + 1
    elseif find(c, "[%d-]") then
      return read_number(data, at)
    elseif sub(data, at, at + 3) == "true" then
      return "T_BOOLEAN", true, at, at + 4
    elseif sub(data, at, at + 4) == "false" then
      return "T_BOOLEAN", false, at, at + 5
    elseif sub(data, at, at + 3) == "null" then
      return "T_NULL", null, at, at + 4
    elseif set.invalid_decode and find(c, "[iInN]") then
      local kind, value, start, behind = read_number(data, at)
      if kind == "T_NUMBER" then
        return kind, value, start, behind
      end
    elseif c == "\0" then
      return "T_END", nil, at, at + 1
    end
    return "invalid token", nil, at
  end

  local value_of

  local function deeper(depth, at)
    if depth > set.decode_depth then
      error({"Found too many nested data structures (" .. depth .. ") at character " .. at}, 0)
    end
  end

  local function read_array(data, at, depth)
    local t, n = {}, 0
    local kind, value, start, behind = token(data, at)
    if kind == "T_ARR_END" then
      return t, behind
    end
    while true do
      n = n + 1
      t[n], at = value_of(data, kind, value, start, behind, depth)
      kind, value, start, behind = token(data, at)
      if kind == "T_ARR_END" then
        return t, behind
      elseif kind ~= "T_COMMA" then
        broken("comma or array end", kind, start)
      end
      kind, value, start, behind = token(data, behind)
    end
  end

  local function read_object(data, at, depth)
    local t = {}
    local kind, key, start, behind = token(data, at)
    if kind == "T_OBJ_END" then
      return t, behind
    end
    while true do
      if kind ~= "T_STRING" then
        broken("object key string", kind, start)
      end
      local value
      kind, value, start, behind = token(data, behind)
      if kind ~= "T_COLON" then
        broken("colon", kind, start)
      end
      kind, value, start, behind = token(data, behind)
      t[key], at = value_of(data, kind, value, start, behind, depth)
      kind, value, start, behind = token(data, at)
      if kind == "T_OBJ_END" then
        return t, behind
      elseif kind ~= "T_COMMA" then
        broken("comma or object end", kind, start)
      end
      kind, key, start, behind = token(data, behind)
    end
  end

  function value_of(data, kind, value, start, behind, depth)
    if kind == "T_STRING" or kind == "T_NUMBER" or kind == "T_BOOLEAN" or kind == "T_NULL" then
      return value, behind
    elseif kind == "T_OBJ_BEGIN" or kind == "T_ARR_BEGIN" then
      deeper(depth + 1, start)
      return (kind == "T_OBJ_BEGIN" and read_object or read_array)(data, behind, depth + 1)
    end
    broken("value", kind, start)
  end

  -- The functions that scripts call

  local cjson = {_NAME = "cjson", _VERSION = "2.1.0", null = null}

  local function guarded(f, ...)
    local ok, result = pcall(f, ...)
    if not ok then
      error(type(result) == "table" and result[1] or result, type(result) == "table" and 3 or 0)
    end
    return result
  end

  local function encode_all(value)
    local out = {}
    encode(value, out, 0)
    return concat(out)
  end

  function cjson.encode(...)
    if select("#", ...) ~= 1 then
      error("bad argument #1 to 'encode' (expected 1 argument)", 2)
    end
    return (guarded(encode_all, (...)))
  end

  local function decode_all(data)
    if match(data, "^%z.") or match(data, "^.%z") then
      error({"JSON parser does not support UTF-16 or UTF-32"}, 0)
    end
    local kind, value, start, behind = token(data, 1)
    local result
    result, behind = value_of(data, kind, value, start, behind, 0)
    kind, value, start = token(data, behind)
    if kind ~= "T_END" then
      broken("the end", kind, start)
    end
    return result
  end

  function cjson.decode(...)
    local data = ...
    if select("#", ...) ~= 1 then
      error("bad argument #1 to 'decode' (expected 1 argument)", 2)
    elseif type(data) == "number" then
      data = tostring(data)
    elseif type(data) ~= "string" then
      error("bad argument #1 to 'decode' (string expected, got " .. type(data) .. ")", 2)
    end
    return (guarded(decode_all, data))
  end

  local function check_count(given, most)
    if given > most then
      error(format("bad argument #%d to '?' (found too many arguments)", most + 1), 4)
    end
  end

  local function integer(name, field, low, high)
    cjson[name] = function(...)
      check_count(select("#", ...), 1)
      local value = ...
      if value ~= nil then
        local n = tonumber(value)
        if not n or n < low or n > high then
          error(format("bad argument #1 to '%s' (expected integer between %d and %d)", name, low, high), 2)
        end
        set[field] = floor(n)
      end
      return set[field]
    end
  end

  integer("encode_max_depth", "encode_depth", 1, 2147483647)
  integer("decode_max_depth", "decode_depth", 1, 2147483647)
  integer("encode_number_precision", "precision", 1, 16)

  local function choice(name, field, words)
    cjson[name] = function(...)
      check_count(select("#", ...), 1)
      local value = ...
      if value ~= nil then
        local chosen = words[value]
        if chosen == nil then
          error(format("bad argument #1 to '%s' (invalid option '%s')", name, tostring(value)), 2)
        end
        set[field] = chosen
      end
      return set[field]
    end
  end

  local SWITCH = {[true] = true, [false] = false, on = true, off = false}
  choice("encode_keep_buffer", "keep_buffer", SWITCH)
  choice("decode_invalid_numbers", "invalid_decode", SWITCH)
  choice("encode_invalid_numbers", "invalid_encode", {[true] = true, [false] = false, on = true, off = false, null = "null"})

  function cjson.encode_sparse_array(convert, ratio, safe)
    if convert ~= nil then
      set.sparse_convert = SWITCH[convert] or false
    end
    set.sparse_ratio = tonumber(ratio) or set.sparse_ratio
    set.sparse_safe = tonumber(safe) or set.sparse_safe
    return set.sparse_convert, set.sparse_ratio, set.sparse_safe
  end

  cjson.new = create
  return cjson
end

host.library("cjson", create())
