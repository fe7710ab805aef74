// The kernels, written once with vectors of CK_WIDTH floats, and included by kernels.c once for each instruction set.
//
// Expects: CK_NAME(x)   the variant's name for x
//          CK_WIDTH     floats in a vector
//          CK_ROWS      rows of a micro-tile; CK_ROWS * 2 sums, 2 vectors of b and one of a should fit the registers
//          CK_FMA       1 if the processor multiplies and adds in one rounding
//
// No function here depends on optimisation to be right; ends of vectors go through a padded copy, so that they take the
// same path as everything else.

typedef float CK_NAME(vf) __attribute__((vector_size(4 * CK_WIDTH)));
typedef int32_t CK_NAME(vi) __attribute__((vector_size(4 * CK_WIDTH)));
typedef float CK_NAME(half) __attribute__((vector_size(2 * CK_WIDTH)));
typedef double CK_NAME(vd) __attribute__((vector_size(4 * CK_WIDTH)));
#define vf CK_NAME(vf)
#define vi CK_NAME(vi)
#define vd CK_NAME(vd)
#define INLINE static inline __attribute__((always_inline))

INLINE vf CK_NAME(load)(const float *p) {
    vf v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
INLINE void CK_NAME(store)(float *p, vf v) { __builtin_memcpy(p, &v, sizeof v); }
INLINE vf CK_NAME(set)(float x) { return x - (vf){0}; }
// a * b + c
INLINE vf CK_NAME(fma)(vf a, vf b, vf c) {
#if CK_FMA
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}
INLINE vf CK_NAME(select)(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
// NaN stays NaN: both comparisons are false then.
INLINE vf CK_NAME(clamp)(vf x, float low, float high) {
    vf a = CK_NAME(set)(low), b = CK_NAME(set)(high);
    x = CK_NAME(select)(x < a, a, x);
    return CK_NAME(select)(x > b, b, x);
}
#define load CK_NAME(load)
#define store CK_NAME(store)
#define set CK_NAME(set)
#define fma CK_NAME(fma)
#define select CK_NAME(select)
#define clamp CK_NAME(clamp)

#define CK_PANEL (2 * CK_WIDTH)
// Cache lines of the next block that one panel's width of terms of a micro-tile brings: as many as it takes for the tiles
// of a 48-row strip to bring the whole block.
#define CK_AHEAD ((CK_PANEL * CK_PANEL / 16 * CK_ROWS + 47) / 48)

// Rows that what follows a product is done for at once.
#define CK_TOGETHER 4

// ---- Functions of a vector

// y within the limit, the sign of x past it.
INLINE vf CK_NAME(saturate)(vf y, vf x, float limit) {
    y = select(x > set(limit), set(1), y);
    return select(x < set(-limit), set(-1), y);
}

// Rational approximation of degree 13/6, odd (the coefficients are those of Eigen's generic tanh). Past the limit tanh is
// within 2.8e-7 of 1.
INLINE vf CK_NAME(tanh)(vf x) {
    const float limit = 7.90531110763549805f;
    vf inner = clamp(x, -limit, limit);
    vf s = inner * inner;
    vf p = set(-2.76076847742355e-16f);
    p = fma(p, s, set(2.00018790482477e-13f));
    p = fma(p, s, set(-8.60467152213735e-11f));
    p = fma(p, s, set(5.12229709037114e-08f));
    p = fma(p, s, set(1.48572235717979e-05f));
    p = fma(p, s, set(6.37261928875436e-04f));
    p = fma(p, s, set(4.89352455891786e-03f));
    vf q = set(1.19825839466702e-06f);
    q = fma(q, s, set(1.18534705686654e-04f));
    q = fma(q, s, set(2.26843463243900e-03f));
    q = fma(q, s, set(4.89352518554385e-03f));
    return CK_NAME(saturate)(inner * p / q, x, limit);
}

// Rational approximation of degree 13/8, odd (coefficients as in Eigen and XLA). Past the limit erf rounds to 1.
INLINE vf CK_NAME(erf)(vf x) {
    const float limit = 4;
    vf inner = clamp(x, -limit, limit);
    vf s = inner * inner;
    vf p = set(-2.72614225801306e-10f);
    p = fma(p, s, set(2.77068142495902e-08f));
    p = fma(p, s, set(-2.10102402082508e-06f));
    p = fma(p, s, set(-5.69250639462346e-05f));
    p = fma(p, s, set(-7.34990630326855e-04f));
    p = fma(p, s, set(-2.95459980854025e-03f));
    p = fma(p, s, set(-1.60960333262415e-02f));
    vf q = set(-1.45660718464996e-05f);
    q = fma(q, s, set(-2.13374055278905e-04f));
    q = fma(q, s, set(-1.68282697438203e-03f));
    q = fma(q, s, set(-7.37332916720468e-03f));
    q = fma(q, s, set(-1.42647390514189e-02f));
    return CK_NAME(saturate)(inner * p / q, x, limit);
}

// e^x = 2^n e^r with |r| <= ln 2 / 2 and a polynomial for e^r (coefficients as in Cephes expf). Results stay within the
// normal numbers.
INLINE vf CK_NAME(exp)(vf x) {
    x = clamp(x, -87.0f, 88.0f);
    // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum.
    vf magic = set(12582912.0f);
    vf sum = fma(x, set(1.44269504088896341f), magic);
    vf n = sum - magic;
    vf r = fma(n, set(-0.693359375f), x);
    r = fma(n, set(2.12194440e-4f), r);
    vf p = set(1.9875691500e-4f);
    p = fma(p, r, set(1.3981999507e-3f));
    p = fma(p, r, set(8.3334519073e-3f));
    p = fma(p, r, set(4.1665795894e-2f));
    p = fma(p, r, set(1.6666665459e-1f));
    p = fma(p, r, set(5.0000001201e-1f));
    p = fma(p * r, r, r) + 1.0f;
    vi exponent = ((vi)sum << 23) + (127 << 23);
    return p * (vf)exponent;
}

INLINE vf CK_NAME(sigmoid)(vf x) { return fma(CK_NAME(tanh)(0.5f * x), set(0.5f), set(0.5f)); }
INLINE vf CK_NAME(gauss)(vf x) { return fma(CK_NAME(erf)(0.70710678118654752f * x), set(0.5f), set(0.5f)); }
INLINE vf CK_NAME(gelu)(vf x) { return x * CK_NAME(gauss)(x); }
INLINE vf CK_NAME(silu)(vf x) { return x * CK_NAME(sigmoid)(x); }

// The slopes: 1 - tanh²; Φ(x) + x φ(x); σ (1 + x (1 - σ)).
INLINE vf CK_NAME(tanh_slope)(vf x) {
    vf y = CK_NAME(tanh)(x);
    return 1.0f - y * y;
}
INLINE vf CK_NAME(gelu_slope)(vf x) {
    vf density = 0.39894228040143268f * CK_NAME(exp)(-0.5f * (x * x));
    return fma(x, density, CK_NAME(gauss)(x));
}
INLINE vf CK_NAME(silu_slope)(vf x) {
    vf y = CK_NAME(sigmoid)(x);
    return y * fma(x, 1.0f - y, set(1.0f));
}

// Runs `result = expression of x` over an array, the end through a padded copy.
#define CK_MAP(array, count, x, expression)                       \
    do {                                                          \
        size_t i_ = 0;                                            \
        for (; i_ + CK_WIDTH <= (count); i_ += CK_WIDTH) {        \
            vf x = load((array) + i_);                            \
            store((array) + i_, (expression));                    \
        }                                                         \
        if (i_ < (count)) {                                       \
            float end_[CK_WIDTH] = {0};                           \
            __builtin_memcpy(end_, (array) + i_, 4 * ((count) - i_)); \
            vf x = load(end_);                                    \
            store(end_, (expression));                            \
            __builtin_memcpy((array) + i_, end_, 4 * ((count) - i_)); \
        }                                                         \
    } while (0)

static void CK_NAME(activate)(ck_activation activation, float *x, size_t count) {
    switch (activation) {
    case ck_tanh: CK_MAP(x, count, v, CK_NAME(tanh)(v)); break;
    case ck_gelu: CK_MAP(x, count, v, CK_NAME(gelu)(v)); break;
    case ck_silu: CK_MAP(x, count, v, CK_NAME(silu)(v)); break;
    }
}

static void CK_NAME(backpropagate)(ck_activation activation, const float *preactivation, float *gradient,
                                   size_t count) {
    for (size_t i = 0; i < count; i += CK_WIDTH) {
        size_t lanes = count - i < CK_WIDTH ? count - i : CK_WIDTH;
        float in[CK_WIDTH] = {0}, out[CK_WIDTH] = {0};
        __builtin_memcpy(in, preactivation + i, 4 * lanes);
        __builtin_memcpy(out, gradient + i, 4 * lanes);
        vf x = load(in), slope = set(0);
        switch (activation) {
        case ck_tanh: slope = CK_NAME(tanh_slope)(x); break;
        case ck_gelu: slope = CK_NAME(gelu_slope)(x); break;
        case ck_silu: slope = CK_NAME(silu_slope)(x); break;
        }
        store(out, load(out) * slope);
        __builtin_memcpy(gradient + i, out, 4 * lanes);
    }
}

// ---- Sums

// A fixed order: the two halves of each vector are added in double precision, then the lanes from first to last.
INLINE vd CK_NAME(add_products)(vd sum, vf x, vf y) {
    CK_NAME(half) a, b, c, d;
    __builtin_memcpy(&a, &x, sizeof a);
    __builtin_memcpy(&b, (char *)&x + sizeof a, sizeof b);
    __builtin_memcpy(&c, &y, sizeof c);
    __builtin_memcpy(&d, (char *)&y + sizeof c, sizeof d);
    sum = sum + __builtin_convertvector(a, vd) * __builtin_convertvector(c, vd);
    return sum + __builtin_convertvector(b, vd) * __builtin_convertvector(d, vd);
}

INLINE double CK_NAME(lanes)(vd sum) {
    double total = 0;
    for (size_t i = 0; i < CK_WIDTH / 2; i++) total += sum[i];
    return total;
}

static double CK_NAME(dot)(const float *x, const float *y, size_t count) {
    vd sum = {0};
    size_t i = 0;
    for (; i + CK_WIDTH <= count; i += CK_WIDTH) sum = CK_NAME(add_products)(sum, load(x + i), load(y + i));
    if (i < count) {
        float a[CK_WIDTH] = {0}, b[CK_WIDTH] = {0};
        __builtin_memcpy(a, x + i, 4 * (count - i));
        __builtin_memcpy(b, y + i, 4 * (count - i));
        sum = CK_NAME(add_products)(sum, load(a), load(b));
    }
    return CK_NAME(lanes)(sum);
}

static double CK_NAME(exponentiate)(float *x, float shift, size_t count) {
    CK_MAP(x, count, v, CK_NAME(exp)(v - shift));
    vd sum = {0};
    size_t i = 0;
    for (; i + CK_WIDTH <= count; i += CK_WIDTH) sum = CK_NAME(add_products)(sum, load(x + i), set(1));
    if (i < count) {
        float end[CK_WIDTH] = {0};
        __builtin_memcpy(end, x + i, 4 * (count - i));
        sum = CK_NAME(add_products)(sum, load(end), set(1));
    }
    return CK_NAME(lanes)(sum);
}

// ---- Linear combinations

static void CK_NAME(combine)(const float *base, size_t terms, const float *factors, const float *const *x, float *y,
                             size_t count) {
    size_t i = 0;
    for (; i + CK_WIDTH <= count; i += CK_WIDTH) {
        vf sum = load(base + i);
        for (size_t j = 0; j < terms; j++) sum = fma(set(factors[j]), load(x[j] + i), sum);
        store(y + i, sum);
    }
    if (i < count) {
        size_t bytes = 4 * (count - i);
        float end[CK_WIDTH] = {0}, term[CK_WIDTH] = {0};
        __builtin_memcpy(end, base + i, bytes);
        vf sum = load(end);
        for (size_t j = 0; j < terms; j++) {
            __builtin_memcpy(term, x[j] + i, bytes);
            sum = fma(set(factors[j]), load(term), sum);
        }
        store(end, sum);
        __builtin_memcpy(y + i, end, bytes);
    }
}

// One rounding an element in any variant, so the compiler may vectorise this as it likes.
static void CK_NAME(add_row)(const float *row, size_t m, size_t n, float *y) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) y[i * n + j] += row[j];
}

