/* atomic.h: the few atomic operations that core/ needs, by the compilers' own names: C11's atomic types in fastnn.h
   would be one more thing that Cython has to know. */
#ifndef FASTNN_ATOMIC_H
#define FASTNN_ATOMIC_H

#include <stddef.h>

#if defined(__GNUC__)
static inline long atomic_read(volatile long *x) { return __atomic_load_n(x, __ATOMIC_ACQUIRE); }
static inline void atomic_write(volatile long *x, long value) { __atomic_store_n(x, value, __ATOMIC_RELEASE); }
static inline long atomic_swap(volatile long *x, long value) { return __atomic_exchange_n(x, value, __ATOMIC_ACQ_REL); }
static inline long atomic_add(volatile long *x, long n) { return __atomic_add_fetch(x, n, __ATOMIC_ACQ_REL); }
static inline void *atomic_read_pointer(void **x) { return __atomic_load_n(x, __ATOMIC_ACQUIRE); }
static inline void atomic_write_pointer(void **x, void *value) { __atomic_store_n(x, value, __ATOMIC_RELEASE); }
#else
#include <intrin.h>
static inline long atomic_read(volatile long *x) { return _InterlockedOr(x, 0); }
static inline void atomic_write(volatile long *x, long value) { _InterlockedExchange(x, value); }
static inline long atomic_swap(volatile long *x, long value) { return _InterlockedExchange(x, value); }
static inline long atomic_add(volatile long *x, long n) { return _InterlockedExchangeAdd(x, n) + n; }
static inline void *atomic_read_pointer(void **x) { return _InterlockedCompareExchangePointer(x, NULL, NULL); }
static inline void atomic_write_pointer(void **x, void *value) { _InterlockedExchangePointer(x, value); }
#endif
#endif
