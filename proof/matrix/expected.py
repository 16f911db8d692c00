"""What is different with the plugin, and why that is as it should be."""

import re

ALARM = "the alarm by which a crash's backtrace is taken: its thread in the master, and its sockets and epoll, which workers inherit"

# Of a process of this role: how many more of what it may have open, from and to, and why.
DESCRIPTORS = {
    "DIR/state/journal": (0, 1, "the directory that records are appended in, held open since it was made"),
    "socket": (0, 2, ALARM),
    "anon_inode:[eventpoll]": (-1, 1, ALARM + "; the thread makes its epoll as it begins, a worker that is forked at that moment has it or not"),
    "pipe": (0, 2, "by which the agent's script says why it does not run; a worker closes it"),
}

# Of a process of this role: how many threads more it may have, and why.
WATCHDOG = "the thread that has stacks taken of a request that is slow or about to be killed"
WRITER = "the thread that writes what a master reports, so that its loop never waits for a file"
THREADS = {"master": (2, ALARM + "; " + WRITER), "worker": (1, WATCHDOG), "mule": (1, WATCHDOG), "spooler": (1, WATCHDOG), "other": (2, ALARM + "; " + WRITER + "; a vassal's master")}

# Of which case, of what, which text; the reason. All three are expressions that must match the whole.
TEXTS = [
    (".*", "only with: log", r'.*added "sentry_after_request\(struct wsgi_request \*\)" to the after-request chain', "uWSGI says of each such hook that it has it"),
    (".*", "only with: log", r'.*\[uwsgi-sentry\] \S+: capture .*, state in .*', "the plugin's one line at a good start"),
    (".*", "only with: log", r'.*running "sentry-watchdog:" \(as-mule\)\.\.\.', "so is that thread started in a mule"),
    ("(alarm|plugins)-list", "only with: log", "sentry", "the plugin's own entry in a list that uWSGI prints"),
    ("routers?-list|show-config|group Flask image", "only with: log", "sentry|(plugin|sentry-.*|alarm|alarm-log|exception-handler|final-route|hook-.*|route) = .*", "the plugin's own entry in a list that uWSGI prints"),
    (".*with the agent|group the agent alone", "only with: an agent", "runs", "that is what it is asked for"),
    (".*with the agent", "only with: log", r"subprocess N exited by signal N",
     "the agent's script, which a reload ends and waits for up to a tenth of a second; a slower one ends in uWSGI's next life, which says this of each child that it does not know"),
    (".*", "only with: log", r'.*(running "sentry(-watchdog)?:\w+" .*|\*\*\* (dumping|end of) the internal.*|\*\*\* dumping internal .*|\[rule: N\] .* sentry:.*)', "uWSGI's own words about the plugin's handlers"),
    (".*", "reported", "(hook|route|slow request) of a .*|alarm of a (master|thing): .*(planted|raise ).*", "what the handlers of this test were told to report"),
    (".*", "only with(out)?: log", r".*(write|writev)\w*\(\): (Connection reset by peer|Broken pipe) .*", "a client that leaves at once may be gone before the answer, or not"),
    ("evil-reload-on-(as|rss)(, with the agent)?", "reported", "cut request of a worker.*", "uWSGI kills a worker that has grown, with its request: an event"),
    ("async", "reported", "cut request of a worker: why reload; code .*; /hold",
     "an async worker of uWSGI's does not wait for its requests in a reload, and this one is in flight, unanswered with the plugin and without: an event"),
    (".*threads.*", "reported", "cut request of a worker: why reload; code .*; /hold",
     "now and then a worker with threads ends in a reload while one of them still serves: an event"),
    (".*", "reported", "alarm of a master", "the same, of a text that is longer than what is compared"),
    ("threaded-logger.*", "only with(out)?: log", ".*", "uWSGI's thread reads the log in pieces: where a line is cut depends on the moment"),
    ("min-worker-lifetime", "only with(out)?: log", r"(Respawned uWSGI )?worker N .*|Respawned uWSGI worker.*|\.\.\.The work of process N is done.*|pthread_join\(\) = N",
     "its workers end after five requests, but not in their first second: in this life or not"),
    ("py-call-.*", "reported", "death of a mule: code 1; .*", "uWSGI itself dies of it in a mule, each time"),
    ("group no application", "reported", "boot of a master: .*", "a server that serves without an application is an event"),
    (".*cron.*|.*timer|group everything that moves.*|touch-signal", "only with(out)?: log", "(error managing signal|subprocess N exited|.*cron).*", "each minute or second, whatever is done meanwhile"),
    (".*", "only with(out)?: log", r"\[deadlock-detector\] .*", "a worker that ends may hold uWSGI's lock, or not"),
    (".*", "reported where the start failed", "boot of a .*", "a start that fails is an event"),
    ("(worker-)?mount", "only with(out)?: log", "(Fatal Python error: |: remaining subinterpreters|PyInterpreterState_Delete).*",
     "Python 3.11 aborts in the end of a process that had a second interpreter, with the plugin and without; several write their words at once"),
    (".*", "reported", "exception of a (worker|server): (LookupError planted in a generator|OSError error during read.*|OSError write error|OSError unable to directly send headers|ValueError planted); .*",
     "the exceptions that the application raised, or uWSGI in it for clients that left"),
]


def reason(case, what, text):
    for of_case, of_what, expression, why in TEXTS:
        if re.fullmatch(of_case, case) and re.fullmatch(of_what, what) and re.fullmatch(expression, text):
            return why
    return None


def fits(what, text, without):
    """Whether this number of descriptors or threads is one of those without the plugin, and what the plugin may add."""
    return any(within(what, text, other) for other in without)


def within(what, text, other):
    if what.startswith("threads"):
        role = re.fullmatch("threads of an? (.*?) (after|in).*", what)[1]
        return 0 <= int(text) - int(other) <= THREADS.get(role, (0,))[0]
    ours, theirs = counts(text), counts(other)
    return all(allowed[0] <= ours.get(kind, 0) - theirs.get(kind, 0) <= allowed[1]
               for kind in set(ours) | set(theirs) for allowed in [DESCRIPTORS.get(kind, (0, 0))])


def counts(text):
    return {kind: int(count) for count, kind in (part.split(" ", 1) for part in text.split(", ") if part)}