// ---- Matrix product


static void CK_NAME(pack)(size_t n, size_t k, const float *b, int transposed, float *packed) {
    size_t row = transposed ? 1 : n, column = transposed ? k : 1;
    for (size_t first = 0; first < n; first += CK_PANEL) {
        size_t columns = n - first < CK_PANEL ? n - first : CK_PANEL;
        for (size_t p = 0; p < k; p++) {
            for (size_t j = 0; j < CK_PANEL; j++)
                *packed++ = j < columns ? b[p * row + (first + j) * column] : 0;
        }
    }
}

// Where the first factor of a product stands: element (i, p) at
//     a[i * row + p / CK_PANEL * block + p % CK_PANEL * column]
// A plain matrix has its two strides and block = CK_PANEL * column; in a tile row is CK_PANEL and column 1.
typedef struct {
    const float *a;
    size_t row, column, block;
} CK_NAME(factor);

// rows x CK_PANEL elements of c over `depth` terms: all sums live in registers once `rows`, a constant at each call, is
// unrolled. Meanwhile `next` is brought nearer, a share at a time: the part of b that will be needed after this one.
INLINE void CK_NAME(tile)(int rows, size_t depth, CK_NAME(factor) from, const float *panel, float *c, size_t stride,
                          size_t columns, int accumulating, const float *next) {
    vf sum[CK_ROWS][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = set(0);

    const float *a = from.a;
    for (size_t p = 0; p < depth; p += CK_PANEL, a += from.block, next += 16 * CK_AHEAD) {
        size_t terms = depth - p < CK_PANEL ? depth - p : CK_PANEL;
#pragma clang loop unroll(full)
        for (int line = 0; line < CK_AHEAD; line++) __builtin_prefetch(next + 16 * line, 0, 2);
#pragma clang loop unroll_count(4)
        for (size_t q = 0; q < terms; q++, panel += CK_PANEL) {
            vf b0 = load(panel), b1 = load(panel + CK_WIDTH);
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
                vf factor = set(a[(size_t)i * from.row + q * from.column]);
                sum[i][0] = fma(factor, b0, sum[i][0]);
                sum[i][1] = fma(factor, b1, sum[i][1]);
            }
        }
    }

    if (columns == CK_PANEL) {
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++, c += stride) {
            store(c, accumulating ? load(c) + sum[i][0] : sum[i][0]);
            store(c + CK_WIDTH, accumulating ? load(c + CK_WIDTH) + sum[i][1] : sum[i][1]);
        }
        return;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++, c += stride) {
        float out[CK_PANEL];
        store(out, sum[i][0]);
        store(out + CK_WIDTH, sum[i][1]);
        for (size_t j = 0; j < columns; j++) c[j] = accumulating ? c[j] + out[j] : out[j];
    }
}

