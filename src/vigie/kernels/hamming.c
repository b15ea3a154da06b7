/* SPDX-License-Identifier: Apache-2.0
 *
 * Every 256-bit value within a Hamming distance, exactly: brute force, and a multi-index over sorted rows.
 *
 * - The 256 bits are cut into chunks. Two values within R bits differ by at most r_c bits in some chunk c as soon as
 *   the sum of (r_c + 1) exceeds R (pigeonhole); so it is enough to look, for each chunk, at the rows whose chunk is
 *   within r_c bits of the query's.
 * - A hit is reported from the first chunk that proposes it, so no set of visited rows is needed.
 * - Buckets of a chunk stand in groups of 32: a 32-bit base and 32 one-byte ends (1.125 bytes a bucket); a group
 *   with more than 255 rows has its ends in full in the overflow table.
 * - Masks are sorted by group, so that one group's ends are read once; memory is asked for ahead of its use.
 *
 * Source: Norouzi, Punjani, Fleet: Fast exact search in Hamming space with multi-index hashing (2014).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

enum { GROUP_BITS = 5, GROUP = 1 << GROUP_BITS, AHEAD = 64, WORDS = 4 };
#define OVERFLOW_FLAG 0x80000000u

typedef struct { uint64_t word[WORDS]; } Value;
typedef struct { int64_t query, row, distance; } Hit;
typedef struct { Hit *hits; int64_t count, room; } Hits;

typedef struct {
  int64_t start, width, radius; /* bits from the most significant one; radius -1: not asked */
  int64_t mask_count;
  const uint32_t *masks; /* by group, then within it */
  const uint32_t *ids;   /* rows by bucket; NULL for the first chunk, by which the rows are sorted */
  const uint32_t *bases;
  const uint8_t *ends;
  const uint32_t *overflow; /* rows of GROUP + 1 offsets */
  int64_t overflow_rows;
} Chunk;

static inline Value load(const uint8_t *bytes) {
  Value v;
  memcpy(&v, bytes, sizeof v);
  for (int i = 0; i < WORDS; i++) v.word[i] = __builtin_bswap64(v.word[i]);
  return v;
}

static inline int distance(const uint8_t *one, const uint8_t *other) {
  uint64_t a[WORDS], b[WORDS];
  memcpy(a, one, sizeof a);
  memcpy(b, other, sizeof b);
  int bits = 0;
  for (int i = 0; i < WORDS; i++) bits += __builtin_popcountll(a[i] ^ b[i]);
  return bits;
}

static inline uint32_t key_of(const Value *v, int64_t start, int64_t width) {
  const int64_t word = start >> 6, shift = start & 63;
  uint64_t bits = v->word[word] << shift;
  if (shift && word + 1 < WORDS) bits |= v->word[word + 1] >> (64 - shift);
  return (uint32_t)(bits >> (64 - width));
}

static int push(Hits *hits, int64_t query, int64_t row, int64_t bits) {
  if (hits->count == hits->room) {
    const int64_t room = hits->room ? hits->room * 2 : 256;
    Hit *more = realloc(hits->hits, (size_t)room * sizeof(Hit));
    if (!more) return 0;
    hits->hits = more, hits->room = room;
  }
  hits->hits[hits->count++] = (Hit){query, row, bits};
  return 1;
}

void vigie_free(void *memory) { free(memory); }

/* Compare every query with every row; rows in blocks that stay in the second-level cache. */
int vigie_hamming_brute(const uint8_t *values, int64_t rows, const uint8_t *queries, int64_t query_count,
                        int64_t max_distance, Hits *hits) {
  enum { BLOCK = 8192 };
  for (int64_t from = 0; from < rows; from += BLOCK) {
    const int64_t to = from + BLOCK < rows ? from + BLOCK : rows;
    for (int64_t q = 0; q < query_count; q++) {
      const uint8_t *query = queries + 32 * q;
      for (int64_t row = from; row < to;) {
        uint8_t near[64];
        const int64_t count = to - row < 64 ? to - row : 64;
        int any = 0;
        for (int64_t k = 0; k < count; k++) {
          const int bits = distance(query, values + 32 * (row + k));
          near[k] = bits <= max_distance;
          any |= near[k];
        }
        if (any)
          for (int64_t k = 0; k < count; k++)
            if (near[k] && !push(hits, q, row + k, distance(query, values + 32 * (row + k)))) return NO_MEMORY;
        row += count;
      }
    }
  }
  return 0;
}

