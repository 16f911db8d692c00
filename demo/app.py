"""A small application that can be broken in every way the demo wants."""

import ctypes
import os
import re
import signal
import time


def price(order):
    """Raises for an order that has no price."""
    prices = {1: 3.5, 2: 12}
    currency = 'EUR'
    return '%.2f %s' % (prices[order], currency)


def check(text):
    """Takes years for this text, all of them in C code that lets no other thread run."""
    return re.match('(a+)+$', text)


def application(environ, start_response):
    path = environ['PATH_INFO']
    if path == '/log':
        print('FOO the disk of the shop is at 97 percent', flush=True)
    elif path == '/exception':
        raise KeyError('there is no order 4711')
    elif path == '/sleep':
        time.sleep(4)
    elif path == '/segfault':
        ctypes.string_at(0)
    elif path.startswith('/orders/') and environ['REQUEST_METHOD'] == 'GET':
        price(int(path.rpartition('/')[2]))
    elif path == '/stuck':
        check('a' * 60 + '!')
    elif path == '/killed':
        os.kill(os.getpid(), signal.SIGKILL)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'fine\n']
