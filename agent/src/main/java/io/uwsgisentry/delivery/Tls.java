package io.uwsgisentry.delivery;

import java.io.IOException;
import java.net.Socket;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import org.apache.hc.client5.http.ssl.DefaultHostnameVerifier;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.jspecify.annotations.Nullable;

/**
 * TLS on a connection, with the host's name checked by the JDK together with the certificate. The
 * JDK takes a name with an underscore for none, so such a name is compared afterwards.
 */
final class Tls implements TlsSocketStrategy {
  private final SSLContext context;
  private final boolean verify;

  /**
   * @param verify whether the certificate must be for the host; who issued it is the context's
   */
  Tls(SSLContext context, boolean verify) {
    this.context = context;
    this.verify = verify;
  }

  @Override
  public SSLSocket upgrade(
      Socket socket, String host, int port, @Nullable Object attachment, HttpContext http)
      throws IOException {
    SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(socket, host, port, true);
    boolean odd = host.indexOf('_') >= 0;
    if (verify && !odd) {
      SSLParameters parameters = tls.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      tls.setSSLParameters(parameters);
    }
    tls.startHandshake();
    if (verify && odd && !new DefaultHostnameVerifier().verify(host, tls.getSession())) {
      throw new SSLPeerUnverifiedException("the certificate is not for " + host);
    }
    return tls;
  }
}
