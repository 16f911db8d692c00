package io.uwsgisentry.event;

import java.io.Writer;

/** A StringWriter without its locks, which cost a quarter of what writing an event takes. */
final class TextWriter extends Writer {
  private final StringBuilder text = new StringBuilder(4096);

  StringBuilder text() {
    return text;
  }

  @Override
  public void write(int character) {
    text.append((char) character);
  }

  @Override
  public void write(char[] characters, int from, int length) {
    text.append(characters, from, length);
  }

  @Override
  public void write(String string) {
    text.append(string);
  }

  @Override
  public void write(String string, int from, int length) {
    text.append(string, from, from + length);
  }

  @Override
  public Writer append(CharSequence characters) {
    text.append(characters);
    return this;
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
