# The Ruby application of the integration tests.
class Broken < StandardError; end

run lambda { |env|
  raise Broken, "cannot serve this" if env["PATH_INFO"] == "/raise"
  nil.no_such_method if env["PATH_INFO"] == "/no-method"
  [200, { "Content-Type" => "text/plain" }, ["ok\n"]]
}
