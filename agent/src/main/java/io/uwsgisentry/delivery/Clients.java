package io.uwsgisentry.delivery;

import java.net.Socket;
import java.net.http.HttpClient;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
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
 * The JDK's HTTP clients: one for destinations whose certificates are checked, one for those with
 * {@code no_verify}, each made when first needed, since each costs a thread and the first TLS
 * context megabytes. A connection is kept by its client, so one that was accepted without a check
 * is never used for a destination that asked for one.
 */
final class Clients {
  static {
    // Relay closes a connection after 5 idle seconds, the JDK keeps it for 1200 (17) or 30 (21),
    // and a request sent into the gap
    // fails. The property is read when the first client is made.
    if (System.getProperty("jdk.httpclient.keepalive.timeout") == null) {
      System.setProperty("jdk.httpclient.keepalive.timeout", "4");
    }
  }

  private static final long STACK = 256 * 1024;

  /**
   * What the clients compute on. Nothing here waits: names are resolved by the sender (see there),
   * everything else is not blocking.
   */
  private final Executor executor = executor();

  private @Nullable HttpClient verifying;
  private @Nullable HttpClient trusting;

  synchronized HttpClient client(boolean verify) {
    HttpClient client = verify ? verifying : trusting;
    if (client == null) {
      HttpClient.Builder builder =
          HttpClient.newBuilder()
              // The default asks for an upgrade to HTTP/2 that no Sentry needs and some proxies
              // refuse.
              .version(HttpClient.Version.HTTP_1_1)
              // Another host must not get what was meant for this one.
              .followRedirects(HttpClient.Redirect.NEVER)
              .executor(executor);
      if (verify) {
        client = verifying = builder.build();
      } else {
        client = trusting = builder.sslContext(trustingContext()).build();
      }
    }
    return client;
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