#define CK_CASE(count)                                                                  \
    case count:                                                                         \
        CK_NAME(tile)(count, depth, at, panel, out, stride, columns, accumulating, part); \
        break;

// m rows of one panel of c over `depth` terms.
INLINE void CK_NAME(strip)(size_t m, size_t depth, CK_NAME(factor) from, const float *panel, float *c, size_t stride,
                           size_t columns, int accumulating, const float *next) {
    // Each micro-tile brings its share of the next block.
    size_t share = depth / CK_PANEL * 16 * CK_AHEAD;
    for (size_t i = 0; i < m; i += CK_ROWS) {
        CK_NAME(factor) at = from;
        at.a += i * from.row;
        float *out = c + i * stride;
        const float *part = next + i / CK_ROWS * share;
        switch (m - i < CK_ROWS ? m - i : CK_ROWS) {
            CK_CASE(1)
            CK_CASE(2)
            CK_CASE(3)
            CK_CASE(4)
#if CK_ROWS > 4
            CK_CASE(5)
            CK_CASE(6)
#endif
#if CK_ROWS > 6
            CK_CASE(7)
            CK_CASE(8)
#endif
        }
    }
}
#undef CK_CASE

// Blocks of CK_DEPTH terms keep a panel in the first-level cache, blocks of CK_BAND rows keep a in the second.
enum { CK_NAME(DEPTH) = 256, CK_NAME(BAND) = 96 };

