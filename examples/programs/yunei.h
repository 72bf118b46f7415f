// What a guest in C needs of the agreement in jobs/abi, version 1. There is no
// C library behind it.
#ifndef YUNEI_H
#define YUNEI_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef int i32;
typedef long long i64;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name)))

#define YUNEI_MAGIC 0x314e5559u
#define YUNEI_VERSION 1u

struct header {
  u32 magic, version, rows, cols, params_off, params_len, total_len, reserved;
};

struct descriptor {
  u32 type, nulls, validity_off, validity_len, values_off, values_len, data_off, data_len;
};

struct emit {
  u32 cell, measure;
  i64 value;
};

__attribute__((import_module("yunei"), import_name("emit"))) void yunei_emit(const struct emit *records, u32 n);

// The host writes an area here that is no longer than the permit's input
// limit; a guest that is given less room than that is refused.
#ifndef AREA_SIZE
#define AREA_SIZE (64 * 1024)
#endif
static u8 area[AREA_SIZE] __attribute__((aligned(8)));

EXPORT(yunei_abi_v1) u32 yunei_abi_v1(void) { return (u32)area; }

static inline const struct header *head(void) { return (const struct header *)area; }

static inline const struct descriptor *column(u32 i) {
  return (const struct descriptor *)(area + sizeof(struct header)) + i;
}

static inline int valid(const struct descriptor *d, u32 row) {
  return d->nulls == 0 || (area[d->validity_off + row / 8] >> (row % 8) & 1);
}

static inline const i32 *int32s(const struct descriptor *d) { return (const i32 *)(area + d->values_off); }
static inline const i64 *int64s(const struct descriptor *d) { return (const i64 *)(area + d->values_off); }

#endif
