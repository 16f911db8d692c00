package io.uwsgisentry.event;

import io.uwsgisentry.elf.ElfFixture;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;

/** A machine whose files are under a directory of the test's, all older than any record. */
final class HostFixture {
  static final String UWSGI_ID = "906550b051975477ebaf088ddc2c5b34f3178dce";
  static final String FAST_ID = "00112233445566778899aabbccddeeff00112233";

  private static final String CART =
      """
      from shop import mailer, queue, stock
      from shop.errors import OutOfStock

      def mail():
          order = queue.get()
          mailer.send(order)


      def look_up(catalogue, order):
          return catalogue[order["sku"]]


      def total(order):
          try:
              price = look_up(CATALOGUE, order)
          except KeyError as e:
              raise OutOfStock("none left of %s" % order.number) from e
          return price * stock.reserve(order)
      """;
  private static final String WSGI =
      """
      import shop.cart


      def application(environ, start_response):
          order = shop.read(environ)
          amount = shop.cart.total(order)
          start_response("200 OK", [("Content-Type", "text/plain")])
          return [b"%d" % amount]
      """;

  private final Path root;

  HostFixture(Path root) {
    this.root = root;
  }

  /** With the application and the binaries that the golden records tell of. */
  static Host shop(Path root) throws IOException {
    return new HostFixture(root)
        .file(
            "/etc/os-release",
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID='12'\n")
        .file("/srv/app/shop/cart.py", CART)
        .file("/srv/app/wsgi.py", WSGI)
        .file("/srv/app/config.ru", "require './shop'\n\nrun Shop.new\n")
        .file(
            "/usr/bin/uwsgi",
            new ElfFixture()
                .buildId(UWSGI_ID)
                .at(0, 0x1a2345)
                .function("uwsgi_backtrace", 0x7c4b0, 0x100)
                .function("uwsgi_segfault", 0x7c8d0, 0x80)
                .function("wsgi_req_recv", 0x2bed0, 0x200)
                .bytes())
        .file(
            "/srv/app/fast.so",
            new ElfFixture()
                .buildId(FAST_ID)
                .at(0, 0x4a00)
                .function("fast_init", 0x1100, 64)
                .bytes())
        .file(
            "/usr/lib/debug/.build-id/00/112233445566778899aabbccddeeff00112233.debug",
            new ElfFixture()
                .buildId(FAST_ID)
                .debug()
                .function("sum_prices", 0x1180, 0x40)
                .function("basket_total", 0x1200, 0x90)
                .bytes())
        .machine();
  }

  HostFixture file(String absolute, String text) throws IOException {
    return file(absolute, text.getBytes(StandardCharsets.UTF_8));
  }

  HostFixture file(String absolute, byte[] bytes) throws IOException {
    Path file = root.resolve(absolute.substring(1));
    Files.createDirectories(file.getParent());
    Files.write(file, bytes);
    Files.setLastModifiedTime(file, FileTime.from(Instant.ofEpochSecond(1_600_000_000)));
    return this;
  }

  Host machine() {
    return new Host(root, "6.1.0-18-amd64", "amd64");
  }
}
