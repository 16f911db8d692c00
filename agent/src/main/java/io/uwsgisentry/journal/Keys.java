package io.uwsgisentry.journal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The keys of a directory: the one that stands in it, first, and those that stood there before it
 * while this process ran. A writer takes up to a second to notice that the key was replaced; what
 * it appended until then is read as well. Owned by one thread.
 */
public final class Keys {
  private static final int MOST = 8;

  private List<byte[]> known;

  public Keys(byte[] key) {
    if (key.length != Layout.KEY_BYTES) {
      throw new IllegalArgumentException("a key of " + key.length + " bytes");
    }
    this.known = List.of(key.clone());
  }

  /** It stands in the directory now; false if it is the one that stood there. */
  boolean now(byte[] key) {
    if (Arrays.equals(key, current())) {
      return false;
    }
    List<byte[]> keys = new ArrayList<>(List.of(key.clone()));
    known.stream().filter(old -> !Arrays.equals(old, key)).limit(MOST - 1).forEach(keys::add);
    known = List.copyOf(keys);
    return true;
  }

  byte[] current() {
    return known.get(0);
  }

  /** The newest first. */
  List<byte[]> all() {
    return known;
  }
}
