-- What wrk does not print itself.
done = function(summary, latency, requests)
  io.write(string.format("99.9%% %d us\n", latency:percentile(99.9)))
end
