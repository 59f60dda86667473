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

-- Replies out: a Lua value as RESP. `client` and `script` are RESP versions.

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

-- redis.*

local redis = {
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
  REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
  REDIS_VERSION = host.version, REDIS_VERSION_NUM = host.version_number,
}

local command = host.command

function redis.call(...)
  local reply = command(...)
  if type(reply) == "table" and rawget(reply, "err") then
    error(reply, 0)
  end
  return reply
end

function redis.pcall(...)
  return (command(...))
end

local function one_field(name, ...)
  local text = ...
  if select("#", ...) ~= 1 or type(text) ~= "string" then
    return failure("wrong number or type of arguments")
  end
  if name == "err" then
    return failure(byte(text) == 45 and text or "-" .. text)
  end
  return {[name] = text}
end

function redis.error_reply(...)
  return one_field("err", ...)
end

function redis.status_reply(...)
  return one_field("ok", ...)
end

local function text_of(value)
  local kind = type(value)
  return kind == "string" and value or kind == "number" and tostring(value) or ""
end

function redis.sha1hex(...)
  if select("#", ...) ~= 1 then
    raise("wrong number of arguments")
  end
  return host.sha1hex(text_of((...)))
end

function redis.log(...)
  local n = select("#", ...)
  if n < 2 then
    raise("redis.log() requires two arguments or more.")
  end
  local level = ...
  if type(tonumber(level)) ~= "number" then
    raise("First argument must be a number (log level).")
  end
  level = floor(tonumber(level))
  if level < 0 or level > 3 then
    raise("Invalid debug level.")
  end
  local words = {}
  for i = 2, n do
    words[#words + 1] = text_of((select(i, ...)))
  end
  host.log(level, concat(words, " "))
end

function redis.setresp(...)
  if select("#", ...) ~= 1 then
    raise("redis.setresp() requires one argument.")
  end
  local version = tonumber((...))
  if version ~= 2 and version ~= 3 then
    raise("RESP version must be 2 or 3.")
  end
  local problem = host.setresp(version)
  if problem then
    raise(problem)
  end
end

function redis.set_repl(...)
  if select("#", ...) ~= 1 then
    raise("redis.set_repl() requires two arguments.")
  end
  local flags = tonumber((...)) or 0
  if flags ~= floor(flags) or flags < 0 or flags > 3 then
    raise("Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
  end
  local problem = host.set_repl(flags)
  if problem then
    raise(problem)
  end
end

function redis.replicate_commands()
  return true
end

function redis.breakpoint()
  return false
end

function redis.debug()
end

function redis.acl_check_cmd(...)
  local allowed, problem = host.acl_check_cmd(...)
  if problem then
    raise(problem)
  end
  return allowed
end

-- Put together

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

-- The world of functions: while a library is loaded it sees little, afterwards no register_function.

local FLAG_ERROR = "flags argument to redis.register_function must be a table representing function flags"

local function is_text(value)
  return type(value) == "string" or type(value) == "number"
end

local NAMED = {
  function_name = {is_text, "function_name argument given to redis.register_function must be a string"},
  description = {is_text, "description argument given to redis.register_function must be a string"},
  callback = {function(value) return type(value) == "function" end,
    "callback argument given to redis.register_function must be a function"},
  flags = {function(value) return type(value) == "table" end, FLAG_ERROR},
}

local function named_arguments(given)
  local found = {}
  for name, value in next, given do
    if not is_text(name) then
      raise("named argument key given to redis.register_function is not a string")
    end
    local rule = NAMED[name]
    if not rule then
      raise("unknown argument given to redis.register_function")
    elseif not rule[1](value) then
      raise(rule[2])
    end
    found[name] = value
  end
  if not found.function_name then
    raise("redis.register_function must get a function name argument")
  elseif not found.callback then
    raise("redis.register_function must get a callback argument")
  end
  return found
end

local function register_function(...)
  local n, first, second = select("#", ...), ...
  local given
  if n == 1 then
    if type(first) ~= "table" then
      raise("calling redis.register_function with a single argument is only applicable to Lua table "
        .. "(representing named arguments).")
    end
    given = named_arguments(first)
  elseif n == 2 then
    if not is_text(first) then
      raise("first argument to redis.register_function must be a string")
    elseif type(second) ~= "function" then
      raise("second argument to redis.register_function must be a function")
    end
    given = {function_name = first, callback = second}
  else
    raise("wrong number of arguments to redis.register_function")
  end
  local flags = {}
  for i = 1, #(given.flags or flags) do
    flags[i] = text_of(rawget(given.flags, i))
  end
  local problem = host.register(text_of(given.function_name), given.callback,
    given.description and text_of(given.description), unpack(flags))
  if problem then
    raise(problem)
  end
end

local load_globals

local function prepare_functions()
  for _, name in ipairs({"breakpoint", "debug", "replicate_commands"}) do
    redis[name] = nil
  end
  local api = {register_function = register_function}
  for name, value in pairs(redis) do
    if name == "log" or match(name, "^LOG_") or match(name, "^REDIS_") then
      api[name] = value
    end
  end
  setmetatable(api, {__index = nonexistent})
  load_globals = setmetatable({redis = protect(api)}, {__index = nonexistent})
end

local function load_library(f)
  world_meta.__index, real_of[world] = load_globals, load_globals
  local ok, value = xpcall(f, handler)
  sethook(on_step, "", STEP)
  world_meta.__index, real_of[world] = globals, globals
  if ok then
    return nil
  end
  return type(value) == "table" and text_of(rawget(value, "err")) or text_of(value)
end

local function library(name, real)
  libraries[name] = real
end

local string_meta = getmetatable("")
string_meta.__index = strings

local function finish(kind)
  if kind == "function" then
    prepare_functions()
  else
    rawset(globals, "__redis__err__handler", handler)
  end
  for name, real in pairs(libraries) do
    rawset(globals, name, protect(real))
  end
  sethook(on_step, "", STEP)
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
  sethook(on_step, "", STEP)
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
  load_library = load_library,
  set_arguments = function(keys, argv)
    rawset(globals, "KEYS", keys)
    rawset(globals, "ARGV", argv)
  end,
  run = run,
  raise = raise,
  failure = failure,
  protect = protect,
  redis = redis,
  world = world,
  memory = function()
    return collectgarbage("count")
  end,
}
