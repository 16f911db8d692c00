package io.uwsgisentry.delivery;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/**
 * Whom a certificate has to come from: {@code sentry-ca}, the JVM's store, or the system's own
 * bundle, in that order. On Debian the JVM's store is made of the system's; a Java from elsewhere
 * brings its own, which knows nothing of an authority that the system's owner has added. The bundle
 * is read only where the others have said no, since it costs megabytes.
 *
 * <p>Each checks all of it, host name and dates too: one of them has to be content with everything.
 */
final class TrustStore extends X509ExtendedTrustManager {
  private static final List<Path> BUNDLES =
      List.of(
          Path.of("/etc/ssl/certs/ca-certificates.crt"),
          Path.of("/etc/pki/tls/certs/ca-bundle.crt"),
          Path.of("/etc/ssl/ca-bundle.pem"),
          Path.of("/etc/ssl/cert.pem"));

  /** All authorities that there are take a twentieth of it. */
  private static final int MAX_BYTES = 4 << 20;

  private final List<X509ExtendedTrustManager> known = new ArrayList<>();
  private boolean bundleRead;

  private TrustStore(@Nullable Path ca) throws IOException, GeneralSecurityException {
    if (ca != null) {
      known.add(of(certificates(ca)));
    }
    known.add(manager(null));
  }

  /**
   * A context that trusts them.
   *
   * @throws Proxies.UnusableException if the file cannot be read or holds no certificate
   */
  static SSLContext context(@Nullable Path ca) throws IOException {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {new TrustStore(ca)}, null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IOException("TLS cannot be used: " + e.getMessage(), e);
    }
  }

  private static Collection<? extends Certificate> certificates(Path file) throws IOException {
    try {
      Collection<? extends Certificate> all =
          CertificateFactory.getInstance("X.509")
              .generateCertificates(new ByteArrayInputStream(content(file)));
      if (all.isEmpty()) {
        throw new Proxies.UnusableException(
            "sentry-ca: " + file + " contains no certificate (PEM)");
      }
      return all;
    } catch (NoSuchFileException e) {
      throw new Proxies.UnusableException("sentry-ca: there is no file " + file);
    } catch (CertificateException e) {
      throw new Proxies.UnusableException(
          "sentry-ca: " + file + " is not a file of certificates (PEM): " + e.getMessage());
    } catch (Proxies.UnusableException e) {
      throw e;
    } catch (IOException e) {
      throw new Proxies.UnusableException(
          "sentry-ca: " + file + " cannot be read by the agent: " + e);
    }
  }

  /** Opening a FIFO would wait for who writes to it, and a device may have no end. */
  private static byte[] content(Path file) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    if (!attributes.isRegularFile()) {
      throw new Proxies.UnusableException("sentry-ca: " + file + " is not a regular file");
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] content = in.readNBytes(MAX_BYTES + 1);
      if (content.length > MAX_BYTES) {
        throw new Proxies.UnusableException(
            "sentry-ca: " + file + " has more than " + (MAX_BYTES >> 20) + " MiB");
      }
      return content;
    }
  }

  private static X509ExtendedTrustManager of(Collection<? extends Certificate> certificates)
      throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    int number = 0;
    for (Certificate certificate : certificates) {
      store.setCertificateEntry("ca" + number++, certificate);
    }
    return manager(store);
  }

  private static X509ExtendedTrustManager manager(@Nullable KeyStore store)
      throws GeneralSecurityException {
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    for (TrustManager manager : factory.getTrustManagers()) {
      if (manager instanceof X509ExtendedTrustManager extended) {
        return extended;
      }
    }
    throw new GeneralSecurityException("this Java has no trust manager that checks host names");
  }

  private interface Check {
    void by(X509ExtendedTrustManager manager) throws CertificateException;
  }

  private synchronized void any(Check check) throws CertificateException {
    CertificateException telling = new CertificateException("path building failed");
    int asked = 0;
    while (true) {
      for (; asked < known.size(); asked++) {
        try {
          check.by(known.get(asked));
          return;
        } catch (CertificateException e) {
          // That one of them does not know the issuer says less than that another found fault.
          telling = isUnknownIssuer(telling) ? e : telling;
        }
      }
      if (bundleRead || !isUnknownIssuer(telling)) {
        throw telling;
      }
      readBundle();
    }
  }

  private static boolean isUnknownIssuer(CertificateException e) {
    return String.valueOf(e.getMessage()).contains("unable to find valid certification path")
        || String.valueOf(e.getMessage()).contains("path building failed");
  }

  private void readBundle() {
    bundleRead = true;
    for (Path bundle : BUNDLES) {
      if (Files.isReadable(bundle)) {
        try {
          known.add(of(certificates(bundle)));
        } catch (IOException | GeneralSecurityException e) {
          // Then it is as if the system had none: what the others said stands.
        }
        return;
      }
    }
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    any(manager -> manager.checkServerTrusted(chain, type, socket));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    any(manager -> manager.checkServerTrusted(chain, type, engine));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
    any(manager -> manager.checkServerTrusted(chain, type));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    throw new CertificateException("this agent accepts no connections");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    throw new CertificateException("this agent accepts no connections");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
    throw new CertificateException("this agent accepts no connections");
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return new X509Certificate[0];
  }
}
