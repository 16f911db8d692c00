"""
uWSGI's options, each with the value that it is tried with. What `uwsgi --help` lists and no table here names is taken for a
switch and tried as `NAME = true`; what cannot be tried is left out with a reason.
"""

import dataclasses
import re
import signal
import subprocess

from life import MODES, Case

# Expression, and why no option that it matches whole is tried.
LEFT_OUT = [
    ("help|usage|version|python-version|cflags|dot-h|config-py|build-plugin|print-sym|print-symbol|binary-append-data|nagios|connect-and-read|extract|dump-options",
     "prints something and ends before a plugin has a say"),
    ("stop|reload|pause|suspend|resume|signal", "speaks to another server and ends"),
    ("pyshell.*|honour-stdin|daemons-honour-stdin", "wants a terminal"),
    ("(mount|umount)-.*", "mounts file systems"),
    ("pivot.root|namespace.*|ns|ns-net|unshare.*|setns.*|refork-post-jail|re-fork-post-jail|emperor-use-clone|cgroup.*|cap|.*-cap|chroot",
     "wants kernel rights or a root of its own; chroot has tests of its own"),
    ("wait-(for-)?(interface|iface|mountpoint|socket).*", "wants an interface, a mount or a server"),
    ("legion.*|.*-legion.*|.*-legion-cron|multicast.*|snmp.*|udp|zerg.*|subscri.*|st|unsubscribe.*|start-unsubscribed|auto-weight|weight|notify-socket", "wants a second server"),
    ("emperor|emperor-.*|vassal.*|early-emperor|heartbeat|imperial.*|(hook|exec|call)(-as)?-(as-)?(vassal|emperor).*|hook-emperor-.*",
     "of an emperor, which is one of the groups"),
    ("cache-udp.*|cache-sync|resolve", "wants a second server"),
    ("suwsgi-socket|ssl-.*|https-socket.*|sni.*", "wants certificates; encrypts what the other sockets carry"),
    ("ksm|never-swap|cpu-affinity|prio|privileged-binary-patch.*|unprivileged-binary-patch.*|binary-path|worker-exec.*|python-worker-override|py-executable|py-sys-executable",
     "changes the machine, or replaces the program that is looked at"),
    ("immediate-uid|immediate-gid", "the files of a test are not that user's"),
    ("limit-nproc", "counts the processes of the whole machine"),
    ("endfor|end-for|for.*|if.*|endif|end-if|blacklist|whitelist|end-blacklist|end-whitelist|set.*|declare-option.*|get", "logic of the configuration, over when a plugin is called"),
    ("ini|xml|xmlconfig|yaml|yml|json|js|config|inherit|include|inject-.*|fallback-config|ini-paste.*|paste|pecan|web3|pump|wsgi-lite|paste-logger|py-envdir|early-envdir",
     "another form of configuration or application"),
    ("python|py|pyrun|test|optimize|home|virtualenv|venv|pyhome|py-programname|py-program-name|no-site|python-raw|eval|file|module|wsgi|callable|pyargv|post-pymodule-alias|profiler",
     "another Python or another application"),
    ("fs-.*|check-mount.*|mountpoint-check|mount-check|reload-on-fd|brutal-reload-on-fd|fd-safe|safe-fd|alarm-fd", "waits for something outside"),
    ("no-server|command-mode|force-gateway|command", "no server"),
    ("plugins?|need-plugins?|plugins?-dir|autoload|dlopen", "how the plugin itself is loaded"),
    ("flock2?|flock-wait2?", "locks; the run without the plugin would wait for the other"),
    ("log-socket|rsyslog.*|log-syslog", "wants a log server"),
    ("xslt.*|tuntap.*|.*-amqp.*", "wants a device or a server"),
    ("forkbomb-delay", "only of failing starts"),
    ("exit", "no server"),
    ("http-socket", "of every run"),
    ("(fast|raw|ssl)router.*|https2?|https-.*|http-(zerg|use-.*|subscription-.*|stud-prefix|to-https|uid|gid|modifier.)", "of a router, a process in front; http and what goes with it is tried"),
    ("exception-handler", "there is none but the plugin's, which the runs with threads have"),
    ("symcall.*|ping.*|rrdtool.*|carbon.*|ugreen.*", "wants another server, or a library that is not there"),
]

RELOADED = "HUP"

