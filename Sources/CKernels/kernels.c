#include "CKernels.h"

// Plain C with vector extensions: runs on anything. On arm64 these vectors are the machine's own.
#define CK_NAME(x) portable_##x
#define CK_STRING "portable"
#define CK_WIDTH 4
#define CK_ROWS 4
#if defined(__aarch64__)
#define CK_FMA 1
#else
#define CK_FMA 0
#endif
#include "kernels.inc.h"

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define CK_NAME(x) avx2_##x
#define CK_STRING "avx2"
#define CK_WIDTH 8
#define CK_ROWS 6
#define CK_FMA 1
#include "kernels.inc.h"
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), apply_to = function)
#define CK_NAME(x) avx512_##x
#define CK_STRING "avx512"
#define CK_WIDTH 16
#define CK_ROWS 8
#define CK_FMA 1
#include "kernels.inc.h"
#pragma clang attribute pop

#endif

const ck_kernels *ck_variant(int index) {
    switch (index) {
    case 0: return &portable_kernels;
#if defined(__x86_64__)
    case 1:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &avx2_kernels : 0;
    case 2:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")
                   ? &avx512_kernels
                   : 0;
#endif
    default: return 0;
    }
}

const ck_kernels *ck_best(void) {
    for (int index = ck_variants - 1; index > 0; index--) {
        const ck_kernels *kernels = ck_variant(index);
        if (kernels) return kernels;
    }
    return &portable_kernels;
}
