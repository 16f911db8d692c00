package io.uwsgisentry.event;

import static io.uwsgisentry.event.GoldenTexts.CRASH;
import static io.uwsgisentry.event.GoldenTexts.DSN;
import static io.uwsgisentry.event.GoldenTexts.INSTANCE;
import static io.uwsgisentry.event.GoldenTexts.LOG;
import static io.uwsgisentry.event.GoldenTexts.REQUEST;
import static io.uwsgisentry.event.GoldenTexts.STACK;
import static io.uwsgisentry.event.GoldenTexts.STATE;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.ProcessKind;
import java.nio.file.Path;

/** The records whose whole events are on file, each under its name. */
enum GoldenEvent {
  ALARM_LISTEN_QUEUE(
      RecordFixture.alarm(
              "[uwsgi-alarm] listen queue of socket \":8080\" (fd: 3) full !!! (101/100)\n",
              DSN + ",culprit=listen_queue")
          .defaults(INSTANCE)),
  ALARM_WITH_ITS_OWN_MESSAGE(
      RecordFixture.alarm(
              "DAMN ! worker 3 (pid: 4711) died", DSN + ",message=a worker died,level=fatal")
          .defaults(INSTANCE)),
  ALARM_AS_EXCEPTION(
      RecordFixture.alarm(
              "queue 101/100",
              "exception_type=QueueFull,exception_value=too many,fingerprint=queue;{{ default }}")
          .defaults(INSTANCE)),
  ALARM_WITHOUT_ANYTHING(RecordFixture.alarm("", "")),
  HOOK_ASAP(RecordFixture.hook("hook-asap", DSN + ",message=uWSGI IS STARTING").defaults(INSTANCE)),
  HOOK_WITHOUT_MESSAGE(
      RecordFixture.hook("hook-as-mule", DSN)
          .from(ProcessKind.MULE, 1, -1)
          .defaults("host", "web1")),
  ROUTE(
      RecordFixture.route(
              "route ^/orders",
              DSN + ",message=${REQUEST_METHOD} on $1,tags=m:${REQUEST_METHOD},user=id:7;plan:gold")
          .with("option", "message\0PUT on 12345")
          .with("tag", "m\0PUT")
          .with("user", "id\0007")
          .with("user", "plan\0gold")
          .with("request.started", "1700000000000000")
          .with("request.status", "500")
          .request(REQUEST)
          .defaults(INSTANCE)),
  ROUTE_WITH_PERSONAL_DATA(
      RecordFixture.route("response-route ^/orders", DSN)
          .with("request.started", "1699999999000000")
          .with("request.status", "404")
          .request(REQUEST)
          .defaults(INSTANCE)
          .defaults("send_default_pii", "1")),
  EXCEPTION_PYTHON(
      RecordFixture.exception(DSN)
          .with("exception.type", "builtins.KeyError")
          .with("exception.value", "'x'")
          .with("exception.repr", "builtins.KeyError: 'x'")
          .with("exception.plugin", "python")
          .backtrace(
              "/srv/app/wsgi.py",
              "12",
              "application",
              "return handle(environ)",
              "",
              "/usr/lib/python3/dist-packages/django/core/handlers.py",
              "140",
              "inner",
              "response = get_response(request)",
              "",
              "<frozen importlib._bootstrap>",
              "228",
              "_call",
              "",
              "")
          .request(REQUEST)
          .defaults(INSTANCE)),
  EXCEPTION_PYTHON_WITH_EMPTY_FRAMES(
      RecordFixture.exception(DSN)
          .with("exception.type", "shop.errors.OutOfStock")
          .with("exception.value", "none left")
          .with("exception.repr", "none left")
          .with("exception.plugin", "python")
          .backtrace("", "-1", "", "", "", "", "-1", "", "", "")
          .defaults("host", "web1")),
  EXCEPTION_RUBY(
      RecordFixture.exception(DSN)
          .with("exception.type", "Shop::OutOfStock")
          .with("exception.value", "none left")
          .with("exception.repr", "none left (Shop::OutOfStock)")
          .with("exception.plugin", "rack")
          .backtrace(
              "/srv/app/shop.rb", "7", "buy", "", "", "/srv/app/config.ru", "3", "call", "", "")
          .defaults("host", "web1")),
  EXCEPTION_PYTHON_CHAIN(
      RecordFixture.captured(Kind.EXCEPTION, "exceptions")
          .with("exception.type", "shop.errors.OutOfStock")
          .with("exception.value", "none left of 12345")
          .with("exception.repr", "shop.errors.OutOfStock: none left of 12345")
          .with("exception.plugin", "python")
          .parts("python.exception", "", "shop.errors", "OutOfStock", "none left of 12345")
          .parts(
              "python.frame", "/srv/app/wsgi.py", "6", "application", "uwsgi_file__srv_app_wsgi_py")
          .parts(
              "python.local",
              "environ",
              "{'REQUEST_METHOD': 'PUT', 'QUERY_STRING': 'page=2&token=hush', 'REMOTE_ADDR':"
                  + " '192.0.2.hush', 'HTTP_COOKIE': 'sessionid=hush', ...}")
          .parts("python.local", "start_response", "<builtin_function_or_method>")
          .parts(
              "python.local", "headers", "[('X-Api-Key', 'hush'), ('Content-Type', 'text/plain')]")
          .parts(
              "python.frame",
              "/usr/lib/python3/dist-packages/django/core/handlers.py",
              "140",
              "inner",
              "django.core.handlers")
          .parts("python.frame", "<frozen importlib._bootstrap>", "228", "_call", "importlib")
          .parts("python.frame", "/srv/app/shop/cart.py", "17", "total", "shop.cart")
          .parts("python.local", "password", "'hush'")
          .parts("python.local", "order", "<shop.models.Order>")
          .parts("python.exception", "__cause__", "builtins", "KeyError", "'sku'")
          .parts("python.frame", "/srv/app/shop/cart.py", "15", "total", "shop.cart")
          .parts("python.frame", "/srv/app/shop/cart.py", "10", "look_up", "shop.cart")
          .parts("python.local", "catalogue", "{'a': [1, 2, ...], 'secret': {'x': 'hush'}}")
          .pairs("state", STATE)
          .request(REQUEST)
          .with("request.started", "1699999999900000")
          .with("request.status", "500")
          .log(LOG)
          .defaults(INSTANCE)),
  HARAKIRI(
      RecordFixture.captured(Kind.HARAKIRI, "harakiri")
          .from(ProcessKind.WORKER, 2, -1)
          .pairs("state", STATE)
          .pairs("proc", "syscall", "0 0x8 0x7f629c001200 0x2000 0x0 0x0 0x0 0x7ffd 0x7f62")
          .pairs("proc", "wchan", "unix_stream_read_generic", "harakiri", "30")
          .pairs("death", "rss", "71680")
          .inFlight(
              0,
              4.5,
              "0x00007f62a0428700",
              "REQUEST_METHOD",
              "GET",
              "REQUEST_URI",
              "/cart?token=hush")
          .inFlight(1, 31.25, "0x00007f62a3071440", REQUEST)
          .with("stack.taken", Long.toString(RecordFixture.MICROS - 250_000))
          .with("stack", STACK)
          .parts("python.path", "/srv/app", "/usr/lib/python3.11")
          .log(LOG)
          .defaults(INSTANCE)),
  HARAKIRI_WITHOUT_A_STACK(
      RecordFixture.captured(Kind.HARAKIRI, "harakiri")
          .from(ProcessKind.WORKER, 2, -1)
          .pairs("proc", "harakiri", "30")
          .defaults("host", "web1")),
  DEATH_BY_SEGFAULT(
      RecordFixture.captured(Kind.DEATH, "crashes")
          .from(ProcessKind.WORKER, 2, -1)
          .pairs("state", STATE)
          .pairs("death", "code", "1", "rss", "12312")
          .with("backtrace", CRASH)
          .inFlight(0, 0.25, "", REQUEST)
          .log("!!! uWSGI process 4711 got Segmentation Fault !!!", CRASH.strip())
          .defaults(INSTANCE)),
  DEATH_BY_SIGKILL(
      RecordFixture.captured(Kind.DEATH, "crashes")
          .from(ProcessKind.WORKER, 2, -1)
          .pairs("death", "signal", "9", "rss", "612312")
          .inFlight(0, 3, "", "REQUEST_METHOD", "GET", "REQUEST_URI", "/a/1?token=hush")
          .inFlight(1, 2, "", "REQUEST_METHOD", "GET", "REQUEST_URI", "/b")
          .defaults("host", "web1")),
  DEATH_FOR_WANT_OF_MEMORY(
      RecordFixture.captured(Kind.DEATH, "crashes")
          .from(ProcessKind.WORKER, 2, -1)
          .pairs("death", "signal", "9", "oom_kills", "1", "rss", "2097152")
          .defaults("host", "web1")),
  DEATH_OF_WHICH_NOTHING_IS_KNOWN(
      RecordFixture.captured(Kind.DEATH, "crashes")
          .from(ProcessKind.WORKER, 2, -1)
          .pairs("death", "unknown", "1")
          .defaults("host", "web1")),
  DEATH_OF_A_MULE(
      RecordFixture.captured(Kind.DEATH, "daemons")
          .from(ProcessKind.MULE, 1, -1)
          .pairs("death", "signal", "6", "name", "mule.py")
          .defaults("host", "web1")),
  DEATH_OF_A_SPOOLER(
      RecordFixture.captured(Kind.DEATH, "daemons")
          .from(ProcessKind.SPOOLER, 0, -1)
          .pairs("death", "signal", "9", "cause", "harakiri", "name", "/var/spool/shop")
          .defaults("host", "web1")),
  DEATH_OF_A_CRON(
      RecordFixture.captured(Kind.DEATH, "daemons")
          .from(ProcessKind.UNKNOWN, 1, -1)
          .pairs("death", "code", "7", "name", "/srv/bin/backup --password=hush /srv")
          .log("backup: no space left on device")
          .defaults(INSTANCE)),
  DEATH_OF_A_VASSAL(
      RecordFixture.captured(Kind.DEATH, "daemons")
          .from(ProcessKind.VASSAL, 0, -1)
          .pairs("death", "code", "1", "name", "shop.ini", "seconds", "7205")
          .defaults(INSTANCE)),
  DEATH_OF_A_SMART_DAEMON(
      RecordFixture.captured(Kind.DEATH, "daemons")
          .from(ProcessKind.UNKNOWN, 0, -1)
          .pairs("death", "unknown", "1", "cause", "smart", "name", "/usr/bin/redis-server")
          .defaults("host", "web1")),
  HARAKIRI_OF_A_MULE(
      RecordFixture.captured(Kind.DEATH, "daemons")
          .from(ProcessKind.MULE, 1, -1)
          .pairs("death", "signal", "9", "cause", "harakiri", "name", "mule.py", "seconds", "61")
          .with("stack.taken", Long.toString(RecordFixture.MICROS - 900_000))
          .with("stack.main", "0x00007f62a3071440")
          .with("stack", STACK)
          .defaults(INSTANCE)),
  EXCEPTION_IN_A_THREAD(
      RecordFixture.captured(Kind.EXCEPTION, "exceptions")
          .from(ProcessKind.WORKER, 2, -1)
          .with("exception.plugin", "python")
          .with("exception.how", "threading")
          .with("exception.thread", "mailer of token=hush")
          .parts("python.exception", "", "builtins", "OSError", "no such host")
          .parts("python.frame", "/srv/app/shop/cart.py", "6", "mail", "shop.cart")
          .parts("python.local", "password", "'hush'")
          .pairs("state", STATE)
          .log(LOG)
          .defaults(INSTANCE)),
  WORKER_THAT_WAS_NOT_STARTED(
      RecordFixture.captured(Kind.BOOT, "boot")
          .from(ProcessKind.MASTER, 0, -1)
          .pairs("boot", "what", "worker 2 could not be started: fork failed", "serving", "1")
          .pairs("state", STATE)
          .log("fork(): Resource temporarily unavailable [core/master_utils.c line 766]")
          .defaults(INSTANCE)),
  SLOW_WHERE_REQUESTS_TAKE_TURNS(
      RecordFixture.captured(Kind.SLOW, "slow")
          .pairs("state", "workers", "1", "cores", "10", "async", "10")
          .with("request.took", "7312345")
          .request(REQUEST)
          .with("request.started", Long.toString(RecordFixture.MICROS - 7_312_345))
          .with("stack.taken", Long.toString(RecordFixture.MICROS - 300_000))
          .with("request.thread", "0x00007f62a3071440")
          .with(
              "stack",
              """
              Thread 0x00007f62a3071440 (most recent call first):
                File "/usr/lib/python3/dist-packages/gevent/hub.py", line 647 in run
              """)
          .defaults(INSTANCE)),
  DEATH_OF_A_DAEMON(
      RecordFixture.captured(Kind.DEATH, "daemons")
          .from(ProcessKind.UNKNOWN, 0, -1)
          .pairs("death", "code", "1", "name", "/usr/bin/redis-server")
          .defaults("host", "web1")),
  SLOW(
      RecordFixture.captured(Kind.SLOW, "slow")
          .pairs("state", STATE)
          .with("request.took", "7312345")
          .request(REQUEST)
          .with("request.started", Long.toString(RecordFixture.MICROS - 7_312_345))
          .with("request.status", "200")
          .with("stack.taken", Long.toString(RecordFixture.MICROS - 300_000))
          .with("request.thread", "0x00007f62a3071440")
          .with("stack", STACK)
          .defaults(INSTANCE)),
  SLOW_WITHOUT_A_STACK(
      RecordFixture.captured(Kind.SLOW, "slow")
          .with("request.took", "7312345")
          .request("REQUEST_METHOD", "GET", "REQUEST_URI", "/report/2023")
          .defaults("host", "web1")),
  BACKLOG(
      RecordFixture.captured(Kind.BACKLOG, "backlog")
          .from(ProcessKind.MASTER, 0, -1)
          .pairs("state", STATE)
          .pairs("backlog", "queue", "101", "max", "100", "seconds", "10", "still", "1")
          .parts("busy", "1", "0", "1699999990123456", "GET", "/orders/1?token=hush")
          .parts("busy", "1", "1", "1699999999123456", "POST", "/orders")
          .parts("busy", "2", "0", "0", "", "")
          .log(LOG)
          .defaults(INSTANCE)),
  BOOT(
      RecordFixture.captured(Kind.BOOT, "boot")
          .from(ProcessKind.MASTER, 0, -1)
          .pairs("boot", "what", "no application was loaded")
          .with("exception.plugin", "python")
          .parts(
              "python.exception", "", "builtins", "ModuleNotFoundError", "No module named 'shop'")
          .parts("python.frame", "/srv/app/wsgi.py", "1", "<module>", "uwsgi_file__srv_app_wsgi_py")
          .log("unable to load app 0 (mountpoint='') (callable not found or import error)")
          .defaults(INSTANCE)),
  BOOT_THAT_ENDED(
      RecordFixture.captured(Kind.BOOT, "boot")
          .from(ProcessKind.MASTER, 0, -1)
          .pairs("boot", "what", "the server ended before it served", "code", "1")
          .log("bind(): Address already in use [core/socket.c line 769]")
          .defaults(INSTANCE)),
  HOOK_THAT_FAILED(
      RecordFixture.captured(Kind.BOOT, "boot")
          .from(ProcessKind.MASTER, 0, -1)
          .pairs(
              "boot",
              "what",
              "hook-pre-app = exec:./migrate.sh --password hush failed with 3",
              "hook",
              "marks")
          .defaults(INSTANCE)),
  BOOT_WITH_A_REASON(
      RecordFixture.captured(Kind.BOOT, "boot")
          .from(ProcessKind.MASTER, 0, -1)
          .pairs(
              "boot",
              "what",
              "the server ended before it served",
              "code",
              "1",
              "reason",
              "bind(): Address already in use [core/socket.c line 769]")
          .defaults(INSTANCE)),
  CUT(
      RecordFixture.captured(Kind.CUT, "cut")
          .pairs("cut", "why", "reload", "mercy", "60", "signal", "9")
          .pairs("death", "rss", "61440")
          .pairs("state", STATE)
          .with("request.core", "0")
          .request(REQUEST)
          .with("request.started", Long.toString(RecordFixture.MICROS - 61_312_345))
          .with("stack.taken", Long.toString(RecordFixture.MICROS - 300_000))
          .with("stack.main", "0x00007f62a3071440")
          .with("stack", STACK)
          .defaults(INSTANCE)),
  FAILED_PERL(
      RecordFixture.captured(Kind.FAILED, "failed")
          .with("request.took", "12345")
          .with("exception.plugin", "psgi")
          .request(REQUEST)
          .with("request.started", Long.toString(RecordFixture.MICROS - 12_345))
          .with("request.status", "500")
          .log("[uwsgi-perl error] none left at app.psgi line 3.")
          .defaults(INSTANCE)),
  ALARM_OF_A_SEGFAULT(RecordFixture.alarm(CRASH, DSN).defaults(INSTANCE)),
  EXCEPTION_WITHOUT_TYPE(
      RecordFixture.exception(DSN).with("exception.value", "v").defaults("host", "web1"));

  @SuppressWarnings("ImmutableEnumChecker") // none changes it
  final RecordFixture fixture;

  GoldenEvent(RecordFixture fixture) {
    this.fixture = fixture;
  }

  Path file() {
    return Path.of("src/test/resources/event", name().toLowerCase(java.util.Locale.ROOT) + ".json");
  }
}
