package io.uwsgisentry.delivery;

import io.uwsgisentry.settings.Destination;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.impl.io.DefaultHttpClientConnectionOperator;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.core5.pool.PoolConcurrencyPolicy;
import org.apache.hc.core5.pool.PoolReusePolicy;
import org.apache.hc.core5.util.TimeValue;
import org.jspecify.annotations.Nullable;

/**
 * The connections that are kept, in a pool for each way to trust a server, made when first needed,
 * since the first TLS context costs megabytes. A connection that was accepted without a check is
 * never used for a destination that asked for one.
 *
 * <p>The pools have no bounds of their own: there are as many connections under way as there are
 * requests, which {@link SenderThreads} bounds, and those that wait are closed soon.
 */
final class Connections {
  /** Relay closes a connection after 5 idle seconds; a request sent into the gap fails. */
  static final TimeValue KEPT = TimeValue.ofSeconds(4);

  /** Further pools are made again when needed. */
  private static final int MOST = 16;

  /**
   * @param changed of the file of certificates, so that a renewed one is read
   */
  private record Kind(boolean tls, boolean verify, @Nullable Path ca, long changed) {}

  private final Map<Kind, PoolingHttpClientConnectionManager> pools =
      new LinkedHashMap<>(8, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(
            Map.Entry<Kind, PoolingHttpClientConnectionManager> eldest) {
          return size() > MOST;
        }
      };

  /**
   * @throws Proxies.UnusableException if the destination's file of certificates cannot be used
   */
  PoolingHttpClientConnectionManager pool(Destination.To to) throws IOException {
    boolean tls = to.dsn().scheme().equals("https");
    Path ca = tls && to.verify() && to.reach().ca() != null ? Path.of(to.reach().ca()) : null;
    Kind kind = new Kind(tls, !tls || to.verify(), ca, ca == null ? 0 : ca.toFile().lastModified());
    synchronized (pools) {
      PoolingHttpClientConnectionManager known = pools.get(kind);
      if (known != null) {
        return known;
      }
    }
    // Reading a file may take any time, on a disk of somebody else's; the others do not wait for
    // it.
    PoolingHttpClientConnectionManager made = pool(kind);
    synchronized (pools) {
      PoolingHttpClientConnectionManager other = pools.putIfAbsent(kind, made);
      return other == null ? made : other;
    }
  }

  /** Closes what was not used for a while. */
  void closeIdle() {
    List<PoolingHttpClientConnectionManager> all;
    synchronized (pools) {
      all = List.copyOf(pools.values());
    }
    all.forEach(pool -> pool.closeIdle(KEPT));
  }

  private static PoolingHttpClientConnectionManager pool(Kind kind) throws IOException {
    Tls tls = kind.tls() ? tls(kind) : null;
    PoolingHttpClientConnectionManager pool =
        new PoolingHttpClientConnectionManager(
            new DefaultHttpClientConnectionOperator(
                null, null, scheme -> scheme.equals("https") ? tls : null),
            PoolConcurrencyPolicy.STRICT,
            PoolReusePolicy.LIFO,
            null,
            socket -> new Line());
    pool.setMaxTotal(Integer.MAX_VALUE);
    pool.setDefaultMaxPerRoute(Integer.MAX_VALUE);
    pool.setDefaultConnectionConfig(
        ConnectionConfig.custom().setValidateAfterInactivity(1, TimeUnit.SECONDS).build());
    return pool;
  }

  private static Tls tls(Kind kind) throws IOException {
    return new Tls(
        kind.verify() ? TrustStore.context(kind.ca()) : trustingContext(), kind.verify());
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

  /** Takes any certificate of any host. */
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