/* The keys of the next rows, so that memory can be asked for before it is needed. */
static int keys_ahead(const uint8_t *values, int64_t rows, int64_t row, int64_t start, int64_t width, uint32_t *keys) {
  const int count = rows - row < AHEAD ? (int)(rows - row) : AHEAD;
  for (int k = 0; k < count; k++) {
    const Value v = load(values + 32 * (row + k));
    keys[k] = key_of(&v, start, width);
  }
  return count;
}

/* One chunk's buckets: rows by key, their groups' bases and ends. `offsets` is scratch of 2^width + 1 entries.
 * Returns the number of overflowing groups; writes at most `overflow_room` of them (call again with more room). */
int64_t vigie_hamming_chunk(const uint8_t *values, int64_t rows, int64_t start, int64_t width, uint32_t *offsets,
                            uint32_t *ids, uint32_t *bases, uint8_t *ends, uint32_t *overflow,
                            int64_t overflow_room) {
  const int64_t buckets = (int64_t)1 << width;
  memset(offsets, 0, (size_t)(buckets + 1) * sizeof *offsets);
  uint32_t keys[AHEAD];
  for (int64_t row = 0; row < rows; row += AHEAD) {
    const int count = keys_ahead(values, rows, row, start, width, keys);
    for (int k = 0; k < count; k++) __builtin_prefetch(offsets + keys[k] + 1, 1);
    for (int k = 0; k < count; k++) offsets[keys[k] + 1]++;
  }
  for (int64_t b = 0; b < buckets; b++) offsets[b + 1] += offsets[b];
  int64_t overflows = 0;
  for (int64_t g = 0; g < buckets / GROUP; g++) {
    const uint32_t *at = offsets + g * GROUP;
    if (at[GROUP] - at[0] <= 255) {
      bases[g] = at[0];
      for (int k = 0; k < GROUP; k++) ends[g * GROUP + k] = (uint8_t)(at[k + 1] - at[0]);
      continue;
    }
    bases[g] = OVERFLOW_FLAG | (uint32_t)overflows;
    memset(ends + g * GROUP, 0, GROUP);
    if (overflows < overflow_room) memcpy(overflow + overflows * (GROUP + 1), at, (GROUP + 1) * sizeof *at);
    overflows++;
  }
  if (ids)
    for (int64_t row = 0; row < rows; row += AHEAD) {
      const int count = keys_ahead(values, rows, row, start, width, keys);
      for (int k = 0; k < count; k++) __builtin_prefetch(offsets + keys[k], 1);
      for (int k = 0; k < count; k++) __builtin_prefetch(ids + offsets[keys[k]], 1);
      for (int k = 0; k < count; k++) ids[offsets[keys[k]]++] = (uint32_t)(row + k);
    }
  return overflows;
}

typedef struct {
  const uint8_t *values;
  int64_t rows;
  Chunk *chunks;
  int64_t chunk_count, max_distance;
  Guard *guard;
  Hits *hits;
} Search;

enum { BATCH = 1024 };
typedef struct { uint32_t first, last; } Range;
typedef struct { uint32_t rows[BATCH]; int count; } Candidates;

static int proposed_before(const Search *s, const Value *query, const uint8_t *row, int64_t chunk) {
  const Value other = load(row);
  for (int64_t c = 0; c < chunk; c++) {
    const Chunk *before = &s->chunks[c];
    if (before->radius < 0) continue;
    const uint32_t differ = key_of(query, before->start, before->width) ^ key_of(&other, before->start, before->width);
    if (__builtin_popcount(differ) <= before->radius) return 1;
  }
  return 0;
}

static int compare_candidates(Search *s, const uint8_t *bytes, const Value *query, int64_t number, int64_t chunk,
                              Candidates *found) {
  for (int i = 0; i < found->count; i++) {
    const uint8_t *row = s->values + 32 * (int64_t)found->rows[i];
    if (!guard_ok(s->guard, row)) return DAMAGED;
    const int bits = distance(bytes, row);
    if (bits > s->max_distance || proposed_before(s, query, row, chunk)) continue;
    if (!push(s->hits, number, found->rows[i], bits)) return NO_MEMORY;
  }
  found->count = 0;
  return 0;
}

