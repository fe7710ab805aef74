#include "CKernels.h"

static float from_bits(uint32_t bits) {
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits.
static float widen_one(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0x1f) {
        // Infinity, or NaN: hardware returns a signalling NaN as a quiet one, so this does too.
        return from_bits(sign | 0x7f800000 | (fraction << 13) | (fraction ? 0x400000 : 0));
    }
    if (exponent == 0) {
        // Zero or subnormal: fraction * 2^-24, exact in float32.
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return from_bits(sign | ((exponent + 112) << 23) | (fraction << 13));
}

static void widen_portable(const uint16_t *from, float *to, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] = widen_one(from[i]);
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx,f16c"))) static void widen_f16c(const uint16_t *from, float *to, size_t count) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i halves = _mm_loadu_si128((const __m128i *)(from + i));
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(halves));
    }
    widen_portable(from + i, to + i, count - i);
}
#endif

void ck_widen_f16(const uint16_t *from, float *to, size_t count) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("f16c") && __builtin_cpu_supports("avx")) {
        widen_f16c(from, to, count);
        return;
    }
#endif
    widen_portable(from, to, count);
}

void ck_widen_bf16(const uint16_t *from, float *to, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] = from_bits((uint32_t)from[i] << 16);
}
