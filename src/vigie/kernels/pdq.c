/* SPDX-License-Identifier: Apache-2.0
 *
 * PDQ of one luma plane, and of the seven pictures of which it may be a turned copy.
 *
 * - `vigie_pdq_*` gives the very bits of the C++ reference: the same float additions in the same order (a running
 *   sum is never re-associated, a division is never a multiplication by an inverse, nothing is fused).
 * - The turned values are those of the plane turned back, but for rounding. The reference derives them from the signs
 *   of one transform; its filter is not symmetric, so that shortcut costs up to 50 bits on small textures (ADR-0014).
 * - It streams: a ring of rows, not copies of the plane; the second pass along the rows is kept only at the 64
 *   sampled columns.
 * - `vigie_pdq_reduced_u8` takes a plane that the JPEG decoder reduced by eighths, and applies the reference's own
 *   filter and sampling positions of the full-size plane to it, as one sparse product per axis.
 *
 * Source: PDQ specification (2017), and the behaviour of the reference implementation of the same name.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 64, BAND = 16, BITS = 256, LANES = 8, TURNS = 8, MIN_SIDE = 5 };

typedef struct { const void *pixels; int64_t stride; int is_float; } Plane;

static int64_t window_of(int64_t length) { return (length + 2 * SIDE - 1) / (2 * SIDE); }
static int64_t ahead_of(int64_t window) { return (window + 2) / 2; } /* pixels from the output position on */
static int64_t sample_at(int64_t index, int64_t length) { return (int64_t)(((index + 0.5) * length) / SIDE); }

/* How many pixels the window of each output position holds; less at both ends. */
static void counts_of(float *counts, int64_t length, int64_t window) {
  const int64_t ahead = ahead_of(window), behind = window - ahead;
  for (int64_t o = 0; o < length; o++) {
    int64_t first = o - behind, last = o + ahead - 1;
    if (first < 0) first = 0;
    if (last > length - 1) last = length - 1;
    counts[o] = (float)(last - first + 1);
  }
}

static void load_row(const Plane *plane, int64_t row, int64_t width, float *to) {
  if (plane->is_float) {
    memcpy(to, (const float *)plane->pixels + row * plane->stride, (size_t)width * sizeof(float));
    return;
  }
  const uint8_t *from = (const uint8_t *)plane->pixels + row * plane->stride;
  for (int64_t x = 0; x < width; x++) to[x] = from[x];
}

/* Running sums along LANES rows at once: eight independent chains hide the latency of one addition. Rows are padded
 * with zeros, and adding or subtracting zero changes nothing, so the ends need no cases. */
static void sum_rows(float *const rows[LANES], float *const sums[LANES], int64_t width, int64_t window) {
  const int64_t ahead = ahead_of(window), left = window - ahead + 1;
  float sum[LANES] = {0};
  for (int k = 0; k < LANES; k++)
    for (int64_t x = 0; x < ahead - 1; x++) sum[k] += rows[k][x];
  for (int64_t o = 0; o < width; o++) {
    const int64_t add = o + ahead - 1, drop = o - left;
#pragma clang loop unroll(full)
    for (int k = 0; k < LANES; k++) {
      sum[k] += rows[k][add];
      sum[k] -= rows[k][drop];
      sums[k][o] = sum[k];
    }
  }
}

/* The same, keeping only what stands at the sampled columns; `to` holds SIDE floats a row. */
static void sum_rows_sampled(float *const rows[LANES], float *to, int lanes, int64_t width, int64_t window,
                             const int64_t *samples, const float *counts) {
  const int64_t ahead = ahead_of(window), left = window - ahead + 1;
  float sum[LANES] = {0};
  (void)width;
  for (int k = 0; k < LANES; k++)
    for (int64_t x = 0; x < ahead - 1; x++) sum[k] += rows[k][x];
  int64_t o = 0;
  for (int s = 0; s < SIDE; s++) {
    for (; o <= samples[s]; o++) {
      const int64_t add = o + ahead - 1, drop = o - left;
#pragma clang loop unroll(full)
      for (int k = 0; k < LANES; k++) {
        sum[k] += rows[k][add];
        sum[k] -= rows[k][drop];
      }
    }
    for (int k = 0; k < lanes; k++) to[k * SIDE + s] = sum[k] / counts[samples[s]];
  }
}

