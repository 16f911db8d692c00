from a2wsgi import ASGIMiddleware
from fastapi import FastAPI, Response

from site_shop import OutOfStock, reserve

site = FastAPI()


@site.get("/orders/{n}/")
def order(n: int):
    reserve("milk")


@site.get("/swallowed")
async def swallowed():
    try:
        reserve("milk")
    except OutOfStock:
        return "not so bad"


@site.get("/unavailable")
async def unavailable():
    return Response("closed", status_code=503)


@site.get("/fine")
async def fine():
    return "fine"


application = ASGIMiddleware(site)