static void CK_NAME(multiply)(size_t m, size_t n, size_t k, const float *a, size_t row_stride, size_t column_stride,
                              const float *packed, float *c, int accumulating) {
    if (k == 0 && !accumulating) __builtin_memset(c, 0, 4 * m * n);
    for (size_t first = 0; first < k; first += CK_NAME(DEPTH)) {
        size_t depth = k - first < CK_NAME(DEPTH) ? k - first : CK_NAME(DEPTH);
        for (size_t band = 0; band < m; band += CK_NAME(BAND)) {
            size_t rows = m - band < CK_NAME(BAND) ? m - band : CK_NAME(BAND);
            for (size_t j = 0; j < n; j += CK_PANEL) {
                const float *panel = packed + j * k + first * CK_PANEL;
                size_t columns = n - j < CK_PANEL ? n - j : CK_PANEL;
                CK_NAME(factor) from = {a + band * row_stride + first * column_stride, row_stride, column_stride,
                                        CK_PANEL * column_stride};
                CK_NAME(strip)(rows, depth, from, panel, c + band * n + j, n, columns, accumulating || first > 0,
                               panel + depth * CK_PANEL);
            }
        }
    }
}

// ---- The limit

// Twelve sums that do not wait for each other: more than two units of four cycles' latency can have under way, and few
// enough to stay in sixteen registers beside the factors.
static double CK_NAME(spin)(size_t rounds, float *sink) {
    enum { sums = 12 };
    // Read from memory, so that nothing is known beforehand; the sums tend to 1.
    volatile float start = 0.5f;
    vf factor = set(start), term = set(start), sum[sums];
#pragma clang loop unroll(full)
    for (int i = 0; i < sums; i++) sum[i] = set(start + (float)i);
    for (size_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < sums; i++) sum[i] = fma(sum[i], factor, term);
    }
