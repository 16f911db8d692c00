"""One exception, told by this server's plugin or by sentry-sdk, at two depths of stack."""
import os

KIND = os.environ.get("COST_KIND", "plain")
if KIND == "sdk":
    import sentry_sdk

    sentry_sdk.init(dsn=os.environ["COST_DSN"], default_integrations=False, traces_sample_rate=0)


class Broken(Exception):
    pass


def down(depth, order, basket):
    price, name = depth * 3, "item %d" % depth
    if depth == 0:
        raise Broken("no %s left" % name)
    return down(depth - 1, order, basket)


def fail(depth):
    down(depth - 3, {"id": 12, "sku": "tea", "lines": [1, 2, 3]}, ["tea", "milk", "rye"])


def answer(path, depth):
    """What fails does so behind the answer, so that the client counts it; the worker is busy until then."""
    yield b"ok\n"
    if path == "/raise":
        fail(depth)
    if path == "/caught":
        try:
            fail(depth)
        except Broken as e:
            if KIND == "sdk":
                sentry_sdk.capture_exception(e)


def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "3"), ("Connection", "close")])
    return answer(environ["PATH_INFO"], int(environ["QUERY_STRING"] or 5))
