# How `uwsgi --build-plugin .` builds sentry_plugin.so. uWSGI executes this file inside its own
# build script (there is no __file__) and then calls post_build().
#
# Two steps: uWSGI compiles native/*.c to an ELF library; post_build() puts the agent's jar behind it.
# An ELF file is read from its head and a jar from its end, so the one file is both.
#
# For the C files a header is generated and included before everything else. It defines
#   SENTRY_BUILT_FOR_CFLAGS  a string: what uwsgi_get_cflags() of the uWSGI that builds us returns. The
#                            layout of uWSGI's structs depends on it, and uWSGI itself never checks it.
#                            Not defined when the plugin is built by uwsgiconfig.py alone.
#   SENTRY_PLUGIN_VERSION    a string: the version in pom.xml
#   SENTRY_SUPERVISE_SCRIPT  a string: native/supervise.sh
#   SENTRY_EXPORT            for a symbol that must be seen outside of the plugin: all others are hidden,
#                            because uWSGI opens plugins with RTLD_GLOBAL
#
# The environment may set UWSGI_SENTRY_JAR to a jar that is ready, or to `none` for the C part alone.

import glob
import os
import re
import shutil
import subprocess
import sys
import zipfile


def source_directory():
    """uWSGI gives the directory only as an argument; for a git address it cloned into the last part of it."""
    given = sys.argv[2] if len(sys.argv) > 2 else '.'
    # `uwsgiconfig.py --plugin PATH` and `--extra-plugin PATH`; in an embedded build there is neither.
    if re.match(r'(https?|git|ssh)://', given):
        given = given.rstrip('/').split('/')[-1]
    return os.path.abspath(given)


def c_string(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n') + '"'


def text_of(name):
    with open(os.path.join(HERE, name)) as file:
        return file.read()


def project_version():
    return re.search(r'<version>([^<]+)</version>', text_of('pom.xml')).group(1)


def write_header():
    """Into uWSGI's own build directory, where it has just put its uwsgi.h."""
    directory = os.path.abspath('.uwsgi_plugins_builder')
    if not os.path.isdir(directory):
        os.makedirs(directory)
    lines = [
        '#define SENTRY_PLUGIN_VERSION ' + c_string(project_version()),
        '#define SENTRY_SUPERVISE_SCRIPT ' + c_string(text_of('native/supervise.sh')),
    ]
    flags = os.environ.get('UWSGI_PLUGINS_BUILDER_CFLAGS')
    if flags:
        lines.append('#define SENTRY_BUILT_FOR_CFLAGS ' + c_string(flags))
    lines += [
        '#define SENTRY_EXPORT __attribute__((visibility("default")))',
        'struct uwsgi_plugin;',
        'extern struct uwsgi_plugin sentry_plugin SENTRY_EXPORT;',
    ]
    header = os.path.join(directory, 'sentry_built_for.h')
    with open(header, 'w') as out:
        out.write('\n'.join(lines) + '\n')
    return directory, header


HERE = source_directory()
BUILDER, HEADER = write_header()

NAME = 'sentry'
GCC_LIST = sorted('native/' + os.path.basename(path) for path in glob.glob(os.path.join(HERE, 'native', '*.c')))
CFLAGS = [
    '-std=gnu11',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-fvisibility=hidden',
    # As a system directory: uwsgi.h need not pass our warnings.
    "-isystem '%s'" % BUILDER,
    "-I'%s'" % os.path.join(HERE, 'native'),
    # Searched last: native/headers/README says why.
    "-idirafter '%s'" % os.path.join(HERE, 'native', 'headers'),
    "-include '%s'" % HEADER,
]
LDFLAGS = ['-Wl,-z,noexecstack']
LIBS = []


def say(text):
    print('[sentry] ' + text)
    sys.stdout.flush()


def java_version(javac):
    """17 for `javac 17.0.15`, 0 if it cannot be asked."""
    try:
        answer = subprocess.check_output([javac, '-version'], stderr=subprocess.STDOUT).decode()
        return int(re.search(r'javac (?:1\.)?(\d+)', answer).group(1))
    except (OSError, subprocess.CalledProcessError, AttributeError):
        return 0


def missing_tools():
    home = os.environ.get('JAVA_HOME')
    javac = os.path.join(home, 'bin', 'javac') if home else 'javac'
    missing = []
    if java_version(javac) < 17:
        missing.append('a JDK, 17 or newer (Debian: apt install openjdk-17-jdk-headless)')
    if not shutil.which('mvn'):
        missing.append('Maven (Debian: apt install maven)')
    return missing


def agent_jar():
    """The path of the jar to append, or None."""
    given = os.environ.get('UWSGI_SENTRY_JAR')
    if given == 'none':
        say('built without the agent (UWSGI_SENTRY_JAR=none)')
        return None
    if given:
        return given
    missing = missing_tools()
    if missing:
        say('the plugin is built, but without the agent, because this is missing: ' + '; '.join(missing))
        say('it records events in its directory; nothing sends them until an agent runs there.')
        say('install what is missing and build again, or run the agent of another build with `sentry-agent = external`.')
        return None
    say('building the agent with Maven ...')
    command = ['mvn', '-q', '-B', '-ntp', '-Dstyle.color=never', '-DskipTests', '-pl', 'agent', '-am', 'package']
    with open(os.devnull) as nothing:
        if subprocess.call(command, cwd=HERE, stdin=nothing) != 0:
            say('Maven could not build the agent (its messages stand above): the plugin has no agent in it.')
            sys.exit(1)
    return os.path.join(HERE, 'agent', 'target', 'uwsgi-sentry.jar')


def append(jar, plugin):
    """Never in place: a server may be loading the file at this moment."""
    partial = plugin + '.part'
    with open(partial, 'wb') as out:
        for part in (plugin, jar):
            with open(part, 'rb') as content:
                shutil.copyfileobj(content, out)
        out.flush()
        os.fsync(out.fileno())
    shutil.copymode(plugin, partial)
    os.rename(partial, plugin)


def holds_jar(plugin):
    """zipfile.is_zipfile() takes a small plugin for a jar: supervisor.c holds the signature that it looks for."""
    try:
        with zipfile.ZipFile(plugin) as jar:
            return 'META-INF/MANIFEST.MF' in jar.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def post_build(uc):
    name = sys.argv[3] if len(sys.argv) > 3 else NAME
    if uc:
        plugin = os.path.join(uc.get('plugin_build_dir', uc.get('plugin_dir')), name + '_plugin.so')
    else:
        plugin = os.path.abspath(name + '_plugin.so')
    if holds_jar(plugin):
        return
    jar = agent_jar()
    if jar:
        append(jar, plugin)
        say('%s holds the agent too: java -jar %s --help' % (os.path.basename(plugin), os.path.basename(plugin)))
