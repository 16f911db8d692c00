@NullMarked
package io.uwsgisentry.elf;

import org.jspecify.annotations.NullMarked;
