#ifndef SENTRY_CRC32C_H
#define SENTRY_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C; found out at load, tests turn it off */
extern int sentry_crc_by_instruction;
uint32_t sentry_crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