# Name: value, or (value, further lines).
VALUES = {
    "socket": "127.0.0.1:{port2}", "uwsgi-socket": "{directory}/u.sock", "http11-socket": "127.0.0.1:{port2}", "fastcgi-socket": "127.0.0.1:{port2}",
    "fastcgi-nph-socket": "127.0.0.1:{port2}", "scgi-socket": "127.0.0.1:{port2}", "scgi-nph-socket": "127.0.0.1:{port2}", "raw-socket": "127.0.0.1:{port2}",
    "puwsgi-socket": "127.0.0.1:{port2}", "shared-socket": "127.0.0.1:{port2}", "undeferred-shared-socket": "127.0.0.1:{port2}",
    "http-socket-modifier1": "0", "http-socket-modifier2": "0", "fastcgi-modifier1": "0", "fastcgi-modifier2": "0", "scgi-modifier1": "0", "scgi-modifier2": "0",
    "raw-modifier1": "0", "raw-modifier2": "0", "protocol": ("http", ["socket = 127.0.0.1:{port2}"]), "processes": "3", "harakiri": "30", "backtrace-depth": "16",
    "mule-harakiri": ("30", ["mule = true"]), "write-errors-tolerance": "1", "daemonize": "{directory}/log", "daemonize2": "{directory}/log", "listen": "50",
    "max-vars": "200", "max-apps": "4", "buffer-size": "16384", "chmod-socket": ("666", ["socket = {directory}/u.sock"]),
    "chown-socket": ("nobody", ["socket = {directory}/u.sock"]), "umask": "022", "map-socket": "0:1,2", "procname-prefix": "pre", "procname-prefix-spaced": "pre",
    "procname-append": "post", "procname": "name", "procname-master": "chief", "abstract-socket": ("true", ["socket = matrix-{port}"]),
    "reload-mercy": "5", "worker-reload-mercy": "5", "mule-reload-mercy": ("5", ["mule = true"]), "max-requests": "5", "max-requests-delta": ("1", ["max-requests = 5"]),
    "min-worker-lifetime": ("1", ["max-requests = 5"]), "max-worker-lifetime": "30", "max-worker-lifetime-delta": ("1", ["max-worker-lifetime = 30"]), "socket-timeout": "5",
    "locks": "3", "lock-engine": "ipcsem", "ftok": "{directory}/app.py", "sharedarea": "2", "cache": "100", "cache-blocksize": ("1000", ["cache = 100"]),
    "cache-store": ("{directory}/cache.db", ["cache = 100"]), "cache-store-sync": ("2", ["cache = 100", "cache-store = {directory}/cache.db"]),
    "cache-expire-freq": ("1", ["cache = 100"]), "cache-report-freed-items": ("true", ["cache = 100"]), "cache-no-expire": ("true", ["cache = 100"]),
    "cache-use-last-modified": ("true", ["cache = 100"]), "add-cache-item": ("a=b", ["cache = 100"]), "load-file-in-cache": ("{directory}/app.py", ["cache = 100"]),
    "load-file-in-cache-gzip": ("{directory}/app.py", ["cache = 100"]), "cache2": "name=one,items=10", "queue": "10", "queue-blocksize": ("4096", ["queue = 10"]),
    "queue-store": ("{directory}/queue.db", ["queue = 10"]), "queue-store-sync": ("2", ["queue = 10", "queue-store = {directory}/queue.db"]),
    "spooler": "{directory}/spool", "spooler-external": "{directory}/spool", "spooler-chdir": ("/tmp", ["spooler = {directory}/spool"]),
    "spooler-processes": ("2", ["spooler = {directory}/spool"]), "spooler-max-tasks": ("2", ["spooler = {directory}/spool"]),
    "spooler-harakiri": ("20", ["spooler = {directory}/spool"]), "spooler-frequency": ("1", ["spooler = {directory}/spool"]),
    "spooler-freq": ("1", ["spooler = {directory}/spool"]), "spooler-ordered": ("true", ["spooler = {directory}/spool"]),
    "spooler-quiet": ("true", ["spooler = {directory}/spool"]), "mules": "2", "mule": "true", "farm": ("one:1", ["mules = 1"]), "mule-msg-size": ("1000", ["mule = true"]),
    "signal-bufsize": "65536", "signals-bufsize": "65536", "signal-timer": "17 1", "timer": "17 1", "signal-rbtimer": "17 1", "rbtimer": "17 1", "rpc-max": "8",
    "pidfile": "{directory}/pid", "pidfile2": "{directory}/pid", "safe-pidfile": "{directory}/pid", "safe-pidfile2": "{directory}/pid", "uid": "www-data", "gid": "www-data",
    "add-gid": "www-data", "limit-as": "4096", "reload-on-as": "1", "reload-on-rss": "1", "evil-reload-on-as": "1", "evil-reload-on-rss": "1",
    "mem-collector-freq": ("1", ["evil-reload-on-rss = 4000"]), "touch-reload": "{directory}/touched", "touch-workers-reload": "{directory}/touched",
    "touch-mules-reload": ("{directory}/touched", ["mule = true"]), "touch-spoolers-reload": ("{directory}/touched", ["spooler = {directory}/spool"]),
    "touch-chain-reload": ("{directory}/touched", ["lazy-apps = true"]), "touch-logrotate": "{directory}/touched", "touch-logreopen": "{directory}/touched",
    "touch-exec": "{directory}/touched true", "touch-signal": "{directory}/touched 17", "limit-post": "2000", "post-buffering": "100",
    "post-buffering-bufsize": ("8192", ["post-buffering = 100"]), "body-read-warning": "1", "upload-progress": "{directory}/progress",
    "reload-on-exception-type": "ValueError", "reload-on-exception-value": "planted", "reload-on-exception-repr": "ValueError: planted",
    "metric": ("name=mine,type=counter,initial_value=1", ["enable-metrics = true"]),
    "metric-threshold": ("key=worker.0.requests,value=1000000,alarm=mine", ["enable-metrics = true", "alarm = mine cmd:cat >/dev/null"]),
    "metrics-dir": "{directory}/metrics", "metrics-dir-restore": ("true", ["metrics-dir = {directory}/metrics"]), "metric-dir-restore": ("true", ["metrics-dir = {directory}/metrics"]),
    "stats": "127.0.0.1:{port2}", "stats-http": ("true", ["stats = 127.0.0.1:{port2}"]), "stats-push": ("file:path={directory}/stats,freq=1", ["plugins = stats_pusher_file"]),
    "stats-pusher-default-freq": "2", "master-fifo": "{directory}/fifo", "check-interval": "2", "async": "4", "max-fd": "2048", "logto": "{directory}/log2", "logto2": "{directory}/log2",
    "log-format": "%(method) %(uri) %(status)", "log-format-strftime": ("true", ["log-format = %(method) %(uri) %(ftime)"]), "logformat-strftime": ("true", ["log-format = %(method) %(uri)"]),
    "logfile-chmod": ("600", ["logto = {directory}/log2"]), "logfile-chown": ("true", ["logto = {directory}/log2"]), "req-logger": ("file:{directory}/requests", ["plugins = logfile"]),
    "logger": ("file:{directory}/log2", ["plugins = logfile"]), "log-encoder": ("prefix x ", ["plugins = logfile", "logger = file:{directory}/log"]),
    "log-req-encoder": ("prefix x ", ["plugins = logfile", "req-logger = file:{directory}/log"]), "log-drain": ("nothing-like-this", ["log-master = true"]), "log-filter": ("[A-Za-z]", ["log-master = true"]),
    "log-route": ("one nothing-like-this", ["plugins = logfile", "logger = one file:{directory}/log2", "logger = file:{directory}/log"]),
    "log-req-route": ("one nothing", ["plugins = logfile", "req-logger = one file:{directory}/log2"]), "alarm": "mine cmd:cat >/dev/null",
    "alarm-cheap": ("true", ["alarm = mine cmd:cat >/dev/null", "alarm-log = mine planted"]), "alarm-freq": ("1", ["alarm = mine cmd:cat >/dev/null", "alarm-log = mine planted"]),
    "alarm-segfault": ("mine", ["alarm = mine cmd:cat >/dev/null"]), "alarm-backlog": ("mine", ["alarm = mine cmd:cat >/dev/null"]), "alarm-log": ("mine ValueError", ["alarm = mine cmd:cat >/dev/null"]), "log-alarm": ("mine ValueError", ["alarm = mine cmd:cat >/dev/null"]),
    "not-alarm-log": ("mine nothing", ["alarm = mine cmd:cat >/dev/null", "alarm-log = mine ValueError"]), "not-log-alarm": ("mine nothing", ["alarm = mine cmd:cat >/dev/null", "alarm-log = mine ValueError"]),
    "alarm-msg-size": "4096", "log-master-bufsize": ("16384", ["log-master = true"]), "log-maxsize": ("1000000", ["logto = {directory}/log2"]),
    "log-backupname": ("{directory}/old", ["logto = {directory}/log2", "log-maxsize = 2000"]), "log-slow": "1000", "log-big": "1000", "log-sendfile": "true", "log-ioerror": "true",
    "log-reopen": ("true", ["logto = {directory}/log2"]), "log-truncate": ("true", ["logto = {directory}/log2"]), "log-master-stream": ("true", ["log-master = true"]),
    "log-master-req-stream": ("true", ["log-master = true", "plugins = logfile", "req-logger = file:{directory}/requests"]), "threaded-logger": ("true", ["log-master = true"]),
    "log-prefix": "pre", "force-cwd": "/tmp", "binsh": ("/bin/sh", ["exec-asap = true"]), "chdir": "/tmp", "chdir2": "/tmp", "cheaper": "1", "cheaper-initial": ("1", ["cheaper = 1"]),
    "cheaper-algo": ("backlog", ["cheaper = 1"]), "cheaper-step": ("1", ["cheaper = 1"]), "cheaper-overload": ("2", ["cheaper = 1"]),
    "cheaper-rss-limit-soft": ("1000000000", ["cheaper = 1", "memory-report = true"]), "cheaper-rss-limit-hard": ("2000000000", ["cheaper = 1", "memory-report = true", "cheaper-rss-limit-soft = 1000000000"]),
    "idle": "30", "mount": "/m={directory}/app.py", "worker-mount": "1:/m={directory}/app.py", "threads": "3", "thread-stacksize": ("512", ["threads = 2"]),
    "websockets-ping-freq": "5", "websockets-pong-tolerance": "5", "websockets-max-size": "512", "chunked-input-limit": "100000", "chunked-input-timeout": "3",
    "clock": "unix", "add-header": "X-A: b", "rem-header": "Content-Type", "del-header": "Content-Type", "collect-header": "Content-Type KIND", "pull-header": "Content-Type KIND",
    "check-static": "{directory}", "static-map": "/static={directory}", "static-map2": "/static={directory}", "static-skip-ext": (".py", ["check-static = {directory}"]),
    "static-index": ("app.py", ["check-static = {directory}"]), "static-safe": "/tmp", "static-cache-paths": ("5", ["check-static = {directory}", "cache2 = name=default,items=10"]),
    "static-cache-paths-name": ("one", ["check-static = {directory}", "cache2 = name=one,items=10", "static-cache-paths = 5"]), "mimefile": "/etc/mime.types",
    "static-expires-type": ("text/plain=10", ["check-static = {directory}"]), "static-expires-type-mtime": ("text/plain=10", ["check-static = {directory}"]),
    "static-gzip-dir": ("{directory}", ["check-static = {directory}"]), "static-gzip-ext": (".gz", ["check-static = {directory}"]), "offload-threads": "2",
    "file-serve-mode": ("sendfile", ["check-static = {directory}"]), "mode": "mine", "env": "A=b", "envdir": "{directory}/env", "unenv": "LANG",
    "file-write": "{directory}/written=text", "tcp-fast-open": "3", "cron": "-1 -1 -1 -1 -1 true", "cron2": "minute=-1 true", "unique-cron": "-1 -1 -1 -1 -1 true",
    "cron-harakiri": ("20", ["cron = -1 -1 -1 -1 -1 true"]), "loop": ("gevent", ["plugins = gevent_python3", "async = 4", "enable-threads = true"]), "attach-daemon": "sleep 100", "attach-daemon2": "cmd=sleep 100",
    "attach-control-daemon": "sleep 100", "smart-attach-daemon": "{directory}/pid2 {directory}/daemon", "smart-attach-daemon2": "{directory}/pid2 sleep 100",
    "allowed-modifiers": "0", "remap-modifier": "9:0", "print": "something", "iprint": "something", "response-headers-limit": "8192", "after-request-hook": "uwsgi_flush_logs", "after-request-call": "uwsgi_flush_logs", "wsgi-file": "{directory}/app.py",
    "pythonpath": "/tmp", "pymodule-alias": "other=os", "import": "json", "shared-import": "json", "spooler-import": ("json", ["spooler = {directory}/spool"]),
    "py-tracebacker": "{directory}/tb", "py-auto-reload": "2", "py-auto-reload-ignore": ("os", ["py-auto-reload = 2"]), "wsgi-env-behaviour": "holy", "py-sharedarea": "100",
    "emperor": "", "error-page-403": "{directory}/app.py", "error-page-404": "{directory}/app.py", "error-page-500": "{directory}/app.py",
    "socket-sndbuf": "65536", "socket-rcvbuf": "65536", "so-send-timeout": "5", "wait-for-fs": "{directory}/app.py", "wait-for-file": "{directory}/app.py", "wait-for-dir": "{directory}",
    "wait-for-fs-timeout": "5", "log-x-forwarded-for": "true", "skip-atexit": "true", "static-expires": (".* 10", ["check-static = {directory}"]),
    "static-expires-mtime": (".* 10", ["check-static = {directory}"]), "static-expires-uri": (".* 10", ["check-static = {directory}"]), "static-expires-uri-mtime": (".* 10", ["check-static = {directory}"]),
    "static-expires-path-info": (".* 10", ["check-static = {directory}"]), "static-expires-path-info-mtime": (".* 10", ["check-static = {directory}"]),
    "static-gzip": (".*", ["check-static = {directory}"]), "check-cache": ("one", ["cache2 = name=one,items=10"]), "memory-report": "true", "response-header-collect": "Content-Type KIND", "alarm-metric": None, "metric-alarm": None,
    "cache2-x": None, "thunder-lock": "true", "reload-on-exception": "true", "http": "127.0.0.1:{port2}", "fastrouter": "127.0.0.1:{port2}", "logdate": "true", "log-date": "true",
    "so-keepalive": "true", "hook-touch": "{directory}/touched print:touched", "vhost": "true", "metric-dir": "{directory}/metrics",
    "log-4xx": ("true", ["disable-logging = true"]), "log-5xx": ("true", ["disable-logging = true"]), "log-zero": ("true", ["disable-logging = true"]),
    "drop-after-init": ("true", ["uid = www-data", "gid = www-data"]), "drop-after-apps": ("true", ["uid = www-data", "gid = www-data"]), "master-as-root": ("true", ["uid = www-data", "gid = www-data"]),
    "no-initgroups": ("true", ["uid = www-data"]), "refork": ("true", []), "die-on-idle": ("true", ["idle = 60"]), "vacuum": ("true", ["socket = {directory}/u.sock", "pidfile = {directory}/pid"]),
}
for name, value in {"timeout": "20", "harakiri": "20", "to": "127.0.0.1:{port3}", "processes": "2", "events": "20", "var": "A=b", "stats": "127.0.0.1:{port3}",
                    "server-name-as-http-host": "true", "headers-timeout": "5", "connect-timeout": "5"}.items():
    VALUES["http-" + name] = (value, ["http = 127.0.0.1:{port2}"])
