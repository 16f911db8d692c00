package io.uwsgisentry.journal;

/**
 * Where a record's parts lie, in bytes from its start; all numbers are little-endian. The
 * specification is {@code docs/journal.md}.
 *
 * <pre>
 *   0 magic (3)   3 version   4 crc (4)   8 length (4)   12 id (16)
 *  28 kind  29 process  30 flags  31 zero   32 time (8)
 *  40 pid (4)  44 worker (2)  46 core (2)   48 handler hash (8)  56 fold key (8)   64 fields
 * </pre>
 */
final class Layout {
  static final byte[] MAGIC = {(byte) 0xA7, 0x55, 0x53};
  static final int VERSION_AT = 3;
  static final int CRC_AT = 4;
  static final int LENGTH_AT = 8;
  static final int ID_AT = 12;
  static final int ID_BYTES = 16;
  static final int KIND_AT = 28;
  static final int PROCESS_AT = 29;
  static final int FLAGS_AT = 30;
  static final int TIME_AT = 32;
  static final int PID_AT = 40;
  static final int WORKER_AT = 44;
  static final int CORE_AT = 46;
  static final int HANDLER_HASH_AT = 48;
  static final int FOLD_KEY_AT = 56;
  static final int HEADER = 64;

  static final int VERSION = 1;
  static final int MAX_LENGTH = 1 << 20;
  static final int KEY_BYTES = 16;
  static final int FLAG_BRIEF = 1;
  static final int FLAG_CUT = 2;
  static final int NO_CORE = 0xffff;

  private Layout() {}
}
