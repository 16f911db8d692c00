package io.uwsgisentry.check;

import java.util.List;

/**
 * A configuration as its server sees it: includes, conditions, loops, variables and placeholders
 * resolved.
 *
 * @param byUwsgi whether uWSGI itself resolved them
 * @param notes what the reader of a report must know of how it was read, one sentence each
 * @param refusal why uWSGI would not start with it, in its own words; empty if it did not say so
 */
record CheckedFile(List<CheckedLine> lines, boolean byUwsgi, List<String> notes, String refusal) {}
