"""A small application that can be broken in every way the demo wants."""

import ctypes
import time


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
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'fine\n']
