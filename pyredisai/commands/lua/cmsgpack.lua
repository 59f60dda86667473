-- The library cmsgpack: MessagePack (the format's old specification, without bin and ext on the way out).

local host = ...

local byte, char, format, sub = string.byte, string.char, string.format, string.sub
local concat, floor, error, next, select, tonumber, type, unpack =
  table.concat, math.floor, error, next, select, tonumber, type, unpack
local pack_number, unpack_number, is_single = host.pack_number, host.unpack_number, host.is_single

local MAX_NESTING = 16

local function head(n, fix, limit, short, long)
  if n <= limit then
    return char(fix + n)
  elseif n <= 65535 then
    return char(short) .. pack_number("H", n)
  end
  return char(long) .. pack_number("I", n)
end

local function pack_text(text, out)
  local n = #text
  if n >= 32 and n <= 255 then
    out[#out + 1] = char(217, n)
  else
    out[#out + 1] = head(n, 160, 31, 218, 219)
  end
  out[#out + 1] = text
end

local function pack_integer(n, out)
  local text
  if n >= 0 then
    if n <= 127 then text = char(n)
    elseif n <= 255 then text = char(204, n)
    elseif n <= 65535 then text = char(205) .. pack_number("H", n)
    elseif n <= 4294967295 then text = char(206) .. pack_number("I", n)
    else text = char(207) .. pack_number("Q", n) end
  elseif n >= -32 then text = char(256 + n)
  elseif n >= -128 then text = char(208, 256 + n)
  elseif n >= -32768 then text = char(209) .. pack_number("h", n)
  elseif n >= -2147483648 then text = char(210) .. pack_number("i", n)
  else text = char(211) .. pack_number("q", n) end
  out[#out + 1] = text
end

local function pack_value_number(n, out)
  if n == floor(n) and n >= -9223372036854775808 and n < 9223372036854775808 then
    return pack_integer(n, out)
  end
  out[#out + 1] = is_single(n) and char(202) .. pack_number("f", n) or char(203) .. pack_number("d", n)
end

-- The length of a table whose keys are 1..n, else nil.
local function array_length(t)
  local count, top = 0, 0
  for k in next, t do
    if type(k) ~= "number" or k <= 0 or k ~= floor(k) then
      return nil
    end
    count = count + 1
    if k > top then
      top = k
    end
  end
  return top == count and count or nil
end

local pack_value

local function pack_table(t, out, level)
  local n = array_length(t)
  if n then
    out[#out + 1] = head(n, 144, 15, 220, 221)
    for i = 1, n do
      pack_value(t[i], out, level)
    end
    return
  end
  n = 0
  for _ in next, t do
    n = n + 1
  end
  out[#out + 1] = head(n, 128, 15, 222, 223)
  for k, v in next, t do
    pack_value(k, out, level)
    pack_value(v, out, level)
  end
end

function pack_value(value, out, level)
  local kind = type(value)
  if kind == "table" and level == MAX_NESTING then
    kind = "nil"
  end
  if kind == "string" then pack_text(value, out)
  elseif kind == "number" then pack_value_number(value, out)
  elseif kind == "boolean" then out[#out + 1] = char(value and 195 or 194)
  elseif kind == "table" then pack_table(value, out, level + 1)
  else out[#out + 1] = char(192) end
end

local cmsgpack = {
  _NAME = "cmsgpack", _VERSION = "lua-cmsgpack 0.4.0", _DESCRIPTION = "MessagePack C implementation for Lua",
  _COPYRIGHT = "Copyright (C) 2012, Salvatore Sanfilippo",
}

function cmsgpack.pack(...)
  local n = select("#", ...)
  if n == 0 then
    error("bad argument #0 to 'pack' (MessagePack pack needs input.)", 2)
  end
  local out = {}
  for i = 1, n do
    pack_value((select(i, ...)), out, 0)
  end
  return concat(out)
end

-- Reading. Each reader returns the value and the position behind it; problems are thrown as these two tables.

local MISSING, BAD = {}, {}

local function need(data, at, n)
  if at + n - 1 > #data then
    error(MISSING, 0)
  end
  return sub(data, at, at + n - 1), at + n
end

local read

local function read_array(data, at, n)
  local t = {}
  for i = 1, n do
    t[i], at = read(data, at)
  end
  return t, at
end

local function read_map(data, at, n)
  local t = {}
  for _ = 1, n do
    local k, v
    k, at = read(data, at)
    v, at = read(data, at)
    if k == nil or k ~= k then
      error(BAD, 0)
    end
    t[k] = v
  end
  return t, at
end

local NUMBERS = {
  [202] = {"f", 4}, [203] = {"d", 8}, [204] = {"B", 1}, [205] = {"H", 2}, [206] = {"I", 4}, [207] = {"Q", 8},
  [208] = {"b", 1}, [209] = {"h", 2}, [210] = {"i", 4}, [211] = {"q", 8},
}
local TEXTS = {[196] = {"B", 1}, [197] = {"H", 2}, [198] = {"I", 4}, [217] = {"B", 1}, [218] = {"H", 2}, [219] = {"I", 4}}
local TABLES = {
  [220] = {"H", 2, read_array}, [221] = {"I", 4, read_array}, [222] = {"H", 2, read_map}, [223] = {"I", 4, read_map},
}

function read(data, at)
  local tag = byte(data, at)
  if not tag then
    error(MISSING, 0)
  end
  at = at + 1
  if tag <= 127 then
    return tag, at
  elseif tag >= 224 then
    return tag - 256, at
  elseif tag <= 143 then
    return read_map(data, at, tag - 128)
  elseif tag <= 159 then
    return read_array(data, at, tag - 144)
  elseif tag <= 191 then
    return need(data, at, tag - 160)
  elseif tag == 192 then
    return nil, at
  elseif tag == 194 or tag == 195 then
    return tag == 195, at
  end
  local kind, text = NUMBERS[tag], nil
  if kind then
    text, at = need(data, at, kind[2])
    return unpack_number(kind[1], text), at
  end
  kind = TEXTS[tag] or TABLES[tag]
  if not kind then
    error(BAD, 0)
  end
  text, at = need(data, at, kind[2])
  local n = unpack_number(kind[1], text)
  if kind[3] then
    return kind[3](data, at, n)
  end
  return need(data, at, n)
end

local function read_many(data, at, limit)
  local values, n = {}, 0
  while at <= #data and (limit == 0 or n < limit) do
    n = n + 1
    values[n], at = read(data, at)
  end
  return values, n, at
end

local function text_argument(name, value)
  if type(value) == "number" then
    return format("%.14g", value)
  elseif type(value) ~= "string" then
    error(format("bad argument #1 to '%s' (string expected, got %s)", name, value == nil and "no value" or type(value)), 3)
  end
  return value
end

local function read_all(data, offset, limit)
  local ok, values, n, at = pcall(read_many, data, offset + 1, limit)
  if not ok then
    error(values == MISSING and "Missing bytes in input." or values == BAD and "Bad data format in input." or values, 3)
  end
  return values, n, at
end

function cmsgpack.unpack(data)
  local values, n = read_all(text_argument("unpack", data), 0, 0)
  return unpack(values, 1, n)
end

local function unpack_part(data, limit, offset)
  offset = offset or 0
  if offset < 0 or limit < 0 then
    error(format("Invalid request to unpack with offset of %d and limit of %d.", offset, #data), 3)
  elseif offset > #data then
    error(format("Start offset %d greater than input length %d.", offset, #data), 3)
  end
  local values, n, at = read_all(data, offset, limit)
  return at > #data and -1 or at - 1, unpack(values, 1, n)
end

function cmsgpack.unpack_one(data, offset)
  return unpack_part(text_argument("unpack_one", data), 1, tonumber(offset))
end

function cmsgpack.unpack_limit(data, limit, offset)
  if not tonumber(limit) then
    error(format("bad argument #2 to 'unpack_limit' (number expected, got %s)", limit == nil and "no value" or type(limit)), 2)
  end
  return unpack_part(text_argument("unpack_limit", data), tonumber(limit), tonumber(offset))
end

host.library("cmsgpack", cmsgpack)
