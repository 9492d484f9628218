-- wrk's requests. After "--": the method, the path and, for chats, how many
-- threads there are and a file with a body on each line. A thread has one
-- connection and sends every so manieth body, again and again, so that no two
-- connections wait for each other's sessions.
--
-- The last line that is printed has the figures, and as failed=WHAT:N,... the
-- statuses and the breaks of connections that were counted.
local requests, turn = {}, 0
local threads = {}
failed = {}

function setup(thread)
	thread:set("number", #threads)
	table.insert(threads, thread)
end

local function count_failed(status)
	if status >= 400 then
		local key = tostring(status)
		failed[key] = (failed[key] or 0) + 1
	end
end

function init(args)
	local method, path, count, file = args[1], args[2], args[3], args[4]
	if not file then
		requests[1] = wrk.format(method, path,
		    method == "POST" and { ["Content-Length"] = "0" } or {})
		return
	end
	local line = 0
	for body in io.lines(file) do
		if line % tonumber(count) == number then
			requests[#requests + 1] = wrk.format(method, path,
			    { ["Content-Type"] = "application/json" }, body)
		end
		line = line + 1
	end
	-- It costs wrk time for each reply, so only where it is needed.
	response = count_failed
end

function request()
	turn = turn % #requests + 1
	return requests[turn]
end

local function all_failed(errors)
	local sum, named, words = {}, 0, {}
	for _, thread in ipairs(threads) do
		for key, n in pairs(thread:get("failed") or {}) do
			sum[key] = (sum[key] or 0) + n
			named = named + n
		end
	end
	for _, key in ipairs({ "connect", "read", "write", "timeout" }) do
		sum[key] = errors[key]
	end
	sum["status"] = errors.status - named
	for key, n in pairs(sum) do
		if n > 0 then
			table.insert(words, key .. ":" .. n)
		end
	end
	table.sort(words)
	return table.concat(words, ",")
end

function done(summary, latency)
	print(string.format("requests=%d seconds=%.6f p50=%d p99=%d failed=%s",
	    summary.requests, summary.duration / 1e6,
	    latency:percentile(50), latency:percentile(99),
	    all_failed(summary.errors)))
end
