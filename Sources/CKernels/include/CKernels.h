#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

// The arithmetic that has to be fast, in float32. kernels.inc.h is the one implementation; it is compiled once for each
// instruction set, and the best that this processor has is chosen at run time.
//
// Matrices are row-major and dense, sizes are counts of elements, buffers need no alignment and do not overlap unless it
// says so. Every result depends on its own inputs alone, by a fixed order of operations: an element's bits are the same
// wherever it stands in a vector and however many rows are computed with it. Nothing here allocates or fails.

typedef enum {
    ck_tanh = 0,  // tanh x
    ck_gelu = 1,  // x (1 + erf(x / sqrt 2)) / 2
    ck_silu = 2,  // x / (1 + e^-x)
} ck_activation;

// One layer of a network over a tile, fused with what is made of its result:
//
//     y = act(a b + row + sum 0) + sum 1          then for each sum u >= 2          z = factor y + the rest of sum u
//
// A tile holds [m, n], m <= rows, as ceil(n / panel) panels of [rows, panel], padded with zeros; tiles are named by where
// they begin in one memory. A sum is counts[u] terms, factors[t] times the tile at offsets[t], all sums one after the
// other; of u >= 2 the first term is y itself, and its offset says where z goes. y and z may be terms of their own sums,
// but not the input.
typedef struct {
    size_t rows;           // rows a panel has room for
    size_t outputs;        // n
    size_t inputs;         // k, a multiple of the panel; 0 leaves the product out
    size_t input, output;  // offsets of a and y
    const float *packed;   // b, at the first of the inputs
    size_t stride;         // from one panel of b to the next
    const float *row;      // [n], up to a whole panel
    int activation;        // ck_activation, or -1 for none
    size_t sums;           // at least 2
    const size_t *counts;
    const size_t *offsets;
    const float *factors;
} ck_layer;

// One instruction set's kernels.
typedef struct {
    const char *name;

    // Columns to a panel: packed matrices hold ceil(n / panel) panels of [k, panel], the last one padded with zeros.
    size_t panel;

    // Packs b, [k, n] or [n, k] if transposed, into ceil(n / panel) * panel * k floats.
    void (*pack)(size_t n, size_t k, const float *b, int transposed, float *packed);

    // c[m, n] (+)= a b, where a[i, p] is a[i * row_stride + p * column_stride] and b is packed. Sums run over p in
    // ascending order in blocks of a fixed length.
    void (*multiply)(size_t m, size_t n, size_t k, const float *a, size_t row_stride, size_t column_stride,
                     const float *packed, float *c, int accumulating);

    // x = act(x); the error is below 5e-7 max(1, |x|).
    void (*activate)(ck_activation activation, float *x, size_t count);

    // gradient *= act'(preactivation)
    void (*backpropagate)(ck_activation activation, const float *preactivation, float *gradient, size_t count);

    // x = e^(x - shift); returns the sum. The relative error of an element is below 3e-7.
    double (*exponentiate)(float *x, float shift, size_t count);

    // y = base + sum of factors[j] * x[j] over j < terms; y may be base or any x[j].
    void (*combine)(const float *base, size_t terms, const float *factors, const float *const *x, float *y,
                    size_t count);

    // y[i, :] += row for each of m rows of n.
    void (*add_row)(const float *row, size_t m, size_t n, float *y);

    // Sum of x[i] * y[i], in double precision.
    double (*dot)(const float *x, const float *y, size_t count);

    // Multiplies and adds on registers alone, `rounds` times over, as fast as this instruction set can: the limit that all
    // of the above is measured against. Returns the floating-point operations done, two to a multiply-add; *sink receives
    // a number that needs every one of them.
    double (*spin)(size_t rounds, float *sink);

    // A layer over m rows of a tile.
    void (*layer)(const ck_layer *layer, size_t m, float *memory);

    // Between `count` numbers in a row and a row of a tile, whose panels are `stride` numbers apart:
    // tile = factor * x, padded with zeros; x = factor * tile; tile *= factor; the sum of squares, in double precision.
    void (*spread)(const float *x, float factor, size_t count, float *tile, size_t stride);
    void (*gather)(const float *tile, size_t stride, float factor, size_t count, float *x);
    void (*tile_scale)(float *tile, size_t stride, float factor, size_t count);
    double (*tile_squares)(const float *tile, size_t stride, size_t count);

    // The `kept` largest of `count` logits, a row of a tile, best first and equal ones in order, and their shares
    // e^(factor x) / sum of e^(factor x) over all. None is NaN, 1 <= kept <= count.
    void (*classify)(const float *tile, size_t stride, size_t count, float factor, size_t kept, int32_t *classes,
                     float *scores);
} ck_kernels;

// The best kernels this processor can run.
const ck_kernels *ck_best(void);

// All variants compiled in, for tests: NULL where the processor lacks the instructions.
enum { ck_variants = 3 };
const ck_kernels *ck_variant(int index);

// float16 and bfloat16 bits to float32, exactly; NaN payloads and subnormal numbers are kept.
void ck_widen_f16(const uint16_t *from, float *to, size_t count);
void ck_widen_bf16(const uint16_t *from, float *to, size_t count);

#endif
