-- The Lua application of the integration tests.
local function reserve(sku)
  error("no " .. sku .. " left")
end

return function(env)
  if env.PATH_INFO == "/orders/7" then
    reserve("milk")
  end
  if env.PATH_INFO == "/unavailable" then
    return "503 Service Unavailable", {["Content-Type"] = "text/plain"}, coroutine.wrap(function() end)
  end
  local function body()
    coroutine.yield("ok\n")
  end
  return "200 OK", {["Content-Type"] = "text/plain"}, coroutine.wrap(body)
end
