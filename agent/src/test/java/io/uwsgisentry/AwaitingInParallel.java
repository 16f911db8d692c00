package io.uwsgisentry;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Awaitility fails whatever waits when any thread of the JVM ends by an exception. Where classes
 * run side by side that thread may be another test's, which ends it on purpose. Registered for all
 * classes, in {@code META-INF/services}.
 */
public final class AwaitingInParallel implements BeforeAllCallback {
  @Override
  public void beforeAll(ExtensionContext context) {
    Awaitility.doNotCatchUncaughtExceptionsByDefault();
  }
}
