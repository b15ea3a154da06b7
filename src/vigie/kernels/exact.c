/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact look-up of digests in sorted rows: a table over the leading bits, then a search in one short bucket.
 * Queries go through in small groups, each stage asking for the memory of the next.
 */
#include <stdint.h>
#include <string.h>

#include "guard.h"

enum { LOOK_AHEAD = 32, LINE = 64, MAX_LINES = 4 };

static inline uint32_t leading(const uint8_t *digest, int64_t bits) {
  const uint32_t first = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 | digest[3];
  return bits ? first >> (32 - bits) : 0;
}

/* Ask for a bucket's rows; longer buckets than usual are asked for in part. */
static inline void ask_for(const uint8_t *from, int64_t bytes) {
  for (int64_t at = 0; at < bytes && at < MAX_LINES * LINE; at += LINE) __builtin_prefetch(from + at);
}

/* memcmp, with most rows told apart by their first eight bytes. */
static inline int compare(const uint8_t *one, const uint8_t *other, int64_t size) {
  uint64_t a, b;
  memcpy(&a, one, sizeof a);
  memcpy(&b, other, sizeof b);
  if (a != b) return __builtin_bswap64(a) < __builtin_bswap64(b) ? -1 : 1;
  return memcmp(one, other, (size_t)size);
}

/* The first row of [low, high) that is not before the digest, or -1 at a damaged block. */
static int64_t lower(Guard *guard, const uint8_t *rows, int64_t size, int64_t low, int64_t high, const uint8_t *digest,
                     int after) {
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const uint8_t *row = rows + middle * size;
    if (!guard_range_ok(guard, row, size)) return -1;
    const int order = compare(row, digest, size);
    if (order < 0 || (after && order == 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* For each query the first row that equals it and how many do; first is -1 where none does. */
int vigie_exact_lookup(const uint8_t *rows, int64_t row_count, int64_t size, const uint32_t *table, int64_t bits,
                       const uint8_t *queries, int64_t query_count, Guard *guard, int64_t *first, int64_t *count) {
  for (int64_t from = 0; from < query_count; from += LOOK_AHEAD) {
    const int64_t to = from + LOOK_AHEAD < query_count ? from + LOOK_AHEAD : query_count;
    int64_t low[LOOK_AHEAD], high[LOOK_AHEAD];
    for (int64_t q = from; q < to; q++) __builtin_prefetch(table + leading(queries + q * size, bits));
    for (int64_t q = from; q < to; q++) {
      const uint32_t *entry = table + leading(queries + q * size, bits);
      if (!guard_range_ok(guard, entry, 8)) return DAMAGED;
      low[q - from] = entry[0], high[q - from] = entry[1];
      if (entry[0] > entry[1] || entry[1] > row_count) return DAMAGED;
      ask_for(rows + (int64_t)entry[0] * size, (int64_t)(entry[1] - entry[0]) * size);
    }
    for (int64_t q = from; q < to; q++) {
      const uint8_t *digest = queries + q * size;
      const int64_t at = lower(guard, rows, size, low[q - from], high[q - from], digest, 0);
      if (at < 0) return DAMAGED;
      first[q] = -1, count[q] = 0;
      if (at == high[q - from]) continue;
      if (!guard_range_ok(guard, rows + at * size, size)) return DAMAGED;
      if (compare(rows + at * size, digest, size) != 0) continue;
      int64_t end = at + 1;
      if (end < high[q - from]) end = lower(guard, rows, size, at + 1, high[q - from], digest, 1);
      if (end < 0) return DAMAGED;
      first[q] = at, count[q] = end - at;
    }
  }
  return 0;
}