typedef struct {
  int64_t height, width, window_x, window_y, pad, pitch, ring_rows;
  int64_t samples_x[SIDE], samples_y[SIDE];
  float *counts_x, *counts_y, *ring, *group, *column_sums, *sampled, *block;
} Work;

static int work_open(Work *w, int64_t height, int64_t width) {
  w->height = height;
  w->width = width;
  w->window_x = window_of(width);
  w->window_y = window_of(height);
  w->pad = w->window_x + 2;
  w->pitch = width + 2 * w->pad;
  w->ring_rows = w->window_y + 2 * LANES;
  for (int64_t i = 0; i < SIDE; i++) {
    w->samples_x[i] = sample_at(i, width);
    w->samples_y[i] = sample_at(i, height);
  }
  const int64_t floats = width + height + w->ring_rows * w->pitch + 2 * LANES * w->pitch + w->pitch +
                         (height + LANES) * SIDE;
  w->block = calloc((size_t)floats, sizeof(float));
  if (!w->block) return 0;
  float *next = w->block;
  w->counts_x = next, next += width;
  w->counts_y = next, next += height;
  w->ring = next, next += w->ring_rows * w->pitch;
  w->group = next, next += 2 * LANES * w->pitch;
  w->column_sums = next, next += w->pitch;
  w->sampled = next;
  counts_of(w->counts_x, width, w->window_x);
  counts_of(w->counts_y, height, w->window_y);
  return 1;
}

static float *ring_row(const Work *w, int64_t row) { return w->ring + (row % w->ring_rows) * w->pitch + w->pad; }

/* First pass along the rows: LANES rows of the plane, from `first` on, into the ring. */
static void fill_ring(const Work *w, const Plane *plane, int64_t first) {
  float *in[LANES], *out[LANES];
  for (int k = 0; k < LANES; k++) {
    in[k] = w->group + k * w->pitch + w->pad;
    out[k] = ring_row(w, first + k);
    if (first + k < w->height) load_row(plane, first + k, w->width, in[k]);
  }
  sum_rows(in, out, w->width, w->window_x);
  for (int k = 0; k < LANES; k++)
    for (int64_t x = 0; x < w->width; x++) out[k][x] = out[k][x] / w->counts_x[x];
}

/* Both passes along the rows and the first along the columns: `sampled` gets height rows of SIDE floats. */
static void filter_to_columns(Work *w, const Plane *plane) {
  const int64_t ahead = ahead_of(w->window_y), left = w->window_y - ahead + 1;
  float *sums = w->column_sums, *waiting[LANES];
  int64_t filled = 0;
  for (int k = 0; k < LANES; k++) waiting[k] = w->group + (LANES + k) * w->pitch + w->pad;
  for (int64_t row = 0; row < w->height + ahead - 1; row++) {
    const int64_t o = row - (ahead - 1), drop = o - left;
    if (row < w->height) {
      if (row == filled) fill_ring(w, plane, filled), filled += LANES;
      const float *add_row = ring_row(w, row);
      for (int64_t x = 0; x < w->width; x++) sums[x] += add_row[x];
    }
    if (o < 0) continue;
    if (drop >= 0) {
      const float *drop_row = ring_row(w, drop);
      for (int64_t x = 0; x < w->width; x++) sums[x] -= drop_row[x];
    }
    const float count = w->counts_y[o];
    float *out = waiting[o % LANES];
    for (int64_t x = 0; x < w->width; x++) out[x] = sums[x] / count;
    const int lanes = (int)(o % LANES) + 1;
    if (lanes == LANES || o == w->height - 1)
      sum_rows_sampled(waiting, w->sampled + (o - lanes + 1) * SIDE, lanes, w->width, w->window_x, w->samples_x,
                       w->counts_x);
  }
}

