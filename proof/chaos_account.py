"""
What became of each request: whether all that was answered is delivered or counted, and what came twice did so for a reason.

A request's name is in its event. Of a name that no event has, one of these tells: an event that stands for more than itself (the
fold of a fault, or the brief records of a journal that is nearly full), a window that still counts, what the servers count as
dropped, what the agent counts as discarded. A count that a master had not told when SIGKILL took it is gone (docs/journal.md), so
names are excused that were asked while there was hardly room, if the master was then killed. Nothing else is.
"""

import dataclasses
import re

from basics import Failure

# An exception closes the connection, as does the end of a worker: such a request may have made its record or not.
ANSWER = {"/own": 200, "/other": 200, "/same": 200}
# each with a fault of its own
OWN = ("/own", "/other")
# What an agent has on its way or answered and not noted when it dies.
UNDER_WAY = 128
# Seconds within which the master tells of what was dropped, and notices that there is room.
TOLD_WITHIN = 6.0
# The receiver may read so many seconds later what an agent sent.
LAG = 0.5
LATE = 3.0


@dataclasses.dataclass
class Troubles:
    """When what was done: moments and spans of the monotonic clock."""

    agents_killed: list = dataclasses.field(default_factory=list)
    agents_stopped: list = dataclasses.field(default_factory=list)
    masters_killed: list = dataclasses.field(default_factory=list)
    # of whatever may cut a request of the server
    server: list = dataclasses.field(default_factory=list)
    # of too little room in the journal or on the volume
    narrow: list = dataclasses.field(default_factory=list)


def overlaps(spans, begin, end):
    return any(start <= end and begin <= stop for start, stop in spans)


class Account:
    def __init__(self, requests, receivers, outbox, troubles, tally, log):
        self.requests, self.receivers, self.outbox, self.troubles, self.tally, self.log = requests, receivers, outbox, troubles, tally, log
        self.asked = {request.name: request for request in requests}
        self.answered = {request.name: request for request in requests if request.status == ANSWER.get(request.path, 0) != 0}

    def settle(self):
        self.wrong_answers()
        self.events()
        self.nothing_is_missing()
        self.nothing_came_twice()

    def wrong_answers(self):
        wrong = [request for request in self.requests if request.status and request.path in ANSWER and request.status != ANSWER[request.path]]
        if wrong:
            raise Failure("%d requests were answered wrongly: %s" % (len(wrong), wrong[:3]))
        cut = [request for request in self.requests if not request.status and request.path in ANSWER]
        strange = [request for request in cut if not overlaps(self.troubles.server, request.began - 1, request.ended + 1)]
        self.tally |= {"requests": len(self.requests), "requests answered": len(self.answered), "requests cut": len(cut)}
        if strange:
            raise Failure("%d requests were cut while nothing was done to the server: %s" % (len(strange), strange[:3]))

    def events(self):
        """What was answered with 200: the names of events of one request each, and for how many the others stand."""
        self.names, self.nameless, self.more, self.more_of_own = {}, 0, 0, 0
        for receiver in self.receivers:
            for id, (name, occurrences) in receiver.events.items():
                if name and name not in self.asked:
                    raise Failure("an event of a request that nobody made: %s %s" % (id, name))
                if not name:
                    self.nameless += int(occurrences or 1)
                elif occurrences is None:
                    self.names.setdefault(name, set()).add(id)
                elif self.asked[name].path in OWN:
                    self.more_of_own += int(occurrences)
                else:
                    self.more += int(occurrences)
        twice = [name for name, ids in self.names.items() if len(ids) > 1]
        if twice:
            raise Failure("%d requests have two events: %s" % (len(twice), [(name, self.names[name]) for name in twice[:3]]))

    def nothing_is_missing(self):
        counters = self.outbox.counters()
        total = {name: sum(n for (of, _), n in counters.items() if of == name) for name in ("dropped", "discarded", "brief", "torn", "other_key", "duplicate")}
        folding = sum(self.outbox.folded().values())
        local = self.outbox.ask("SELECT count(*) FROM entries WHERE state IN (0, 3, 4)")[0][0]
        missing = [request for name, request in self.answered.items() if name not in self.names]
        own = [request for request in missing if request.path in OWN]
        excused = [request for request in missing if self.is_excused(request)]
        # A server that stops while there is no room says how many it could not count.
        said = sum(int(n) for n in re.findall(r"(\d+) events were dropped and the agent could not be told", self.log.read_text(errors="replace")))
        accounted = said + len(self.names) + self.nameless + self.more + self.more_of_own + folding + total["dropped"] + total["discarded"]
        self.tally |= {"events delivered": len(self.names), "of no name (brief)": self.nameless, "folded": self.more + self.more_of_own, "still folding": folding,
                       "answered, of no event": len(missing), "of these with a fault of its own": len(own), "excused by a killed master": len(excused),
                       "accounted for": accounted} | {"counted as " + name: n for name, n in total.items()}
        self.tally |= {"reason %s %s" % key: n for key, n in counters.items() if key[0] in ("dropped", "discarded")}
        self.tally["said in the log as dropped"] = said
        counted = total["dropped"] + total["discarded"] + said
        if total["other_key"] or local:
            raise Failure("%d records of another key, %d events that wait for a destination or to be sent" % (total["other_key"], local))
        unexplained = len(own) - counted - len([request for request in own if request in excused]) - self.nameless - self.more_of_own - total["brief"]
        if unexplained > 0:
            raise Failure("%d requests are missing, with a fault of their own, and are not counted; among these: %s" % (unexplained, own[:5]))
        if accounted + len(excused) < len(self.answered):
            raise Failure("%d requests were answered, %d are accounted for: %s" % (len(self.answered), accounted, missing[:5]))
        if accounted > len(self.asked) + UNDER_WAY * len(self.troubles.agents_killed):
            raise Failure("%d requests were made, %d are accounted for" % (len(self.asked), accounted))

    def is_excused(self, request):
        for begin, end in self.troubles.narrow:
            if begin - 1.5 <= request.ended and request.began <= end + 1.5:
                if any(request.began <= killed <= end + TOLD_WITHIN for killed in self.troubles.masters_killed):
                    return True
        return False

    def nothing_came_twice(self):
        reasons = {"again after an agent was killed": 0, "again after one was stopped": 0, "again after a late answer": 0}
        without = []
        for receiver in self.receivers:
            for id, times in receiver.times.items():
                for (arrived, answered), (_, again) in zip(times, times[1:]):
                    if any(arrived - LAG <= killed <= again for killed in self.troubles.agents_killed):
                        reasons["again after an agent was killed"] += 1
                    elif overlaps(self.troubles.agents_stopped, arrived, answered + 1):
                        reasons["again after one was stopped"] += 1
                    elif answered - arrived > LATE:
                        reasons["again after a late answer"] += 1
                    else:
                        without.append((id, arrived, answered, again))
        self.tally |= reasons
        if without:
            raise Failure("%d events came again while no agent had died: %s" % (len(without), without[:5]))
