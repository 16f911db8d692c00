import logging

from flask import Flask

from site_shop import reserve

application = Flask(__name__)


@application.route("/orders/<int:n>/")
def order(n):
    reserve("milk")


@application.route("/swallowed")
def swallowed():
    try:
        reserve("milk")
    except Exception:
        logging.getLogger("shop").exception("not so bad")
    return "fine"


@application.route("/unavailable")
def unavailable():
    return "closed", 503


@application.route("/fine")
def fine():
    return "fine"
