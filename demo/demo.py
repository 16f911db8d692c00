#!/usr/bin/env python3
"""Breaks a real uWSGI and shows what was captured. Run it with ./run demo.

Six ways with demo.ini, whose handlers say what to report; then three with capture.ini, which has no handler at all.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
CLI = os.path.join(ROOT, 'build', 'uwsgi-sentry')

# What is to be captured: the handler that does, and what happened.
HANDLERS = {
    'hook-asap': 'the server starts',
    'alarm noputplease': 'somebody sends a PUT',
    'alarm seen': 'a line of the log begins with FOO',
    'exception-handler': 'the application raises an exception',
    'alarm lqfull': 'the listen queue is full',
    'alarm segfault': 'a worker crashes',
}
CAPTURED = {
    'capture exceptions': 'the application raises an exception, with local variables',
    'capture harakiri': 'a request is stuck in C code until it is killed',
    'capture crashes': 'somebody kills a worker with SIGKILL',
}


def say(text=''):
    print(text, flush=True)


def wait_for(condition, seconds):
    """Looks again and again, gives the condition's first true answer, or its last one."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.1)


class Server:
    """A uWSGI with one of the two ini files, its log in a file."""

    def __init__(self, ini, directory, dsn):
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        self.state = os.path.join(directory, ini)
        self.log = os.path.join(directory, ini + '.log')
        environment = {k: v for k, v in os.environ.items() if not k.startswith(('UWSGI_', 'SENTRY_'))}
        environment.update(DEMO_PORT=str(self.port), DEMO_DIR=self.state)
        if dsn:
            environment['SENTRY_DSN'] = dsn
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(
                ['uwsgi', '--ini', os.path.join(HERE, ini + '.ini')],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def request(self, method, path, timeout=10):
        """The answer's status, None if there was none."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def answers(self):
        return self.process.poll() is None and self.request('GET', '/') == 200

    def fill_the_listen_queue(self):
        """Both workers sleep, so nobody takes the requests that follow. uWSGI looks once a second."""
        paths = ['/sleep'] * 2 + ['/'] * 8
        visitors = [threading.Thread(target=self.request, args=('GET', path)) for path in paths]
        for visitor in visitors:
            visitor.start()
            if visitor is visitors[1]:
                time.sleep(0.3)
        for visitor in visitors:
            visitor.join()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        # The agent goes on for a moment, to deliver what is left.
        if not wait_for(lambda: not self.agent(), 15):
            os.kill(self.agent(), signal.SIGKILL)

    def agent(self):
        """The agent's process id, None if there is none."""
        answer = cli('status', '--json', '--dir', self.state)
        return json.loads(answer)['agent'].get('pid') if answer else None

    def events(self):
        lines = cli('events', '--json', '--limit', '1000', '--dir', self.state).splitlines()
        return [json.loads(line) for line in lines]


def cli(*arguments):
    return subprocess.run([CLI, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False, text=True).stdout


def show(*arguments):
    say('$ build/uwsgi-sentry ' + ' '.join(arguments))
    say(cli(*arguments))


def tail(path, lines):
    try:
        with open(path, errors='replace') as content:
            return ''.join(content.readlines()[-lines:])
    except OSError:
        return ''


def must_answer(server):
    if not wait_for(server.answers, 30):
        raise SystemExit('the server does not answer:\n' + tail(server.log, 40))


def break_what_has_handlers(server):
    say('1. ' + HANDLERS['hook-asap'])
    must_answer(server)
    say('2. ' + HANDLERS['alarm noputplease'])
    server.request('PUT', '/orders/4711')
    say('3. ' + HANDLERS['alarm seen'])
    server.request('GET', '/log')
    say('4. ' + HANDLERS['exception-handler'])
    server.request('GET', '/exception')
    say('5. ' + HANDLERS['alarm lqfull'])
    server.fill_the_listen_queue()
    say('6. ' + HANDLERS['alarm segfault'])
    must_answer(server)
    server.request('GET', '/segfault')
    must_answer(server)


def break_what_has_none(server):
    must_answer(server)
    say('7. ' + CAPTURED['capture exceptions'])
    server.request('GET', '/orders/4711')
    say('8. ' + CAPTURED['capture harakiri'])
    server.request('GET', '/stuck', 30)
    must_answer(server)
    say('9. ' + CAPTURED['capture crashes'])
    server.request('GET', '/killed')
    must_answer(server)


def missing(events, expected):
    captured = {event['handler'] for event in events}
    return [what for handler, what in expected.items() if handler not in captured]


def captured(ini, break_it, expected, directory, dsn):
    """Breaks a server and shows its events. True if all that is expected is there, and delivered if it can be."""
    server = Server(ini, directory, dsn)
    try:
        break_it(server)
        wait_for(lambda: not missing(server.events(), expected), 30)
        if dsn:
            wait_for(lambda: all(event['state'] == 'delivered' for event in server.events()), 30)
        events = server.events()
        say()
        show('events', '--dir', server.state)
        for handler in expected:
            for event in [event for event in events if event['handler'] == handler][-1:]:
                show('events', 'show', event['id'][:8], '--dir', server.state)
        failures = ['MISSING: ' + what for what in missing(events, expected)]
        failures += ['NOT DELIVERED: %s: %s' % (event['title'], event.get('last_error', event['state']))
                     for event in events if dsn and event['state'] != 'delivered']
        if failures:
            say('\n'.join(failures))
            say('\nThe end of the server\'s log:\n' + tail(server.log, 40))
            say('The end of the agent\'s log:\n' + tail(os.path.join(server.state, 'agent.log'), 40))
        return not failures
    finally:
        server.stop()


def demonstrate(directory, dsn):
    say('A server whose ini says what to report:')
    if not captured('demo', break_what_has_handlers, HANDLERS, directory, dsn):
        return 1
    say('A server without a handler:')
    if not captured('capture', break_what_has_none, CAPTURED, directory, dsn):
        return 1
    say('All six and all three were captured%s.' % (
        ' and delivered' if dsn else '; without a DSN they stay on this machine'))
    return 0


def main():
    parser = argparse.ArgumentParser(prog='./run demo', description='Break a uWSGI and see what is captured.')
    parser.add_argument('--dsn', help='send the events there too')
    arguments = parser.parse_args()
    directory = tempfile.mkdtemp(prefix='uwsgi-sentry-demo-')
    try:
        return demonstrate(directory, arguments.dsn)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
