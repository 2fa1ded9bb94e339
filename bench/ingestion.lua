-- wrk: posts the body in the file args[1], each @ID@ in it replaced by an id that no other request has.
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local body = file:read("*a")
  file:close()
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-API-Key"] = args[3]
  -- Ids are as long as their mark, so that the request with its Content-Length is made once and only they are exchanged.
  local text, mark = wrk.format(nil, nil, nil, body), "@@@@@@@@@@ID@@@@@@@@@@"
  prefix = args[2] .. "-" .. number .. "-"
  format = "%0" .. (#mark - #prefix) .. "d"
  parts, places, sent = {}, {}, 0
  local start = 1
  while true do
    local from, to = text:find(mark, start, true)
    parts[#parts + 1] = text:sub(start, (from or 0) - 1)
    if not from then break end
    parts[#parts + 1] = ""
    places[#places + 1] = #parts
    start = to + 1
  end
end

function request()
  for i = 1, #places do
    sent = sent + 1
    parts[places[i]] = prefix .. format:format(sent)
  end
  return table.concat(parts)
end

function done(summary, _, _)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format('\n{"requests": %d, "seconds": %f, "failed": %d}\n', summary.requests, summary.duration / 1e6, failed))
end
