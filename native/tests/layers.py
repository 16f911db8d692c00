"""Which file of native/ depends on which, and that it stays so: folders in one order, no circles, journal/ without uWSGI.

usage: layers.py OBJECTS FOLDER...

OBJECTS holds an object of each source (OBJECTS/FOLDER/FILE.o), or only of journal/ where there is no uWSGI to compile the others
with. FOLDER... is the order: a folder uses those before it. Prints what is wrong, and how much was looked at.
"""

import collections
import glob
import os
import re
import subprocess
import sys

FOUND = []


def wrong(text):
    FOUND.append(text)
    sys.stderr.write('layers: %s\n' % text)


def folder_of(path):
    return path.split('/')[0]


def is_upward(source, target, order):
    return order.index(folder_of(target)) > order.index(folder_of(source))


def check_names(sources, order):
    for path in glob.glob('*/*.[ch]'):
        if folder_of(path) not in order + ['tests', 'headers']:
            wrong('%s is in no folder of the order' % path)
    for name, count in collections.Counter(os.path.basename(path) for path in sources).items():
        if count > 1:
            wrong('%d files are called %s' % (count, name))


def check_includes(order):
    for path in sorted(glob.glob('*/*.[ch]')):
        if folder_of(path) not in order:
            continue
        with open(path) as file:
            text = file.read()
        for header in re.findall(r'#include "([^"]+)"', text):
            if not os.path.isfile(header):
                wrong('%s includes %s: headers are named by their path from native/' % (path, header))
            elif is_upward(path, header, order):
                wrong('%s includes %s, which is further up' % (path, header))
        if folder_of(path) == 'journal' and re.search(r'uwsgi\.h|\buwsgi[._]', text):
            wrong('%s knows of uWSGI' % path)


def symbols(path):
    """What an object defines for others, and what it needs of them."""
    defined, needed = set(), set()
    for line in subprocess.check_output(['nm', path]).decode().splitlines():
        kind, name = line.split()[-2:]
        if kind in 'TDBRC':
            defined.add(name)
        elif kind in 'Uw':
            needed.add(name)
    return defined, needed


def dependencies(objects, sources):
    known = {path: symbols(os.path.join(objects, path[:-2] + '.o')) for path in sources}
    home = {name: path for path in sources for name in known[path][0]}
    return {
        path: {home[name]: name for name in sorted(known[path][1]) if name in home and home[name] != path} for path in sources
    }


def check_order(needs, order):
    for path in sorted(needs):
        for target, name in sorted(needs[path].items()):
            if is_upward(path, target, order):
                wrong('%s needs %s of %s, which is further up' % (path, name, target))


def check_circles(needs):
    """Takes away what needs nothing that is left, or is needed by nothing that is left: what stays are the circles."""
    left = {path: set(targets) for path, targets in needs.items()}
    while True:
        needed = set().union(*left.values()) if left else set()
        free = [path for path in left if not left[path] & set(left) or path not in needed]
        if not free:
            break
        for path in free:
            del left[path]
    if left:
        wrong('a circle: %s' % ', '.join('%s needs %s' % (path, ' and '.join(sorted(left[path] & set(left)))) for path in sorted(left)))


def main(objects, order):
    sources = sorted(path for path in glob.glob('*/*.c') if folder_of(path) in order)
    compiled = [path for path in sources if os.path.exists(os.path.join(objects, path[:-2] + '.o'))]
    check_names(sources, order)
    check_includes(order)
    needs = dependencies(objects, compiled)
    check_order(needs, order)
    check_circles(needs)
    print('layers: %d files in %d folders, %d compiled, %d dependencies' % (len(sources), len(order), len(compiled), sum(map(len, needs.values()))))
    print('layers: %d passed, %d failed' % (0 if FOUND else 1, len(FOUND)))
    return 1 if FOUND else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