#pragma clang loop unroll(full)
    for (int i = 1; i < sums; i++) sum[0] = sum[0] + sum[i];
    *sink = sum[0][0];
    return 2.0 * sums * CK_WIDTH * (double)rounds;
}

// ---- A layer over a tile

// The terms of one sum, and where the next sum's begin.
typedef struct {
    size_t count;
    const float *factors;
    const size_t *offsets;
} CK_NAME(sum);

// `rows` rows of a panel stand one after the other, so they are 2 * rows vectors in a row; a constant at each call, to be
// unrolled: several rows at a time keep more sums under way than there is latency to wait for.
INLINE void CK_NAME(add_terms)(int rows, CK_NAME(sum) sum, const float *memory, size_t place, vf *v) {
    for (size_t t = 0; t < sum.count; t++) {
        const float *x = memory + sum.offsets[t] + place;
        vf factor = set(sum.factors[t]);
#pragma clang loop unroll(full)
        for (int i = 0; i < 2 * rows; i++) v[i] = fma(factor, load(x + i * CK_WIDTH), v[i]);
    }
}

// What follows the product, for some rows of one panel at `place`.
INLINE void CK_NAME(finish_rows)(int rows, const ck_layer *layer, int activation, size_t place, const float *row,
                                 float *memory) {
    vf v[2 * CK_TOGETHER], w[2 * CK_TOGETHER];
    float *y = memory + layer->output + place;
#pragma clang loop unroll(full)
    for (int i = 0; i < 2 * rows; i++) {
        v[i] = load(row + i % 2 * CK_WIDTH);
        if (layer->inputs > 0) v[i] = v[i] + load(y + i * CK_WIDTH);
    }
    CK_NAME(sum) sum = {layer->counts[0], layer->factors, layer->offsets};
    CK_NAME(add_terms)(rows, sum, memory, place, v);
#pragma clang loop unroll(full)
    for (int i = 0; i < 2 * rows; i++) {
        if (activation == ck_tanh) v[i] = CK_NAME(tanh)(v[i]);
        if (activation == ck_gelu) v[i] = CK_NAME(gelu)(v[i]);
        if (activation == ck_silu) v[i] = CK_NAME(silu)(v[i]);
    }
    sum = (CK_NAME(sum)){layer->counts[1], sum.factors + sum.count, sum.offsets + sum.count};
    CK_NAME(add_terms)(rows, sum, memory, place, v);
#pragma clang loop unroll(full)
    for (int i = 0; i < 2 * rows; i++) store(y + i * CK_WIDTH, v[i]);
    for (size_t u = 2; u < layer->sums; u++) {
        sum = (CK_NAME(sum)){layer->counts[u], sum.factors + sum.count, sum.offsets + sum.count};
        // The first term is y itself, and says where the sum goes.
        float *z = memory + sum.offsets[0] + place;
        vf factor = set(sum.factors[0]);
#pragma clang loop unroll(full)
        for (int i = 0; i < 2 * rows; i++) w[i] = factor * v[i];
        CK_NAME(sum) rest = {sum.count - 1, sum.factors + 1, sum.offsets + 1};
        CK_NAME(add_terms)(rows, rest, memory, place, w);
#pragma clang loop unroll(full)
        for (int i = 0; i < 2 * rows; i++) store(z + i * CK_WIDTH, w[i]);
    }
}

