-- The world of scripts. Called with the host's functions (Python); returns what Python calls.
--
-- Rule: a script sees proxies only. A library table is an empty table whose metatable leads to the real one, so that
-- nothing a script does outlives it; no Python object and nothing of `debug` is ever within reach.
-- Facts: the behaviour of redis-server 7.0.15.

local host = ...

local assert, error, getmetatable, ipairs, next, pcall, rawequal, rawget, rawset, select, setmetatable, tonumber, tostring, type, unpack, xpcall =
  assert, error, getmetatable, ipairs, next, pcall, rawequal, rawget, rawset, select, setmetatable, tonumber, tostring, type, unpack, xpcall
local collectgarbage, loadstring, setfenv = collectgarbage, loadstring, setfenv
local getinfo, sethook = debug.getinfo, debug.sethook
local cocreate, coresume = coroutine.create, coroutine.resume
local byte, dump, format, gsub, match, sub = string.byte, string.dump, string.format, string.gsub, string.match, string.sub
local concat, insert, remove, sort = table.concat, table.insert, table.remove, table.sort
local huge, floor = math.huge, math.floor

local READONLY = "Attempt to modify a readonly table"
local world = {} -- the table of globals as scripts see it
local real_of = setmetatable({}, {__mode = "k"}) -- proxy -> the table behind it

local function refuse()
  error(READONLY, 2)
end

local function protect(real)
  local proxy = {}
  real_of[proxy] = real
  return setmetatable(proxy, {__index = real, __newindex = refuse, __metatable = false})
end

-- Errors

local function where(level)
  -- The script's own frame: above C functions and the sandbox's own.
  local info = getinfo(level, "Sl")
  while info and (info.what == "C" or info.source == "=sandbox") do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  return info
end

local function handler(err)
  local info = where(3)
  if type(err) ~= "table" then
    err = {err = "ERR " .. tostring(err)}
  end
  if info then
    err.source = info.source
    err.line = info.currentline
  end
  return err
end

-- `msg` as the table that stands for an error reply; a code of its own follows a leading `-`.
local function failure(msg)
  if byte(msg) == 45 then
    msg = sub(msg, 2)
    if not match(msg, " ") then
      msg = "ERR " .. msg
    end
  else
    msg = "ERR " .. msg
  end
  return {err = (gsub(gsub(msg, "^[\r\n]+", ""), "[\r\n]+$", ""))}
end

local function text_of(value)
  local kind = type(value)
  return kind == "string" and value or kind == "number" and tostring(value) or ""
end

local function raise(msg)
  error(failure(msg), 0)
end

-- Stopping a script that takes too long. Each coroutine needs the hook of its own.

local STEP = 100000
local on_step

local function stop()
  if getinfo(2, "S").source ~= "=sandbox" then
    error(failure(host.killed()), 0)
  end
end

function on_step()
  if host.on_step() then
    sethook(stop, "l")
    stop()
  end
end

-- The names that a script finds

local function real_table(t)
  return real_of[t] or t
end

local function writable(t)
  if type(t) == "table" and real_of[t] then
    error(READONLY, 0)
  end
end

local base = {
  assert = assert, error = error, gcinfo = gcinfo, collectgarbage = collectgarbage, ipairs = ipairs,
  rawequal = rawequal, select = select, tonumber = tonumber, tostring = tostring, type = type, unpack = unpack,
  xpcall = xpcall, _VERSION = _VERSION,
}

function base.next(t, ...)
  return next(real_table(t), ...)
end

function base.pairs(t)
  if real_of[t] then
    return next, real_of[t], nil
  end
  return pairs(t)
end

function base.rawget(t, k)
  return rawget(real_table(t), k)
end

function base.rawset(t, k, v)
  writable(t)
  return rawset(t, k, v)
end

function base.setmetatable(t, meta)
  writable(t)
  return setmetatable(t, meta)
end

local shown_metatable = protect({__index = refuse})

function base.getmetatable(value)
  if type(value) == "string" or real_of[value] then
    return shown_metatable
  end
  return getmetatable(value)
end

local function pack_protected(ok, err, ...)
  if not ok and type(err) == "table" then
    local text = rawget(err, "err")
    if type(text) == "string" or type(text) == "number" then
      err = text
    end
  end
  return ok, err, ...
end

function base.pcall(...)
  return pack_protected(pcall(...))
end

-- Compiled chunks are refused: a crafted one can break out of the interpreter. Tail calls: see bytecode.py.
local function compile(text, name)
  if byte(text) == 27 then
    return nil, "compiled chunks are not accepted"
  end
  local f, problem = loadstring(text, name)
  if not f then
    return nil, problem
  end
  f = loadstring(host.without_tail_calls(dump(f)))
  setfenv(f, world)
  return f
end

function base.loadstring(text, name)
  if type(text) ~= "string" then
    return loadstring(text, name)
  end
  return compile(text, name or text)
