-- The world of functions (`tools` are the sandbox's own): while a library is loaded it sees little, afterwards no register_function.

local host, tools = ...

local raise, text_of, protect, nonexistent = tools.raise, tools.text_of, tools.protect, tools.nonexistent
local redis = tools.redis
local ipairs, match, next, pairs, rawget, select, setmetatable, type, unpack, xpcall =
  ipairs, string.match, next, pairs, rawget, select, setmetatable, type, unpack, xpcall

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
  tools.show(load_globals)
  local ok, value = xpcall(f, tools.handler)
  tools.rearm()
  tools.show(tools.globals)
  if ok then
    return nil
  end
  return type(value) == "table" and text_of(rawget(value, "err")) or text_of(value)
end

return {prepare = prepare_functions, load_library = load_library}
