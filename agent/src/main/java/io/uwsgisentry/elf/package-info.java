/** Reads ELF files; knows nothing of events. */
@NullMarked
package io.uwsgisentry.elf;

import org.jspecify.annotations.NullMarked;