for name in ("auto-chunked", "auto-gzip", "keepalive", "manage-expect", "manage-rtsp", "manage-source", "quiet", "raw-body", "resubscribe", "websockets", "chunked-input", "buffer-size",
             "backend-http", "resubscribe-bind", "post-buffering", "post-buffering-dir", "enable-proxy-protocol", "proxy-protocol"):
    VALUES["http-" + name] = ("true", ["http = 127.0.0.1:{port2}"])
for name, value in {"max": "70", "min": "20", "multiplier": "5", "penalty": "2", "backlog-alert": "20", "backlog-multiplier": "3", "backlog-step": "1", "backlog-nonzero": "30",
                    "verbose": "true"}.items():
    VALUES["cheaper-busyness-" + name] = (value, ["cheaper-algo = busyness", "cheaper = 1", "plugins = cheaper_busyness"])
for name, value in {"timeout": "20", "signal": "15"}.items():
    VALUES["harakiri-graceful-" + name] = (value, ["harakiri = 30"])
VALUES["harakiri-queue-threshold"] = ("5", ["harakiri = 30"])
for name, value in {"fallback": "127.0.0.1:{port3}", "gracetime": "5", "buffer-size": "8192", "cheap": "true"}.items():
    VALUES["http-" + name] = (value, ["http = 127.0.0.1:{port2}"])

