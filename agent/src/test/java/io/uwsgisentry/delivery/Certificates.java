package io.uwsgisentry.delivery;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** An authority of a test's own and the certificates that it signs, made with the JDK's keytool. */
final class Certificates {
  private static final String PASSWORD = "changeit";

  private final Path directory;
  private final Path authority;

  Certificates(Path directory) throws Exception {
    this.directory = directory;
    this.authority = directory.resolve("authority.p12");
    keytool(
        authority,
        "-genkeypair",
        "-alias",
        "ca",
        "-dname",
        "CN=An authority of a test",
        "-ext",
        "bc:c",
        "-validity",
        "10");
    keytool(authority, "-exportcert", "-rfc", "-alias", "ca", "-file", pem().toString());
  }

  /** The authority's certificate. */
  Path pem() {
    return directory.resolve("authority.pem");
  }

  /**
   * A server that shows a certificate for these names, such as {@code ip:127.0.0.1}.
   *
   * @param name its common name, which counts where {@code names} are empty
   */
  SSLContext server(String name, String names, String... validity) throws Exception {
    Path store = directory.resolve(name + ".p12");
    Path request = directory.resolve(name + ".csr");
    Path signed = directory.resolve(name + ".pem");
    keytool(store, "-genkeypair", "-alias", "server", "-dname", "CN=" + name);
    keytool(store, "-certreq", "-alias", "server", "-file", request.toString());
    List<String> sign =
        new ArrayList<>(
            List.of("-gencert", "-rfc", "-alias", "ca", "-infile", request.toString(), "-outfile"));
    sign.add(signed.toString());
    if (!names.isEmpty()) {
      sign.addAll(List.of("-ext", "san=" + names));
    }
    sign.addAll(validity.length == 0 ? List.of("-validity", "5") : List.of(validity));
    keytool(authority, sign.toArray(String[]::new));
    keytool(store, "-importcert", "-noprompt", "-alias", "ca", "-file", pem().toString());
    keytool(store, "-importcert", "-noprompt", "-alias", "server", "-file", signed.toString());
    return context(store);
  }

  /** A server whose certificate only it itself vouches for. */
  SSLContext selfSigned(String names) throws Exception {
    Path store = directory.resolve("self.p12");
    keytool(store, "-genkeypair", "-alias", "server", "-dname", "CN=self", "-ext", "san=" + names);
    keytool(
        store,
        "-exportcert",
        "-rfc",
        "-alias",
        "server",
        "-file",
        directory.resolve("self.pem").toString());
    return context(store);
  }

  private static SSLContext context(Path store) throws Exception {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
    factory.init(keys, PASSWORD.toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(factory.getKeyManagers(), null, null);
    return context;
  }

  private static void keytool(Path store, String... arguments) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(arguments));
    command.addAll(List.of("-keystore", store.toString(), "-storetype", "PKCS12"));
    command.addAll(List.of("-storepass", PASSWORD));
    if (command.contains("-genkeypair")) {
      command.addAll(List.of("-keyalg", "EC"));
    }
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException(said);
    }
  }
}
