-- What wrk measured, as one line of JSON: https://github.com/wg/wrk/blob/master/SCRIPTING. Times are microseconds.
done = function(summary, latency, requests)
    io.write(string.format(
        '\n{"requests":%d,"duration":%d,"p50":%.0f,"p95":%.0f,"p99":%.0f,"max":%.0f,' ..
        '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
        summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max,
        summary.errors.connect, summary.errors.read, summary.errors.write, summary.errors.status, summary.errors.timeout))
end