del VALUES["alarm-metric"], VALUES["metric-alarm"], VALUES["cache2-x"], VALUES["emperor"]

for phase in ("asap", "pre-jail", "post-jail", "in-jail", "as-root", "as-user", "as-user-atexit", "pre-app", "post-app"):
    VALUES["hook-" + phase] = "print:" + phase
    VALUES["exec-" + phase] = "true"
    VALUES["call-" + phase] = "uwsgi_flush_logs"
for phase in ("post-fork", "accepting", "accepting1", "accepting-once", "accepting1-once", "master-start"):
    VALUES["hook-" + phase] = "print:" + phase
VALUES["hook-as-mule"] = ("print:mule", ["mule = true"])
VALUES["hook-as-gateway"] = ("print:gateway", ["http = 127.0.0.1:{port2}", "plugins = http"])
for chain in ("route", "final-route", "error-route", "response-route"):
    for of in ("", "-host", "-uri", "-qs", "-remote-addr", "-user-agent", "-remote-user", "-referer"):
        VALUES[chain + of] = ".* addheader:X-Route: yes"
    VALUES[chain + "-status"] = "500 addheader:X-Route: yes"
    VALUES[chain + "-label"] = ("end", [f"{chain}-run = goto:end"])
    VALUES[chain + "-if"] = "equal:${PATH_INFO};/ok addheader:X-Route: yes"
    VALUES[chain + "-if-not"] = "equal:${PATH_INFO};/ok addheader:X-Route: yes"
    VALUES[chain + "-run"] = "addheader:X-Route: yes"