// What follows the product, for one panel of m rows at `place`, while they are in the first-level cache.
INLINE void CK_NAME(finish)(const ck_layer *layer, int activation, size_t m, size_t place, const float *row,
                            float *memory) {
    size_t i = 0;
    for (; i + CK_TOGETHER <= m; i += CK_TOGETHER, place += CK_TOGETHER * CK_PANEL)
        CK_NAME(finish_rows)(CK_TOGETHER, layer, activation, place, row, memory);
    for (; i < m; i++, place += CK_PANEL) CK_NAME(finish_rows)(1, layer, activation, place, row, memory);
}

static void CK_NAME(layer)(const ck_layer *layer, size_t m, float *memory) {
    size_t panels = (layer->outputs + CK_PANEL - 1) / CK_PANEL;
    size_t size = layer->rows * CK_PANEL;
    for (size_t j = 0; j < panels; j++) {
        float *c = memory + layer->output + j * size;
        const float *panel = layer->packed + j * layer->stride;
        for (size_t first = 0; first < layer->inputs; first += CK_NAME(DEPTH)) {
            size_t depth = layer->inputs - first < CK_NAME(DEPTH) ? layer->inputs - first : CK_NAME(DEPTH);
            CK_NAME(factor) from = {memory + layer->input + first / CK_PANEL * size, CK_PANEL, 1, size};
            const float *here = panel + first * CK_PANEL, *next = here + depth * CK_PANEL;
            // After the last block of a panel comes the next panel, after the last of all most often the first again.
            if (first + depth == layer->inputs) next = j + 1 < panels ? panel + layer->stride : layer->packed;
            CK_NAME(strip)(m, depth, from, here, c, CK_PANEL, CK_PANEL, first > 0, next);
        }
        const float *row = layer->row + j * CK_PANEL;
        size_t place = j * size;
        switch (layer->activation) {
        case ck_tanh: CK_NAME(finish)(layer, ck_tanh, m, place, row, memory); break;
        case ck_gelu: CK_NAME(finish)(layer, ck_gelu, m, place, row, memory); break;
        case ck_silu: CK_NAME(finish)(layer, ck_silu, m, place, row, memory); break;
        default: CK_NAME(finish)(layer, -1, m, place, row, memory);
        }
    }
}

// ---- Rows of a tile

// tile = factor * x, with zeros to the end of the last panel
static void CK_NAME(spread)(const float *x, float factor, size_t count, float *tile, size_t stride) {
    for (size_t first = 0; first < count; first += CK_PANEL, tile += stride) {
        size_t columns = count - first < CK_PANEL ? count - first : CK_PANEL;
        for (size_t j = 0; j < columns; j++) tile[j] = factor * x[first + j];
        for (size_t j = columns; j < CK_PANEL; j++) tile[j] = 0;
    }
}

