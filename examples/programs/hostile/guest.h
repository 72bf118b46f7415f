// The agreement of jobs/abi, version 1, as the author of a hostile guest would
// write it down: by himself.
#ifndef GUEST_H
#define GUEST_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int i32;
typedef long long i64;
typedef unsigned long long u64;

#define EXPORT(name) __attribute__((export_name(#name)))

struct header {
  u32 magic, version, rows, cols, params_off, params_len, total_len, units_off;
};

struct descriptor {
  u32 type, nulls, validity_off, validity_len, values_off, values_len, data_off, data_len;
};

struct emit {
  u32 cell;
  u16 measure, unit;
  i64 value;
};

__attribute__((import_module("yunei"), import_name("emit"))) void yunei_emit(const struct emit *records, u32 n);

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) i32 name

#define AREA_SIZE (64 * 1024)
static u8 area[AREA_SIZE] __attribute__((aligned(8)));

EXPORT(yunei_abi_v1) u32 yunei_abi_v1(void) { return (u32)area; }

static inline const struct header *head(void) { return (const struct header *)area; }

static inline const struct descriptor *column(u32 i) {
  return (const struct descriptor *)(area + sizeof(struct header)) + i;
}

static inline const i64 *int64s(const struct descriptor *d) { return (const i64 *)(area + d->values_off); }

// Each guest that is admitted emits (1, 0, rows) for a unit that it has no
// designs on; its victim is the unit whose first row costs VICTIM.
#define VICTIM 666
#define COST_FEN 2

static inline i64 cost(u32 row) { return row < head()->rows ? int64s(column(COST_FEN))[row] : 0; }

static inline int victim(void) { return cost(0) == VICTIM; }

static inline void put(u32 cell, u16 measure, u16 unit, i64 value) {
  static struct emit e;
  e = (struct emit){cell, measure, unit, value};
  yunei_emit(&e, 1);
}

static inline void tell(i64 v) { put(1, 0, 0, v); }

#define SPIN for (volatile u32 i = 0;; i++)

#endif