end

function base.load(reader, name)
  if type(reader) ~= "function" then
    error("bad argument #1 to 'load' (function expected, got " .. type(reader) .. ")", 2)
  end
  local parts = {}
  while true do
    local part = reader()
    if part == nil or part == "" then
      break
    end
    if type(part) ~= "string" then
      return nil, "reader function must return a string"
    end
    parts[#parts + 1] = part
  end
  return base.loadstring(concat(parts), name or "=(load)")
end

local function copy(t)
  local new = {}
  for k, v in pairs(t) do
    new[k] = v
  end
  return new
end

local tables, strings, numbers, coroutines = copy(table), copy(string), copy(math), copy(coroutine)

for _, name in ipairs({"insert", "remove", "sort", "setn"}) do
  local original = table[name]
  tables[name] = function(t, ...)
    writable(t)
    return original(t, ...)
  end
end

local function hooked(f)
  local co = cocreate(f)
  sethook(co, on_step, "", STEP)
  return co
end

local function resumed(ok, ...)
  if not ok then
    local err = ...
    -- Where the coroutine was resumed, as lua_error of a C function that passes an error on does.
    if type(err) == "string" then
      local info = getinfo(3, "Sl")
      if info and info.currentline > 0 then
        err = info.short_src .. ":" .. info.currentline .. ": " .. err
      end
    end
    error(err, 0)
  end
  return ...
end

coroutines.create = hooked

function coroutines.wrap(f)
  local co = hooked(f)
  return function(...)
    return resumed(coresume(co, ...))
  end
end

numbers.random = function(...)
  local r, n = host.random(), select("#", ...)
  if n == 0 then
    return r
  end
  local low, high = ...
  if n == 1 then
    low, high = 1, low
  elseif n > 2 then
    error("wrong number of arguments", 2)
  end
  local bad
  if type(tonumber(low)) ~= "number" then
    bad = {1, low}
  elseif type(tonumber(high)) ~= "number" then
    bad = {n == 1 and 1 or 2, high}
  end
  if bad then
    error(format("bad argument #%d to 'random' (number expected, got %s)", bad[1], type(bad[2])), 2)
  end
  low, high = tonumber(low), tonumber(high)
  low, high = low < 0 and -floor(-low) or floor(low), high < 0 and -floor(-high) or floor(high)
  if low > high then
    error(format("bad argument #%d to 'random' (interval is empty)", n), 2)
  end
  return floor(r * (high - low + 1)) + low
end

numbers.randomseed = function(...)
  local seed = ...
  if type(tonumber(seed)) ~= "number" then
    error(format("bad argument #1 to 'randomseed' (number expected, got %s)",
      select("#", ...) == 0 and "no value" or type(seed)), 2)
  end
  host.seed(tonumber(seed))
end

-- Put together

local tools = {failure = failure, raise = raise, text_of = text_of, protect = protect, handler = handler}
local redis = host.api(host, tools)
tools.redis = redis

local function nonexistent(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

local libraries = {
  string = strings, table = tables, math = numbers, coroutine = coroutines, redis = redis,
}

local globals = base
globals._G = world
real_of[world] = globals
local world_meta = {__index = globals, __newindex = refuse, __metatable = false}
setmetatable(world, world_meta)
setmetatable(globals, {__index = nonexistent})

local function library(name, real)
  libraries[name] = real
end

local string_meta = getmetatable("")
string_meta.__index = strings

local function rearm()
  sethook(on_step, "", STEP)
end

tools.nonexistent, tools.globals, tools.rearm = nonexistent, globals, rearm

function tools.show(names)
  world_meta.__index, real_of[world] = names, names
end

local functions = host.functions(host, tools)
local encode = host.replies()

local function finish(kind)
  if kind == "function" then
    functions.prepare()
  else
    rawset(globals, "__redis__err__handler", handler)
  end
  for name, real in pairs(libraries) do
    rawset(globals, name, protect(real))
  end
  rearm()
end

local function run(f, client, script_resp, ...)
  local ok, value
  if select("#", ...) == 0 then
    ok, value = xpcall(f, handler)
  else
    local keys, argv = ...
    ok, value = xpcall(function()
      return f(keys, argv)
    end, handler)
  end
  rearm()
  if ok then
    local out = {}
    encode(value, out, client, script_resp(), 1)
    return true, concat(out)
  end
  if type(value) ~= "table" then
    return false, text_of(value)
  end
  local source, line = value.source, value.line
  return false, text_of(rawget(value, "err")), source and text_of(source), line
end

return {
  library = library,
  finish = finish,
  compile = compile,
  load_library = functions.load_library,
  set_arguments = function(keys, argv)
    rawset(globals, "KEYS", keys)
    rawset(globals, "ARGV", argv)
  end,
  run = run,
  memory = function()
    return collectgarbage("count")
  end,
}
