"""An application whose process dies as it loads, as often as the file DEATHS says."""

import os
import signal

with open(os.environ["DEATHS"], "r+") as file:
    left = int(file.read())
    if left:
        file.seek(0)
        file.write(str(left - 1))
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"alive"]
