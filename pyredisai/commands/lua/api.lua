-- The table `redis` of scripts. `tools` are functions of the sandbox.

local host, tools = ...

local failure, raise, text_of = tools.failure, tools.raise, tools.text_of
local byte, concat, error, floor, rawget, select, tonumber, type =
  string.byte, table.concat, error, math.floor, rawget, select, tonumber, type

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

return redis
