-- The libraries bit and struct: argument checks and error places here, numbers in the host (numbers.py).

local host = ...

local error, format, select, tonumber, type, unpack = error, string.format, select, tonumber, type, unpack

-- Position 0: the problem is not an argument's.
local function bad(name, position, text, level)
  if position == 0 then
    error(text, level or 3)
  end
  error(format("bad argument #%d to '%s' (%s)", position, name, text), level or 3)
end

local function check_numbers(name, needed, ...)
  local n = select("#", ...)
  for i = 1, n > needed and n or needed do
    local value = select(i, ...)
    if type(value) ~= "number" and not (type(value) == "string" and tonumber(value)) then
      error(format("bad argument #%d to '%s' (number expected, got %s)", i, name,
        i > n and "no value" or type(value)), 3)
    end
  end
end

local function converted(...)
  local values = {...}
  for i = 1, #values do
    values[i] = tonumber(values[i])
  end
  return unpack(values)
end

local bit = {}
for name, needed in pairs({
  tobit = 1, bnot = 1, band = 1, bor = 1, bxor = 1, lshift = 2, rshift = 2, arshift = 2, rol = 2, ror = 2, bswap = 1,
}) do
  local operation = host["bit_" .. name]
  local only = (needed == 2 or name == "tobit" or name == "bnot" or name == "bswap") and needed
  bit[name] = function(...)
    check_numbers(name, needed, ...)
    if only == 1 then
      return operation(tonumber((...)))
    elseif only == 2 then
      local value, by = ...
      return operation(tonumber(value), tonumber(by))
    end
    return operation(converted(...))
  end
end

local tohex = host.bit_tohex
function bit.tohex(...)
  check_numbers("tohex", 1, ...)
  local value, digits = ...
  return tohex(tonumber(value), tonumber(digits or 8))
end

local struct = {}

local function check_string(name, position, value, given)
  if type(value) == "number" then
    return format("%.14g", value)
  elseif type(value) ~= "string" then
    error(format("bad argument #%d to '%s' (string expected, got %s)", position, name,
      given and type(value) or "no value"), 3)
  end
  return value
end

function struct.pack(...)
  local text = check_string("pack", 1, (...), select("#", ...) > 0)
  local packed, position, problem = host.struct_pack(text, select(2, ...))
  if problem then
    bad("pack", position, problem)
  end
  return packed
end

local function results(ok, ...)
  if not ok then
    local position, problem = ...
    bad("unpack", position, problem, 4)
  end
  return ...
end

function struct.unpack(...)
  local n = select("#", ...)
  local text = check_string("unpack", 1, (...), n > 0)
  local data = check_string("unpack", 2, (select(2, ...)), n > 1)
  local position = select(3, ...)
  if position ~= nil and not tonumber(position) then
    bad("unpack", 3, "number expected, got " .. type(position))
  end
  return results(host.struct_unpack(text, data, tonumber(position or 1)))
end

function struct.size(...)
  local text = check_string("size", 1, (...), select("#", ...) > 0)
  local size, position, problem = host.struct_size(text)
  if problem then
    bad("size", position, problem)
  end
  return size
end

host.library("bit", bit)
host.library("struct", struct)