# Those that a daemon of the master's could meet: they are tried with the agent too.
WITH_AGENT = ("no-orphans", "exit-on-reload", "daemonize", "daemonize2", "umask", "unenv", "limit-as", "max-fd", "log-master", "touch-chain-reload", "touch-workers-reload", "die-on-term",
              "reload-mercy", "skip-atexit", "close-on-exec", "close-on-exec2", "auto-procname", "vacuum", "cheap", "lazy-apps", "chdir", "attach-daemon", "smart-attach-daemon2", "uid",
              "add-gid", "strict", "evil-reload-on-rss", "threaded-logger", "harakiri", "mule", "spooler", "hook-as-user-atexit", "master-fifo", "jailed", "no-initgroups")

STOPS = {"die-on-term": signal.SIGTERM}
RELOADS = {"touch-reload": "touched", "touch-workers-reload": "touched", "touch-chain-reload": "touched"}
FILES = (("touched", ""), ("spool/.keep", ""), ("progress/.keep", ""), ("metrics/.keep", ""), ("env/A", "b"),
         ("daemon", "#!/bin/sh\nsleep 100 &\necho $! > {directory}/pid2\n"))


def names(binary, built_in):
    """Of this uWSGI with Python: name and what its help says, in its order."""
    plugins = () if built_in else ("--plugin", "python3")
    help_text = subprocess.run([binary, *plugins, "--help"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    return re.findall(r"^\s+(?:-\S\|)?--(\S+)\s+(.*)$", help_text, re.M)


def why_left_out(name, built_in, mode):
    if re.fullmatch("refork.*|re-fork.*", name):
        return "another master each time, and the one that is looked at may be gone before its first request, with the plugin and without"
    if mode == "threads" and re.fullmatch("async|loop|gevent.*", name):
        return "uWSGI itself dies of it beside threads and mules"
    if mode == "alone" and re.fullmatch("cheaper.*", name) and name != "cheaper-algo-list":
        return "wants more than one worker"
    if built_in and name == "stats-push":
        return "wants a pusher that is a plugin of the distribution's"
    if built_in and re.fullmatch("loop|gevent.*", name):
        return "wants gevent, which is tried with the distribution's"
    for expression, reason in LEFT_OUT:
        if name not in VALUES and re.fullmatch(expression, name):
            return reason
    return None


def cases(binary, built_in, mode="prefork"):
    """One for each option that is tried, and what is left out with its reason."""
    tried, left, said = [], {}, {}
    for name, text in names(binary, built_in):
        reason = why_left_out(name, built_in, mode)
        if reason is None and text in said and name not in VALUES:
            reason = "another name of " + said[text]
        if reason is not None:
            left[name] = reason
            continue
        said.setdefault(text, name)
        tried.append(case(name, mode))
        if name in WITH_AGENT and mode == "prefork":
            tried.append(dataclasses.replace(tried[-1], name=name + ", with the agent", agent="auto"))
    return tried, left


def case(name, mode):
    value = VALUES.get(name, "true")
    value, further = value if isinstance(value, tuple) else (value, [])
    lines = (*[line for line in further if line.startswith("plugins")], f"{name} = {value}", *[line for line in further if not line.startswith("plugins")])
    return Case(name=name if mode == "prefork" else f"{mode}: {name}", lines=lines, base=MODES[mode], mode=mode, files=FILES, stop=STOPS.get(name, signal.SIGINT),
                reload="" if mode == "alone" else RELOADS.get(name, "HUP"), serves=not name.endswith("-list") and name != "show-config")
