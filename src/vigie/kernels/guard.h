/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of a snapshot are checked before their content is trusted: `seen` has a bit a block, and the first touch of
 * a block asks the owner (a callback) to compare its digest. A damaged block ends the search with DAMAGED. */
#ifndef VIGIE_GUARD_H
#define VIGIE_GUARD_H

#include <stdatomic.h>
#include <stdint.h>

enum { BLOCK_BITS = 12, DAMAGED = -2, NO_MEMORY = -1 };

typedef struct {
  const uint8_t *base;            /* first byte of block 0 */
  int64_t blocks;                 /* addresses outside belong to memory that needs no check */
  _Atomic uint64_t *seen;         /* one bit a block, set once it was checked */
  int64_t (*check)(int64_t block); /* ~block when it is what was published; sets nothing itself */
  int64_t all_seen;               /* 1 when nothing is left to check */
} Guard;

/* A callback that raises leaves any value behind, even its last answer: only this block's own counts as yes. */
static inline int guard_slow(Guard *guard, uint64_t block) {
  if (guard->check((int64_t)block) != ~(int64_t)block) return 0;
  atomic_fetch_or_explicit(&guard->seen[block >> 6], 1ull << (block & 63), memory_order_relaxed);
  return 1;
}

/* Is the block of this address what was published? */
static inline int guard_ok(Guard *guard, const void *address) {
  if (guard->all_seen) return 1;
  const uint64_t block = (uint64_t)((const uint8_t *)address - guard->base) >> BLOCK_BITS;
  if (block >= (uint64_t)guard->blocks) return 1;
  if (atomic_load_explicit(&guard->seen[block >> 6], memory_order_relaxed) >> (block & 63) & 1) return 1;
  return guard_slow(guard, block);
}

static inline int guard_range_ok(Guard *guard, const void *from, int64_t bytes) {
  if (guard->all_seen) return 1;
  const uint8_t *at = from, *last = at + (bytes > 0 ? bytes - 1 : 0);
  for (;; at += 1 << BLOCK_BITS) {
    if (at > last) at = last;
    if (!guard_ok(guard, at)) return 0;
    if (at == last) return 1;
  }
}

#endif
