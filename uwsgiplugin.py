# How `uwsgi --build-plugin .` builds sentry_plugin.so. uWSGI executes this file inside its own
# build script (there is no __file__) and then calls post_build().
#
# Two steps: uWSGI compiles native/*/*.c to an ELF library; post_build() puts the agent's jar behind it.
# An ELF file is read from its head and a jar from its end, so the one file is both.
#
# For the C files a header is generated and included before everything else. It defines
#   SENTRY_BUILT_FOR_CFLAGS  a string: what uwsgi_get_cflags() of the uWSGI that builds us returns. The
#                            layout of uWSGI's structs depends on it, and uWSGI itself never checks it.
#                            Not defined when the plugin is built by uwsgiconfig.py alone.
#   SENTRY_BUILT_IN          defined where the plugin is a part of uWSGI itself
#   SENTRY_PLUGIN_VERSION    a string: the version in pom.xml
#   SENTRY_SUPERVISE_SCRIPT  a string: native/agent/supervise.sh
#   SENTRY_EXPORT            for a symbol that must be seen outside of the plugin: all others are hidden,
#                            because uWSGI opens plugins with RTLD_GLOBAL
#
# The environment may set UWSGI_SENTRY_JAR to a jar that is ready, or to `none` for the C part alone, and UWSGI_SENTRY_WERROR to
# let warnings of the compiler fail the build.
#
# In a uWSGI that gets the plugin built in (UWSGI_EMBED_PLUGINS) there is no file of its own to put a jar behind: the agent's jar
# lies elsewhere then, where native/agent/requirements.c looks for it.

import glob
import os
import re
import shutil
import subprocess
import sys
import zipfile


def build():
    """The directory that this file is in, and whether a plugin of its own is built. uWSGI tells it nowhere: it is a variable of the
    function that executes this file, build_plugin() for a plugin and build_uwsgi() where it is built in."""
    frame = sys._getframe()
    while frame:
        path = frame.f_locals.get('path')
        if isinstance(path, str) and os.path.isfile(os.path.join(path, 'native', 'server', 'server.h')):
            return os.path.abspath(path), frame.f_code.co_name == 'build_plugin'
        frame = frame.f_back
    print('[sentry] this file is executed by uWSGI alone: run `uwsgi --build-plugin` with its directory')
    sys.exit(1)


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
        '#define SENTRY_SUPERVISE_SCRIPT ' + c_string(text_of('native/agent/supervise.sh')),
    ]
    flags = os.environ.get('UWSGI_PLUGINS_BUILDER_CFLAGS')
    if not IS_PLUGIN:
        lines.append('#define SENTRY_BUILT_IN')
    elif flags:
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


HERE, IS_PLUGIN = build()
BUILDER, HEADER = write_header()

NAME = 'sentry'
# Of all folders but those of the tests. No two files have one name: a build that keeps its objects side by side needs that.
GCC_LIST = sorted(os.path.relpath(path, HERE) for path in glob.glob(os.path.join(HERE, 'native', '*', '*.c')) if '/tests/' not in path[len(HERE):])
CFLAGS = [
    '-std=gnu11',
    '-Wall',
    '-Wextra',
    '-fvisibility=hidden',
    # As a system directory: uwsgi.h need not pass our warnings.
    "-isystem '%s'" % BUILDER,
    "-I'%s'" % os.path.join(HERE, 'native'),
    # Searched last: native/headers/README says why.
    "-idirafter '%s'" % os.path.join(HERE, 'native', 'headers'),
    "-include '%s'" % HEADER,
]
if os.environ.get('UWSGI_SENTRY_WERROR'):
    CFLAGS.append('-Werror')
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


JAR = os.environ.get('UWSGI_SENTRY_JAR')


def check_before():
    """Before anything is compiled: nobody is to find out at run time that there is no agent."""
    if JAR and JAR != 'none' and not holds_jar(JAR):
        say('UWSGI_SENTRY_JAR=%s: that is no jar' % JAR)
        sys.exit(1)
    missing = [] if JAR else missing_tools()
    if missing:
        say('the agent, a Java program, cannot be built here. This is missing: ' + '; '.join(missing))
        say('There are three ways out:')
        say('  install what is missing, for this build alone, and build again;')
        say('  set UWSGI_SENTRY_JAR to a uwsgi-sentry.jar that is ready: neither JDK nor Maven is needed then;')
        say('  set UWSGI_SENTRY_JAR=none for the plugin alone. It finds a jar in /usr/share/uwsgi-sentry, or the one that the option sentry-jar names.')
        sys.exit(1)


def agent_jar():
    """The path of the jar to append, or None."""
    if JAR == 'none':
        say('built without the agent (UWSGI_SENTRY_JAR=none): its jar must lie in /usr/share/uwsgi-sentry, or where sentry-jar says')
        return None
    if JAR:
        return JAR
    say('building the agent with Maven ...')
    command = ['mvn', '-q', '-B', '-ntp', '-Dstyle.color=never', '-DskipTests', '-pl', 'agent', '-am', 'package']
    with open(os.devnull) as nothing:
        if subprocess.call(command, cwd=HERE, stdin=nothing) != 0:
            say('Maven could not build the agent (its messages stand above): there is no plugin.')
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
    """zipfile.is_zipfile() takes a small plugin for a jar: requirements.c holds the signature that it looks for."""
    try:
        with zipfile.ZipFile(plugin) as jar:
            return 'META-INF/MANIFEST.MF' in jar.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def post_build(uc):
    if not IS_PLUGIN:
        say('the plugin is built in. The agent is not: its jar must lie in /usr/share/uwsgi-sentry, or where sentry-jar says')
        return
    name = sys.argv[3] if len(sys.argv) > 3 else NAME
    if uc:
        plugin = os.path.join(uc.get('plugin_build_dir', uc.get('plugin_dir')), name + '_plugin.so')
    else:
        plugin = os.path.abspath(name + '_plugin.so')
    if holds_jar(plugin):
        return
    try:
        jar = agent_jar()
    except SystemExit:
        os.unlink(plugin)
        raise
    if jar:
        append(jar, plugin)
        say('%s holds the agent too: java -jar %s --help' % (os.path.basename(plugin), os.path.basename(plugin)))


if IS_PLUGIN:
    check_before()