/* Second pass along the columns, at the sampled columns, kept at the sampled rows. */
static void filter_columns_sampled(const Work *w, float small[SIDE][SIDE]) {
  const int64_t ahead = ahead_of(w->window_y), left = w->window_y - ahead + 1;
  float sums[SIDE] = {0};
  int next = 0;
  for (int64_t row = 0; row < ahead - 1; row++)
    for (int x = 0; x < SIDE; x++) sums[x] += w->sampled[row * SIDE + x];
  for (int64_t o = 0; o < w->height && next < SIDE; o++) {
    const int64_t add = o + ahead - 1, drop = o - left;
    if (add < w->height)
      for (int x = 0; x < SIDE; x++) sums[x] += w->sampled[add * SIDE + x];
    if (drop >= 0)
      for (int x = 0; x < SIDE; x++) sums[x] -= w->sampled[drop * SIDE + x];
    for (; next < SIDE && w->samples_y[next] == o; next++)
      for (int x = 0; x < SIDE; x++) small[next][x] = sums[x] / w->counts_y[o];
  }
}

static int quality_of(float small[SIDE][SIDE]) {
  int sum = 0;
  for (int i = 0; i < SIDE - 1; i++)
    for (int j = 0; j < SIDE; j++) sum += abs((int)(((small[i][j] - small[i + 1][j]) * 100) / 255));
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE - 1; j++) sum += abs((int)(((small[i][j] - small[i][j + 1]) * 100) / 255));
  sum /= 90;
  return sum > 100 ? 100 : sum;
}

/* Made by whichever thread comes first; a second one meanwhile writes the same numbers. */
static const float (*cosines(void))[SIDE] {
  static float matrix[BAND][SIDE];
  static _Atomic int made;
  if (!atomic_load_explicit(&made, memory_order_acquire)) {
    const float scale = (float)sqrt(2.0 / SIDE);
    for (int i = 0; i < BAND; i++)
      for (int j = 0; j < SIDE; j++)
        matrix[i][j] = (float)(scale * cos((3.14159265358979323846 / 2.0 / SIDE) * (i + 1) * (2 * j + 1)));
    atomic_store_explicit(&made, 1, memory_order_release);
  }
  return matrix;
}

/* Low frequencies 1 to 16 of both axes; each sum runs over k upwards, as in the reference. */
static void transform(float small[SIDE][SIDE], float out[BAND][BAND]) {
  const float(*matrix)[SIDE] = cosines();
  float half[BAND][SIDE];
  for (int i = 0; i < BAND; i++) {
    float sum[SIDE] = {0};
    for (int k = 0; k < SIDE; k++)
      for (int j = 0; j < SIDE; j++) sum[j] += matrix[i][k] * small[k][j];
    memcpy(half[i], sum, sizeof sum);
  }
  for (int i = 0; i < BAND; i++) {
    float sum[BAND] = {0};
    for (int k = 0; k < SIDE; k++)
      for (int j = 0; j < BAND; j++) sum[j] += half[i][k] * matrix[j][k];
    memcpy(out[i], sum, sizeof sum);
  }
}

