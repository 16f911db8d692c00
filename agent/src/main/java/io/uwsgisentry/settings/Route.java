package io.uwsgisentry.settings;

import org.jspecify.annotations.Nullable;

/**
 * How a server is reached, beside its DSN.
 *
 * @param ca a file with certificates (PEM) that are trusted beside the system's; null: the system's
 *     alone
 * @param proxy {@code sentry-proxy} as it is written, with its secrets: an address, or {@link
 *     #NONE} for no proxy whatever the environment says; null: as the agent's environment says
 */
public record Route(@Nullable String ca, @Nullable String proxy) {
  /** As the system and its environment have it. */
  public static final Route USUAL = new Route(null, null);

  public static final String NONE = "none";

  /** What is wrong with the proxy, without its secrets; null if nothing is. */
  public @Nullable String fault() {
    return proxy == null || proxy.equals(NONE) ? null : ProxyAddress.fault(proxy);
  }

  /** What makes it another destination than the same DSN reached otherwise. */
  String distinction() {
    return (ca == null ? "" : "\nca " + ca) + (proxy == null ? "" : "\nproxy " + proxy);
  }

  /** For a person, without secrets; empty for the usual way. */
  public String words() {
    String through =
        proxy == null
            ? ""
            : proxy.equals(NONE)
                ? "no proxy"
                : fault() == null
                    ? "through " + ProxyAddress.parse(proxy).masked()
                    : "through a proxy";
    String trust = ca == null ? "" : "trusting " + ca;
    return through + (through.isEmpty() || trust.isEmpty() ? "" : ", ") + trust;
  }

  @Override
  public String toString() {
    return words();
  }
}
