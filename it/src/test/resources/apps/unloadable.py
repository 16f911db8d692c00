"""An application that does not load."""


def connect(host):
    raise ConnectionRefusedError("no database at " + host)


connect("db1")
