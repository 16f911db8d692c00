from bottle import Bottle

from site_shop import reserve

application = Bottle()


@application.route("/orders/<n:int>/")
def order(n):
    reserve("milk")
