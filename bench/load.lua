-- What wrk sends: the requests of a file in turns, one a line, method, path, bearer token (or -) and body (or -),
-- parted by tabs; @N@ in a body becomes a text that no other request has. `done` tells what came of it as JSON.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(arguments)
  lines, sent, bodies, salt = {}, 0, false, arguments[2]
  for line in io.lines(arguments[1]) do
    local method, path, token, body = line:match("([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)")
    local headers = {}
    if token ~= "-" then headers["Authorization"] = "Bearer " .. token end
    if body ~= "-" then
      headers["Content-Type"] = "application/json"
      bodies = true
      lines[#lines + 1] = { method, path, headers, body }
    else
      lines[#lines + 1] = wrk.format(method, path, headers)
    end
  end
  sent = number * math.floor(#lines / 2)
end

function request()
  sent = sent + 1
  local line = lines[sent % #lines + 1]
  if not bodies then return line end
  local text = line[4]:gsub("@N@", salt .. number .. "-" .. sent)
  return wrk.format(line[1], line[2], line[3], text)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'REPORT {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
