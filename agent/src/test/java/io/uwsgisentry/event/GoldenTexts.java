package io.uwsgisentry.event;

/** What records of real servers hold, as far as several golden events have it. */
final class GoldenTexts {
  static final String DSN = "dsn=https://key@sentry.example.com/1,logger=uwsgi.sentry";

  static final String[] INSTANCE = {
    "dsn", "https://default@sentry.example.com/2",
    "environment", "production",
    "release", "shop@2.1.0",
    "tags", "team:shop",
    "host", "web1.example.com",
    "cwd", "/srv/app",
    "uwsgi", "2.0.21-debian",
    "plugin", "0.1.0",
    "language", "python",
    "python", "3.11.2",
    "master", "4700",
    "started", "1699999000"
  };

  static final String[] REQUEST = {
    "QUERY_STRING", "page=2&token=hush&q=a b",
    "REQUEST_METHOD", "PUT",
    "CONTENT_TYPE", "application/json",
    "CONTENT_LENGTH", "17",
    "REQUEST_URI", "/orders/12345/items?page=2&token=hush&q=a b",
    "PATH_INFO", "/orders/12345/items",
    "DOCUMENT_ROOT", "/srv/www",
    "SERVER_PROTOCOL", "HTTP/1.1",
    "REQUEST_SCHEME", "https",
    "REMOTE_ADDR", "192.0.2.7",
    "REMOTE_PORT", "50312",
    "REMOTE_USER", "joe",
    "SERVER_PORT", "443",
    "SERVER_NAME", "web1",
    "DB_PASSWORD", "hush",
    "HTTP_HOST", "shop.example.com",
    "HTTP_USER_AGENT", "curl/7.88.1",
    "HTTP_COOKIE", "sessionid=hush; lang=de",
    "HTTP_AUTHORIZATION", "Basic hush",
    "HTTP_X_FORWARDED_FOR", "198.51.100.9",
    "HTTP_X_API_KEY", "hush",
    "HTTP_REFERER", "https://shop.example.com/login?next=/&password=hush"
  };

  static final String[] STATE = {
    "workers", "4",
    "cores", "2",
    "busy", "3",
    "idle", "1",
    "listen_queue", "7",
    "listen_queue_max", "100",
    "reloads", "1",
    "threads", "2",
    "async", "1",
    "requests", "815",
    "worker_started", "1699999500",
    "respawns", "2",
    "rss", "61440"
  };

  static final String[] LOG = {
    "*** Operational MODE: preforking+threaded ***",
    "[pid: 4711|app: 0|req: 7/12] 192.0.2.7 (joe) {26 vars in 312 bytes} [Tue Nov 14 22:13:18 2023]"
        + " GET /login?token=hush&next=/ => generated 3 bytes in 1 msecs (HTTP/1.1 200)",
    "shop: Authorization: Basic hush",
    "shop: logged in {'password': 'hush', 'user': 'joe'}"
  };

  static final String STACK =
      """
      Thread 0x00007f629bfff6c0 (most recent call first):
        <no Python frame>

      Thread 0x00007f62a0428700 (most recent call first):
        File "/usr/lib/python3.11/threading.py", line 324 in wait
        File "/usr/lib/python3.11/queue.py", line 180 in get
        File "/srv/app/shop/cart.py", line 5 in mail

      Thread 0x00007f62a3071440 (most recent call first):
        File "/usr/lib/python3.11/socket.py", line 706 in readinto
        File "/srv/app/shop/cart.py", line 18 in total
        File "/srv/app/wsgi.py", line 6 in application
      """;

  /** As Debian's uWSGI prints it, with a library of the application's. */
  static final String CRASH =
      """
      *** backtrace of 4711 ***
      uwsgi(uwsgi_backtrace+0x2f) [0x558be15d04df]
      uwsgi(uwsgi_segfault+0x23) [0x558be15d08f3]
      /lib/x86_64-linux-gnu/libc.so.6(+0x3c050) [0x7f62a32ae050]
      /lib/x86_64-linux-gnu/libc.so.6(+0x167ad8) [0x7f62a33d9ad8]
      /srv/app/fast.so(+0x1190) [0x7f62a04ce190]
      /srv/app/fast.so(+0x1290) [0x7f62a04ce290]
      /lib/x86_64-linux-gnu/libpython3.11.so.1.0(_PyEval_EvalFrameDefault+0x4a63) [0x7f62a0709c63]
      uwsgi(wsgi_req_recv+0xa0) [0x558be157ff70]
      uwsgi(+0x2b61e) [0x558be157f61e]
      /lib/x86_64-linux-gnu/libc.so.6(__libc_start_main+0x85) [0x7f62a3299305]
      uwsgi(_start+0x21) [0x558be157f641]
      *** end of backtrace ***
      """;

  private GoldenTexts() {}
}
