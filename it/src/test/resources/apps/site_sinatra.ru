# A Sinatra application, as it runs in production.
require "sinatra/base"

class OutOfStock < StandardError; end

class Shop < Sinatra::Base
  set :environment, :production

  def reserve(sku)
    raise OutOfStock, "no #{sku} left"
  end

  get("/orders/:n") { reserve("milk") }
  get("/fine") { "well\n" }
  get("/swallowed") do
    begin
      reserve("tea")
    rescue OutOfStock
      "never mind\n"
    end
  end
  get("/unavailable") { [503, "come back later\n"] }
end

run Shop
