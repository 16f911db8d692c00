"""As large applications on werkzeug do it: whatever is raised is logged, and answered."""
import logging

from werkzeug.exceptions import InternalServerError
from werkzeug.wrappers import Request

from site_shop import reserve


def application(environ, start_response):
    request = Request(environ)
    try:
        reserve("milk")
    except Exception:
        logging.getLogger("shop").error("Exception during request handling.", exc_info=True)
        return InternalServerError()(environ, start_response)
