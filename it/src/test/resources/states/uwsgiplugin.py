import os

NAME = "states"
GCC_LIST = ["states"]
# The headers that uWSGI's own header wants and a machine may lack: ours, searched last.
CFLAGS = ["-idirafter '%s'" % os.environ["STATES_HEADERS"]]
LDFLAGS = []
LIBS = []
