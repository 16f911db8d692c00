package io.uwsgisentry.delivery;

import io.uwsgisentry.settings.Destination;
import io.uwsgisentry.settings.ProxyAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.Socket;
import java.net.http.HttpClient;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * The JDK's HTTP clients: one for each way to reach a server (whom to trust, which proxy), whatever
 * the server, each made when first needed, since each costs a thread and the first TLS context
 * megabytes. A connection is kept by its client, so one that was accepted without a check is never
 * used for a destination that asked for one.
 */
final class Clients {
  static {
    // Relay closes a connection after 5 idle seconds, the JDK keeps it for 1200 (17) or 30 (21),
    // and a request sent into the gap
    // fails. The property is read when the first client is made.
    if (System.getProperty("jdk.httpclient.keepalive.timeout") == null) {
      System.setProperty("jdk.httpclient.keepalive.timeout", "4");
    }
    // The JDK keeps Basic from proxies of tunnels, since who listens reads the password; who writes
    // it into sentry-proxy or HTTPS_PROXY wants it sent. Read once, too.
    System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
    // A server's headers are bounded by the time they may take, but not by default by their size.
    if (System.getProperty("jdk.http.maxHeaderSize") == null) {
      System.setProperty("jdk.http.maxHeaderSize", "65536");
    }
  }

  private static final long STACK = 256 * 1024;

  /** Further ones are made anew when needed. */
  private static final int MOST = 16;

  /**
   * What the clients compute on. Nothing here waits: names are resolved by the sender (see there),
   * everything else is not blocking.
   */
  private final Executor executor = executor();

  /**
   * @param changed of the file of certificates, so that a renewed one is read
   */
  private record Kind(
      boolean tls,
      boolean verify,
      @Nullable Path ca,
      long changed,
      @Nullable String host,
      int port) {}

  private final Map<Kind, HttpClient> clients =
      new LinkedHashMap<>(8, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Kind, HttpClient> eldest) {
          return size() > MOST;
        }
      };

  /**
   * @throws Proxies.UnusableException if the destination's file of certificates cannot be used
   */
  HttpClient client(Destination.To to, @Nullable ProxyAddress proxy) throws IOException {
    Path ca = to.verify() && to.reach().ca() != null ? Path.of(to.reach().ca()) : null;
    Kind kind =
        new Kind(
            to.dsn().scheme().equals("https"),
            to.verify(),
            ca,
            ca == null ? 0 : ca.toFile().lastModified(),
            proxy == null ? null : proxy.host(),
            proxy == null ? 0 : proxy.port());
    synchronized (clients) {
      HttpClient known = clients.get(kind);
      if (known != null) {
        return known;
      }
    }
    // Reading a file may take any time, on a disk of somebody else's; the others do not wait for
    // it.
    HttpClient made = client(kind);
    synchronized (clients) {
      HttpClient other = clients.putIfAbsent(kind, made);
      return other == null ? made : other;
    }
  }

  private HttpClient client(Kind kind) throws IOException {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            // The default asks for an upgrade to HTTP/2 that no Sentry needs and some proxies
            // refuse.
            .version(HttpClient.Version.HTTP_1_1)
            // Another host must not get what was meant for this one.
            .followRedirects(HttpClient.Redirect.NEVER)
            .proxy(
                kind.host() == null
                    ? HttpClient.Builder.NO_PROXY
                    : ProxySelector.of(new InetSocketAddress(kind.host(), kind.port())))
            .executor(executor);
    if (!kind.tls()) {
      return builder.build();
    }
    if (!kind.verify()) {
      builder.sslContext(trustingContext());
    } else {
      builder.sslContext(Trust.context(kind.ca()));
    }
    return builder.build();
  }

  private static Executor executor() {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            2,
            2,
            30,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work -> {
              Thread thread = new Thread(null, work, "http", STACK);
              thread.setDaemon(true);
              return thread;
            });
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }

  private static SSLContext trustingContext() {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {new TrustAnyone()}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has TLS", e);
    }
  }

  /**
   * Takes any certificate of any host. It must be the extended kind: for a plain one the JDK checks
   * the host name by itself, which only a property for the whole process would stop.
   */
  private static final class TrustAnyone extends X509ExtendedTrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
