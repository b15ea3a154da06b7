/* SPDX-License-Identifier: Apache-2.0
 *
 * The order that sorts rows of bytes; equal rows keep the order in which they came.
 *
 * - One counting pass by the leading bits, then a merge sort of each bucket: fingerprints are spread so evenly that
 *   most buckets hold a row or two, and a flood of equal rows costs n log n, no worse.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { AHEAD = 64, SHORT_RUN = 12 };

static inline uint32_t leading(const uint8_t *row, int bits) {
  uint32_t first;
  memcpy(&first, row, sizeof first);
  return bits ? __builtin_bswap32(first) >> (32 - bits) : 0;
}

static void merge_sort(const uint8_t *rows, int64_t size, uint32_t *order, uint32_t *spare, int64_t count) {
  if (count <= SHORT_RUN) {
    for (int64_t i = 1; i < count; i++) {
      const uint32_t moved = order[i];
      int64_t at = i;
      for (; at > 0 && memcmp(rows + order[at - 1] * size, rows + moved * size, (size_t)size) > 0; at--)
        order[at] = order[at - 1];
      order[at] = moved;
    }
    return;
  }
  const int64_t half = count / 2;
  merge_sort(rows, size, order, spare, half);
  merge_sort(rows, size, order + half, spare + half, count - half);
  memcpy(spare, order, (size_t)count * sizeof *order);
  int64_t left = 0, right = half;
  for (int64_t at = 0; at < count; at++) {
    const int take_left = left < half && (right >= count || memcmp(rows + spare[left] * size,
                                                                   rows + spare[right] * size, (size_t)size) <= 0);
    order[at] = take_left ? spare[left++] : spare[right++];
  }
}

/* Fill `order`; rows of at least four bytes, fewer than 2^32 of them. Returns 0, or -1 without memory. */
int vigie_sorted_order(const uint8_t *rows, int64_t count, int64_t size, uint32_t *order) {
  int bits = 0;
  while (bits < 24 && ((int64_t)1 << bits) < count) bits++;
  const int64_t buckets = (int64_t)1 << bits;
  uint32_t *offsets = calloc((size_t)buckets + 1, sizeof *offsets);
  if (!offsets) return -1;
  uint32_t keys[AHEAD];
  for (int64_t row = 0; row < count; row++) offsets[leading(rows + row * size, bits) + 1]++;
  uint32_t longest = 0;
  for (int64_t b = 0; b < buckets; b++) {
    if (offsets[b + 1] > longest) longest = offsets[b + 1];
    offsets[b + 1] += offsets[b];
  }
  for (int64_t row = 0; row < count; row += AHEAD) {
    const int many = count - row < AHEAD ? (int)(count - row) : AHEAD;
    for (int k = 0; k < many; k++) __builtin_prefetch(offsets + (keys[k] = leading(rows + (row + k) * size, bits)), 1);
    for (int k = 0; k < many; k++) __builtin_prefetch(order + offsets[keys[k]], 1);
    for (int k = 0; k < many; k++) order[offsets[keys[k]]++] = (uint32_t)(row + k);
  }
  uint32_t *spare = malloc(((size_t)longest + 1) * sizeof *spare);
  if (spare) /* after the scatter offsets[b] is the end of bucket b */
    for (int64_t b = 0; b < buckets; b++) {
      const uint32_t start = b ? offsets[b - 1] : 0;
      if (b + 8 < buckets) __builtin_prefetch(rows + (int64_t)order[offsets[b + 7] % count] * size);
      if (offsets[b] - start > 1) merge_sort(rows, size, order + start, spare, offsets[b] - start);
    }
  const int held = spare != NULL;
  free(spare), free(offsets);
  return held ? 0 : -1;
}