/* The 128th smallest of 256: what the reference's median search returns. */
static float lower_median(const float *from) {
  float values[BITS];
  memcpy(values, from, sizeof values);
  int low = 0, high = BITS - 1;
  const int wanted = BITS / 2 - 1;
  while (low < high) {
    const float pivot = values[(low + high) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (pivot < values[j]) j--;
      if (i <= j) {
        const float swap = values[i];
        values[i++] = values[j], values[j--] = swap;
      }
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return values[wanted];
}

static void to_bits(float values[BAND][BAND], uint8_t out[BITS / 8]) {
  const float median = lower_median(&values[0][0]);
  memset(out, 0, BITS / 8);
  for (int k = 0; k < BITS; k++)
    if ((&values[0][0])[k] > median) out[BITS / 8 - 1 - k / 8] |= (uint8_t)(1u << (k % 8));
}

typedef struct { int64_t first[SIDE], taps; float *weights; } Axis;

static int axis_open(Axis *axis, int64_t full, int64_t reduced, int64_t eighths, int mirrored);

/* Weigh rows of the plane into one line, `line` floats wide. */
static void weigh_rows(const Plane *plane, const Axis *y, int row, int64_t width, float *line) {
  memset(line, 0, (size_t)width * sizeof *line);
  for (int64_t tap = 0; tap < y->taps; tap++) {
    const float weight = y->weights[row * y->taps + tap];
    if (weight == 0.0f) continue;
    const int64_t start = (y->first[row] + tap) * plane->stride;
    if (plane->is_float) {
      const float *from = (const float *)plane->pixels + start;
      for (int64_t c = 0; c < width; c++) line[c] += weight * from[c];
    } else {
      const uint8_t *from = (const uint8_t *)plane->pixels + start;
      for (int64_t c = 0; c < width; c++) line[c] += weight * from[c];
    }
  }
}

/* The reference's filter and sampling as one sparse product an axis, for the plane and its three mirror images:
 * small[rows mirrored][columns mirrored]. */
static int sample_mirrored(const Plane *plane, int64_t height, int64_t width, int64_t full_height, int64_t full_width,
                           int64_t eighths, float small[2][2][SIDE][SIDE]) {
  Axis y[2], x[2];
  memset(y, 0, sizeof y), memset(x, 0, sizeof x);
  float *line = malloc((size_t)width * sizeof *line);
  int held = line != NULL;
  for (int m = 0; m < 2; m++)
    held = held && axis_open(&y[m], full_height, height, eighths, m) && axis_open(&x[m], full_width, width, eighths, m);
  for (int my = 0; held && my < 2; my++)
    for (int i = 0; i < SIDE; i++) {
      weigh_rows(plane, &y[my], i, width, line);
      for (int mx = 0; mx < 2; mx++)
        for (int j = 0; j < SIDE; j++) {
          const float *weights = x[mx].weights + j * x[mx].taps, *from = line + x[mx].first[j];
          float sum = 0;
          for (int64_t tap = 0; tap < x[mx].taps; tap++) sum += weights[tap] * from[tap];
          small[my][mx][i][j] = sum;
        }
    }
  for (int m = 0; m < 2; m++) free(y[m].weights), free(x[m].weights);
  free(line);
  return held;
}

/* Rows from `first_turn` on, in the order of values.Turn: each is the value of the picture that this plane is a turned
 * copy of, that is, of the plane mirrored as the turn says and then, for a quarter turn, with its axes swapped. */
static void turns_of(float small[2][2][SIDE][SIDE], int first_turn, uint8_t *out) {
  static const struct { uint8_t swap, rows, columns; } turn[TURNS] = {
      {0, 0, 0}, {1, 0, 1}, {0, 1, 1}, {1, 1, 0}, {0, 0, 1}, {1, 1, 1}, {0, 1, 0}, {1, 0, 0}};
  float band[2][2][BAND][BAND];
  for (int my = 0; my < 2; my++)
    for (int mx = 0; mx < 2; mx++) transform(small[my][mx], band[my][mx]);
  for (int t = first_turn; t < TURNS; t++) {
    float turned[BAND][BAND];
    for (int i = 0; i < BAND; i++)
      for (int j = 0; j < BAND; j++) {
        const float value = band[turn[t].rows][turn[t].columns][i][j];
        if (turn[t].swap) turned[j][i] = value;
        else turned[i][j] = value;
      }
    to_bits(turned, out + t * (BITS / 8));
  }
}

/* The plane's own value, bit for bit the reference's. */
static int finish(float small[SIDE][SIDE], uint8_t *out) {
  float band[BAND][BAND];
  transform(small, band);
  to_bits(band, out);
  return quality_of(small);
}

static int exact(const Plane *plane, int64_t height, int64_t width, uint8_t *out) {
  float small[SIDE][SIDE];
  if (height == SIDE && width == SIDE) {
    for (int i = 0; i < SIDE; i++) load_row(plane, i, SIDE, small[i]);
    return finish(small, out);
  }
  Work work;
  if (!work_open(&work, height, width)) return -1;
  filter_to_columns(&work, plane);
  filter_columns_sampled(&work, small);
  free(work.block);
  return finish(small, out);
}

static int pdq(const Plane *plane, int64_t height, int64_t width, uint8_t *out) {
  float small[2][2][SIDE][SIDE];
  memset(out, 0, TURNS * BITS / 8);
  if (height < MIN_SIDE || width < MIN_SIDE) return 0;
  const int quality = exact(plane, height, width, out);
  if (quality < 0 || !sample_mirrored(plane, height, width, height, width, 8, small)) return -1;
  turns_of(small, 1, out);
  return quality;
}

/* Quality 0 to 100, or -1 without memory. `out`: eight values of 32 bytes. `stride` in elements. */
int vigie_pdq_u8(const uint8_t *plane, int64_t height, int64_t width, int64_t stride, uint8_t *out) {
  const Plane p = {plane, stride, 0};
  return pdq(&p, height, width, out);
}

int vigie_pdq_f32(const float *plane, int64_t height, int64_t width, int64_t stride, uint8_t *out) {
  const Plane p = {plane, stride, 1};
  return pdq(&p, height, width, out);
}

/* One axis of the reference's filter on a reduced plane: for each of the SIDE outputs, the weight of `taps` reduced
 * pixels from `first` on. A reduced pixel stands for 8/eighths full pixels, all of its value. Mirrored, the axis is
 * that of the plane seen from its other end. */
static int axis_open(Axis *axis, int64_t full, int64_t reduced, int64_t eighths, int mirrored) {
  const int64_t window = window_of(full), ahead = ahead_of(window), behind = window - ahead;
  const double step = eighths / 8.0;
  axis->taps = (int64_t)((2 * window + 1) * step) + 3;
  if (axis->taps > reduced) axis->taps = reduced;
  axis->weights = calloc((size_t)(SIDE * axis->taps), sizeof(float));
  double *fine = calloc((size_t)(2 * window + 4), sizeof(double));
  if (!axis->weights || !fine) { free(fine); return 0; }
  for (int64_t s = 0; s < SIDE; s++) {
    const int64_t centre = sample_at(s, full), base = centre - 2 * behind;
    memset(fine, 0, (size_t)(2 * window + 4) * sizeof(double));
    int64_t from = centre - behind, to = centre + ahead - 1;
    if (from < 0) from = 0;
    if (to > full - 1) to = full - 1;
    for (int64_t q = from; q <= to; q++) {
      int64_t a = q - behind, b = q + ahead - 1;
      if (a < 0) a = 0;
      if (b > full - 1) b = full - 1;
      const double weight = 1.0 / ((double)(to - from + 1) * (double)(b - a + 1));
      fine[a - base] += weight, fine[b + 1 - base] -= weight;
    }
    for (int64_t i = 1; i < 2 * window + 1; i++) fine[i] += fine[i - 1];
    const int64_t begins = mirrored ? full - 1 - (base + 2 * window) : base;
    int64_t first = (int64_t)((begins < 0 ? 0 : begins) * step);
    if (first > reduced - axis->taps) first = reduced - axis->taps;
    axis->first[s] = first;
    for (int64_t i = 0; i < 2 * window + 1; i++) {
      const int64_t x = mirrored ? full - 1 - (base + i) : base + i;
      if (fine[i] == 0.0 || x < 0 || x >= full) continue;
      const double begin = x * step, end = (x + 1) * step;
      int64_t k = (int64_t)begin, last = (int64_t)end;
      for (; k <= last; k++) {
        const double share = fmin(end, k + 1.0) - fmax(begin, (double)k);
        if (share <= 1e-12) continue;
        int64_t tap = (k < reduced ? k : reduced - 1) - first;
        if (tap >= 0 && tap < axis->taps) axis->weights[s * axis->taps + tap] += (float)(fine[i] * share / step);
      }
    }
  }
  free(fine);
  return 1;
}

int vigie_pdq_reduced_u8(const uint8_t *plane, int64_t height, int64_t width, int64_t stride, int64_t full_height,
                         int64_t full_width, int64_t eighths, uint8_t *out) {
  const Plane p = {plane, stride, 0};
  float small[2][2][SIDE][SIDE];
  memset(out, 0, TURNS * BITS / 8);
  if (full_height < MIN_SIDE || full_width < MIN_SIDE || height < 1 || width < 1) return 0;
  if (!sample_mirrored(&p, height, width, full_height, full_width, eighths, small)) return -1;
  turns_of(small, 0, out);
  return quality_of(small[0][0]);
}
