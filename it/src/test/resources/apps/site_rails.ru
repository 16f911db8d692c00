# A Rails application in one file, as it runs in production.
require "logger"
require "action_controller/railtie"

class OutOfStock < StandardError; end

class Shop < Rails::Application
  config.eager_load = false
  config.consider_all_requests_local = false
  config.secret_key_base = "not a secret, but long enough to be one"
  config.logger = Logger.new(STDERR)
  config.hosts.clear
  routes.append do
    get "/orders/:n" => "orders#show"
    get "/fine" => "orders#fine"
    get "/swallowed" => "orders#swallowed"
    get "/unavailable" => "orders#unavailable"
  end
end

class OrdersController < ActionController::Base
  def reserve(sku)
    raise OutOfStock, "no #{sku} left"
  end

  def show
    reserve("milk")
  end

  def fine
    render plain: "well\n"
  end

  def swallowed
    reserve("tea")
  rescue OutOfStock
    render plain: "never mind\n"
  end

  def unavailable
    render plain: "come back later\n", status: 503
  end
end

Rails.env = "production"
Shop.initialize!
run Shop