/* Turn ranges of buckets into rows, and ask for the rows' values ahead. */
static int take_ranges(Search *s, const uint8_t *bytes, const Value *query, int64_t number, int64_t chunk,
                       const Range *ranges, int count, Candidates *found) {
  const Chunk *c = &s->chunks[chunk];
  for (int i = 0; i < count; i++) {
    if (ranges[i].last > s->rows || ranges[i].first > ranges[i].last) return DAMAGED;
    if (c->ids && !guard_range_ok(s->guard, c->ids + ranges[i].first, 4 * (int64_t)(ranges[i].last - ranges[i].first)))
      return DAMAGED;
    for (uint32_t at = ranges[i].first; at < ranges[i].last; at++) {
      const uint32_t row = c->ids ? c->ids[at] : at;
      if (row >= s->rows) return DAMAGED;
      __builtin_prefetch(s->values + 32 * (int64_t)row);
      found->rows[found->count++] = row;
      if (found->count == BATCH) {
        const int failed = compare_candidates(s, bytes, query, number, chunk, found);
        if (failed) return failed;
      }
    }
  }
  return 0;
}

static void ask_for_groups(const Chunk *c, uint32_t key) {
  uint32_t last = UINT32_MAX;
  for (int64_t m = 0; m < c->mask_count; m++) {
    const uint32_t group = (key ^ c->masks[m]) >> GROUP_BITS;
    if (group == last) continue;
    last = group;
    __builtin_prefetch(c->bases + group);
    __builtin_prefetch(c->ends + (int64_t)group * GROUP);
  }
}

static int search_chunk(Search *s, const uint8_t *bytes, const Value *query, int64_t number, int64_t chunk,
                        Candidates *found) {
  const Chunk *c = &s->chunks[chunk];
  const uint32_t key = key_of(query, c->start, c->width);
  Range ranges[BATCH];
  int count = 0, failed;
  uint32_t last = UINT32_MAX, base = 0;
  const uint32_t *full = NULL;
  for (int64_t m = 0; m < c->mask_count; m++) {
    const uint32_t bucket = key ^ c->masks[m], group = bucket >> GROUP_BITS, within = bucket & (GROUP - 1);
    const uint8_t *ends = c->ends + (int64_t)group * GROUP;
    if (group != last) {
      last = group;
      if (!guard_ok(s->guard, c->bases + group) || !guard_ok(s->guard, ends)) return DAMAGED;
      base = c->bases[group];
      full = NULL;
      if (base & OVERFLOW_FLAG) {
        const int64_t row = base & ~OVERFLOW_FLAG;
        if (row >= c->overflow_rows) return DAMAGED;
        full = c->overflow + row * (GROUP + 1);
        if (!guard_range_ok(s->guard, full, 4 * (GROUP + 1))) return DAMAGED;
      }
    }
    const uint32_t from = full ? full[within] : base + (within ? ends[within - 1] : 0);
    const uint32_t to = full ? full[within + 1] : base + ends[within];
    if (from == to) continue;
    if (c->ids) __builtin_prefetch(c->ids + from);
    ranges[count++] = (Range){from, to};
    if (count == BATCH) {
      if ((failed = take_ranges(s, bytes, query, number, chunk, ranges, count, found))) return failed;
      count = 0;
    }
  }
  if ((failed = take_ranges(s, bytes, query, number, chunk, ranges, count, found))) return failed;
  return compare_candidates(s, bytes, query, number, chunk, found);
}

/* All rows within max_distance of each query; the chunks' radii must keep the pigeonhole (the caller's duty). */
int vigie_hamming_search(const uint8_t *values, int64_t rows, Chunk *chunks, int64_t chunk_count,
                         const uint8_t *queries, int64_t query_count, int64_t max_distance, Guard *guard,
                         Hits *hits) {
  Search s = {values, rows, chunks, chunk_count, max_distance, guard, hits};
  Candidates found = {.count = 0};
  for (int64_t q = 0; q < query_count; q++) {
    const uint8_t *bytes = queries + 32 * q;
    const Value query = load(bytes);
    ask_for_groups(&chunks[0], key_of(&query, chunks[0].start, chunks[0].width));
    for (int64_t c = 0; c < chunk_count; c++) {
      if (c + 1 < chunk_count)
        ask_for_groups(&chunks[c + 1], key_of(&query, chunks[c + 1].start, chunks[c + 1].width));
      if (chunks[c].radius < 0) continue;
      const int failed = search_chunk(&s, bytes, &query, q, c, &found);
      if (failed) return failed;
    }
  }
  return 0;
}