static void CK_NAME(gather)(const float *tile, size_t stride, float factor, size_t count, float *x) {
    for (size_t first = 0; first < count; first += CK_PANEL, tile += stride) {
        size_t columns = count - first < CK_PANEL ? count - first : CK_PANEL;
        for (size_t j = 0; j < columns; j++) x[first + j] = factor * tile[j];
    }
}

static void CK_NAME(tile_scale)(float *tile, size_t stride, float factor, size_t count) {
    for (size_t first = 0; first < count; first += CK_PANEL, tile += stride) {
        store(tile, factor * load(tile));
        store(tile + CK_WIDTH, factor * load(tile + CK_WIDTH));
    }
}

static double CK_NAME(tile_squares)(const float *tile, size_t stride, size_t count) {
    vd sum = {0};
    for (size_t first = 0; first < count; first += CK_PANEL, tile += stride) {
        vf low = load(tile), high = load(tile + CK_WIDTH);
        sum = CK_NAME(add_products)(sum, low, low);
        sum = CK_NAME(add_products)(sum, high, high);
    }
    return CK_NAME(lanes)(sum);
}

// Puts x[index] among the best so far, after its equals.
static size_t CK_NAME(insert)(float value, size_t index, size_t kept, size_t found, int32_t *classes, float *values) {
    size_t place = found < kept ? found : kept - 1;
    for (; place > 0 && values[place - 1] < value; place--) {
        values[place] = values[place - 1];
        classes[place] = classes[place - 1];
    }
    values[place] = value;
    classes[place] = (int32_t)index;
    return found < kept ? found + 1 : kept;
}

static void CK_NAME(classify)(const float *tile, size_t stride, size_t count, float factor, size_t kept,
                              int32_t *classes, float *scores) {
    size_t found = 0;
    const float *x = tile;
    for (size_t first = 0; first < count; first += CK_WIDTH) {
        x = tile + first / CK_PANEL * stride + first % CK_PANEL;
        size_t columns = count - first < CK_WIDTH ? count - first : CK_WIDTH;
        if (found == kept && !__builtin_reduce_or(load(x) > set(scores[kept - 1]))) continue;
        for (size_t j = 0; j < columns; j++) {
            if (found < kept || x[j] > scores[kept - 1])
                found = CK_NAME(insert)(x[j], first + j, kept, found, classes, scores);
        }
    }

    float best = scores[0];
    vd sum = {0};
    for (size_t first = 0; first < count; first += CK_WIDTH) {
        vf e = CK_NAME(exp)((load(tile + first / CK_PANEL * stride + first % CK_PANEL) - best) * factor);
        if (count - first < CK_WIDTH) {
            float end[CK_WIDTH] = {0};
            __builtin_memcpy(end, &e, 4 * (count - first));
            e = load(end);
        }
        sum = CK_NAME(add_products)(sum, e, set(1));
    }
    double total = CK_NAME(lanes)(sum);
    for (size_t j = 0; j < kept; j++) scores[j] = (float)(CK_NAME(exp)(set((scores[j] - best) * factor))[0] / total);
}

static const ck_kernels CK_NAME(kernels) = {
    .name = CK_STRING,
    .panel = CK_PANEL,
    .pack = CK_NAME(pack),
    .multiply = CK_NAME(multiply),
    .activate = CK_NAME(activate),
    .backpropagate = CK_NAME(backpropagate),
    .exponentiate = CK_NAME(exponentiate),
    .combine = CK_NAME(combine),
    .add_row = CK_NAME(add_row),
    .dot = CK_NAME(dot),
    .spin = CK_NAME(spin),
    .layer = CK_NAME(layer),
    .spread = CK_NAME(spread),
    .gather = CK_NAME(gather),
    .tile_scale = CK_NAME(tile_scale),
    .tile_squares = CK_NAME(tile_squares),
    .classify = CK_NAME(classify),
};

#undef vf
#undef vi
#undef vd
#undef INLINE
#undef load
#undef store
#undef set
#undef fma
#undef select
#undef clamp
#undef CK_MAP
#undef CK_PANEL
#undef CK_AHEAD
#undef CK_TOGETHER
#undef CK_NAME
#undef CK_STRING
#undef CK_WIDTH
#undef CK_ROWS
#undef CK_FMA
