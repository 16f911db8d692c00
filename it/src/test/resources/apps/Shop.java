import java.util.HashMap;

/** The Java application of the integration tests. */
public class Shop {
  static class OutOfStock extends RuntimeException {
    OutOfStock(String message, Throwable cause) {
      super(message, cause);
    }
  }

  static void reserve(String sku) {
    try {
      Integer.parseInt("none");
    } catch (NumberFormatException e) {
      throw new OutOfStock("no " + sku + " left", e);
    }
  }

  public static Object[] application(HashMap<String, Object> env) {
    HashMap<String, Object> headers = new HashMap<>();
    headers.put("Content-Type", "text/plain");
    String path = (String) env.get("PATH_INFO");
    if (path.equals("/orders/7")) {
      reserve("milk");
    }
    int status = path.equals("/unavailable") ? 503 : 200;
    return new Object[] {status, headers, "ok\n"};
  }
}
