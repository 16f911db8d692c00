package io.uwsgisentry.delivery;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.time.Duration;
import javax.net.ssl.SSLException;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.MessageConstraintException;
import org.apache.hc.core5.http.NoHttpResponseException;

/** Why there was no answer, in words for whoever looks for the fault. */
final class Reason {
  private Reason() {}

  static String of(Exception failure, Exchange exchange, Duration timeout) {
    String seconds = timeout.toMillis() / 1000.0 + " s";
    if (failure instanceof Proxies.UnusableException
        || failure instanceof Proxies.TunnelRefusedException) {
      return String.valueOf(failure.getMessage());
    } else if (failure instanceof UnknownHostException) {
      return "the host's name cannot be resolved: " + failure.getMessage();
    } else if (exchange.aborted() || failure instanceof SocketTimeoutException) {
      return exchange.connected()
          ? "no answer within " + seconds
          : "no connection within " + seconds;
    } else if (failure instanceof HttpException || failure instanceof MessageConstraintException) {
      return "the response is not HTTP: " + deepest(failure);
    } else if (failure instanceof NoHttpResponseException) {
      return "connection failed: the server closed it without an answer";
    } else if (failure instanceof SSLException) {
      return "TLS failed: " + deepest(failure);
    }
    return (exchange.connected() ? "connection failed: " : "cannot connect: ") + deepest(failure);
  }

  static String of(IOException failure) {
    return failure instanceof Proxies.UnusableException
        ? String.valueOf(failure.getMessage())
        : "connection failed: " + deepest(failure);
  }

  /** The message nearest to the cause: what wraps it says where, and that is known. */
  private static String deepest(Throwable failure) {
    String said = null;
    int depth = 0;
    for (Throwable t = failure; t != null && depth < 10; t = t.getCause(), depth++) {
      said = t.getMessage() == null ? said : t.getMessage();
    }
    return said == null ? failure.getClass().getSimpleName() : said;
  }
}
