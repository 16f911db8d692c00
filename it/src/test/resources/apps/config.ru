# The Ruby application of the integration tests.
class Broken < StandardError; end

run lambda { |env|
  raise Broken, "cannot serve this" if env["PATH_INFO"] == "/raise"
  [200, { "Content-Type" => "text/plain" }, ["ok\n"]]
}
