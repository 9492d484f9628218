-- wrk's requests. After "--": the method, the path and, for chats, a file with
-- a body on each line; these are sent in turn, again and again.
local requests, turn = {}, 0

function init(args)
	local method, path, file = args[1], args[2], args[3]
	if file then
		for body in io.lines(file) do
			requests[#requests + 1] = wrk.format(method, path,
			    { ["Content-Type"] = "application/json" }, body)
		end
	else
		requests[1] = wrk.format(method, path,
		    method == "POST" and { ["Content-Length"] = "0" } or {})
	end
end

function request()
	turn = turn % #requests + 1
	return requests[turn]
end

function done(summary, latency)
	local e = summary.errors
	print(string.format("requests=%d seconds=%.6f errors=%d p50=%d p99=%d",
	    summary.requests, summary.duration / 1e6,
	    e.connect + e.read + e.write + e.status + e.timeout,
	    latency:percentile(50), latency:percentile(99)))
end
