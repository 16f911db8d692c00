"""What the sites of every framework have in common."""


class OutOfStock(Exception):
    pass


def reserve(sku):
    stock = {"milk": 0}
    if not stock[sku]:
        raise OutOfStock("no %s left" % sku)
