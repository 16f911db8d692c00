"""
Options as they come together: the usual configurations, each as it is published, with an http-socket of ours beside its own
socket. What a case differs in from the others stands in it: how it is reloaded and stopped, whether the agent runs.
"""

import signal

from life import BASE, Case

HTTP = "http-socket = 127.0.0.1:{port}\nwsgi-file = {directory}/app.py\nplugins = python3\n"

# The values of the file of that name in Debian's package, with its run directory in ours.
DEBIAN_DEFAULT = HTTP + """master = true
workers = 2
no-orphans = true
pidfile = {directory}/run/pid
socket = {directory}/run/socket
chown-socket = www-data
chmod-socket = 660
log-date = true
uid = www-data
gid = www-data
"""

# Of the emperor in Debian's package; a vassal each for two users.
EMPEROR = """emperor = {directory}/vassals
autoload = true
log-date = true
"""

VASSAL = "[uwsgi]\n{sentry}\nsentry-dir = {directory}/state1\n" + HTTP + "master = true\nprocesses = 2\nuid = www-data\ngid = www-data\n"
SECOND_VASSAL = ("[uwsgi]\n{sentry}\nsentry-dir = {directory}/state2\n" + HTTP + "master = true\nprocesses = 1\nuid = nobody\ngid = nogroup\n").replace("{port}", "{port2}")

PRODUCTION = """strict = true
master = true
enable-threads = true
vacuum = true
single-interpreter = true
die-on-term = true
need-app = true
disable-logging = true
log-4xx = true
log-5xx = true
harakiri = 60
max-requests = 1000
max-worker-lifetime = 3600
reload-on-rss = 2048
worker-reload-mercy = 60
cheaper-algo = busyness
processes = 6
cheaper = 2
cheaper-initial = 2
cheaper-overload = 1
cheaper-step = 1
cheaper-busyness-multiplier = 30
cheaper-busyness-min = 20
cheaper-busyness-max = 70
cheaper-busyness-backlog-alert = 16
cheaper-busyness-backlog-step = 2
auto-procname = true
procname-prefix = app
"""

NGINX_HOWTO = HTTP + """master = true
processes = 5
socket = {directory}/run/app.sock
chmod-socket = 660
vacuum = true
die-on-term = true
"""

# The ini of the image and the one that it lays over it.
FLASK_IMAGE = HTTP + """socket = {directory}/run/uwsgi.sock
chown-socket = www-data:www-data
chmod-socket = 664
hook-master-start = unix_signal:15 gracefully_kill_them_all
need-app = true
die-on-term = true
show-config = true
master = true
processes = 4
cheaper = 2
"""

OPENSTACK = HTTP + """master = true
processes = 2
threads = 1
enable-threads = true
die-on-term = true
exit-on-reload = false
lazy-apps = true
thunder-lock = true
buffer-size = 65535
add-header = Connection: close
hook-master-start = unix_signal:15 gracefully_kill_them_all
worker-reload-mercy = 80
procname-prefix-spaced = api
chmod-socket = 666
socket = {directory}/run/api.socket
route-user-agent = ^ELB-HealthChecker donotlog:
route-run = addheader:X-Served: yes
http-raw-body = true
"""

DJANGO_THREADS = HTTP + """master = true
processes = 2
threads = 4
enable-threads = true
harakiri = 30
harakiri-verbose = true
post-buffering = 8192
buffer-size = 32768
disable-write-exception = true
ignore-sigpipe = true
ignore-write-errors = true
log-master = true
threaded-logger = true
log-x-forwarded-for = true
stats = {directory}/run/stats
memory-report = true
"""

LOGGING = HTTP + """master = true
processes = 2
log-master = true
plugins = logfile
logger = main file:{directory}/log
req-logger = file:{directory}/run/requests
log-route = main .*
log-format = %(addr) %(method) %(uri) %(status) %(msecs)
alarm = mine cmd:cat >/dev/null
alarm-log = mine planted
"""

MOVING = HTTP + """master = true
processes = 2
spooler = {directory}/run
mules = 2
cron = -1 -1 -1 -1 -1 true
attach-daemon = sleep 100
timer = 17 1
cache2 = name=one,items=10
stats = 127.0.0.1:{port2}
master-fifo = {directory}/run/fifo
touch-chain-reload = {directory}/touched
lazy-apps = true
"""

ALONE = HTTP + "processes = 1\nneed-app = true\ndie-on-term = true\n"

RUN = (("run/.keep", ""), ("touched", ""))


def group(name, base, **further):
    return Case(name="group " + name, lines=(), base=base, **{"files": RUN, **further})


GROUPS = [
    group("Debian's default.ini", DEBIAN_DEFAULT),
    group("Debian's default.ini, with the agent", DEBIAN_DEFAULT, agent="auto"),
    group("drop-after-apps, with the agent", DEBIAN_DEFAULT + "drop-after-apps = true\n", agent="auto"),
    group("master-as-root, with the agent", DEBIAN_DEFAULT + "master-as-root = true\n", agent="auto"),
    group("production set", HTTP.replace("plugins = python3", "plugins = python3,cheaper_busyness") + PRODUCTION, stop=signal.SIGTERM),
    group("production set, with the agent", HTTP.replace("plugins = python3", "plugins = python3,cheaper_busyness") + PRODUCTION, stop=signal.SIGTERM, agent="auto"),
    group("nginx how-to", NGINX_HOWTO, stop=signal.SIGTERM),
    group("Flask image", FLASK_IMAGE, stop=signal.SIGTERM),
    group("OpenStack", OPENSTACK.replace("http-raw-body = true\n", ""), stop=signal.SIGTERM),
    group("OpenStack, chain reload", OPENSTACK.replace("http-raw-body = true\n", "touch-chain-reload = {directory}/touched\n"), reload="touched", stop=signal.SIGTERM),
    group("Django with threads", DJANGO_THREADS),
    group("logging", LOGGING),
    group("everything that moves", MOVING, reload="touched"),
    group("everything that moves, whole reload", MOVING),
    group("no master", ALONE, reload="", stop=signal.SIGTERM),
    group("no master, interrupted", ALONE, reload=""),
    group("no master, with the agent", ALONE, reload="", agent="auto"),
    group("gevent", BASE + "loop = gevent\nasync = 10\n".replace("loop", "enable-threads = true\nplugins = gevent_python3\nloop")),
    group("emperor with a user for each vassal", EMPEROR, reload="vassals/one.ini", files=RUN + (("vassals/one.ini", VASSAL), ("vassals/two.ini", SECOND_VASSAL))),
    group("emperor with a user for each vassal, with the agent", EMPEROR, reload="vassals/one.ini", agent="auto",
          files=RUN + (("vassals/one.ini", VASSAL), ("vassals/two.ini", SECOND_VASSAL))),
    group("the agent alone", BASE, agent="auto"),
    group("an application that does not load", BASE + "need-app = true\nmodule = there_is_none\n".replace("module", "wsgi-file = {directory}/none.py\nmodule"), reload="", starts=False),
    group("an application that does not load, lazily", BASE.replace("wsgi-file", "module = there_is_none #") + "need-app = true\nlazy-apps = true\n", reload="", starts=False),
    group("no application", BASE.replace("wsgi-file", "module = there_is_none #")),
]

# Those that are in every run, however short.
FIRST = {"group " + name for name in (
    "Debian's default.ini", "Debian's default.ini, with the agent", "production set", "nginx how-to", "Flask image", "OpenStack", "Django with threads", "everything that moves, whole reload",
    "no master", "emperor with a user for each vassal")}
