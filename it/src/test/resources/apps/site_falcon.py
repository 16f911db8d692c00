import falcon

from site_shop import reserve


class Order:
    def on_get(self, req, resp, n):
        reserve("milk")


application = falcon.App()
application.add_route("/orders/{n}/", Order())
