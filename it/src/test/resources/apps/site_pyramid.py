from pyramid.config import Configurator

from site_shop import reserve


def order(request):
    reserve("milk")


with Configurator() as config:
    config.add_route("order", "/orders/{n}/")
    config.add_view(order, route_name="order")
    application = config.make_wsgi_app()
