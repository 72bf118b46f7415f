// The library of a program in C: what a program needs of the agreement that
// package jobs/abi writes down byte for byte, so that no program deals in
// offsets. It is a header alone; there is no C library behind it. A program
// defines yunei_visit, which reads the area that the host has written and
// emits. Whatever the area or the program gets wrong is a trap: the visit then
// emits nothing. It trusts nobody, and keeps nothing from one visit to another.
#ifndef YUNEI_H
#define YUNEI_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int i32;
typedef unsigned long long u64;
typedef long long i64;
typedef i32 i32_any __attribute__((aligned(1))); // at any address
typedef u32 u32_any __attribute__((aligned(1)));
typedef i64 i64_any __attribute__((aligned(1)));

// Room for the area: a permit grants no longer ones than the program has room for.
#ifndef YUNEI_AREA
#define YUNEI_AREA (256 * 1024)
#endif

#define YUNEI_EXPORT(name) __attribute__((export_name(#name))) name
#define yunei_trap() __builtin_trap()

// The types of a column. All but INT64 and UTF8 are read as an i32.
enum { YUNEI_INT32 = 1, YUNEI_INT64, YUNEI_DATE, YUNEI_CODE, YUNEI_MONTH, YUNEI_UTF8 };

struct yunei_header {
  u32 magic, version, rows, cols, params_off, params_len, total, units_off;
};

struct yunei_column {
  u32 type, nulls, validity_off, validity_len, values_off, values_len, data_off, data_len;
};

struct yunei_emit {
  u32 cell;
  u16 measure, unit;
  i64 value;
};

static u8 yunei_area[YUNEI_AREA] __attribute__((aligned(8)));

static inline const struct yunei_header *yunei_head(void) { return (const struct yunei_header *)yunei_area; }

static inline u32 yunei_rows(void) { return yunei_head()->rows; }
static inline u32 yunei_columns(void) { return yunei_head()->cols; }

// Units: the rows of unit u are from to to-1.

struct yunei_unit {
  u32 from, to;
};

static inline const u32 *yunei_starts(void) { return (const u32 *)(yunei_area + yunei_head()->units_off); }

static inline u32 yunei_units(void) { return yunei_head()->units_off ? yunei_starts()[0] : 1; }

static inline struct yunei_unit yunei_unit(u32 u) {
  if (u >= yunei_units()) yunei_trap();
  if (!yunei_head()->units_off) return (struct yunei_unit){0, yunei_rows()};
  return (struct yunei_unit){yunei_starts()[2 + u], yunei_starts()[3 + u]};
}

// Columns: a row that is null is not valid, and reads as 0 or empty.

static inline const struct yunei_column *yunei_any_column(u32 i) {
  if (i >= yunei_columns()) yunei_trap();
  return (const struct yunei_column *)(yunei_area + sizeof(struct yunei_header)) + i;
}

static inline const struct yunei_column *yunei_column(u32 i, u32 type) {
  if (yunei_any_column(i)->type != type) yunei_trap();
  return yunei_any_column(i);
}

static inline int yunei_valid(const struct yunei_column *c, u32 row) {
  if (row >= yunei_rows()) yunei_trap();
  return c->nulls == 0 || (yunei_area[c->validity_off + row / 8] >> (row % 8) & 1);
}

static inline i32 yunei_i32(const struct yunei_column *c, u32 row) {
  if (c->type == YUNEI_INT64 || c->type == YUNEI_UTF8) yunei_trap();
  return yunei_valid(c, row) ? ((const i32 *)(yunei_area + c->values_off))[row] : 0;
}

static inline i64 yunei_i64(const struct yunei_column *c, u32 row) {
  if (c->type != YUNEI_INT64) yunei_trap();
  return yunei_valid(c, row) ? ((const i64 *)(yunei_area + c->values_off))[row] : 0;
}

struct yunei_bytes {
  const u8 *at;
  u32 len;
};

static inline struct yunei_bytes yunei_bytes(const struct yunei_column *c, u32 row) {
  if (c->type != YUNEI_UTF8) yunei_trap();
  const u32 *offsets = (const u32 *)(yunei_area + c->values_off);
  if (!yunei_valid(c, row)) return (struct yunei_bytes){0, 0};
  return (struct yunei_bytes){yunei_area + c->data_off + offsets[row], offsets[row + 1] - offsets[row]};
}

// Parameters: read from first to last; reading past the end is a trap.

struct yunei_params {
  const u8 *at;
  u32 left;
};

static inline struct yunei_params yunei_params(void) {
  return (struct yunei_params){yunei_area + yunei_head()->params_off, yunei_head()->params_len};
}

static inline const void *yunei_take(struct yunei_params *p, u64 n) {
  if (n > p->left) yunei_trap();
  p->at += n, p->left -= (u32)n;
  return p->at - n;
}

static inline u8 yunei_take_u8(struct yunei_params *p) { return *(const u8 *)yunei_take(p, 1); }
static inline u32 yunei_take_u32(struct yunei_params *p) { return *(const u32_any *)yunei_take(p, 4); }
static inline i32 yunei_take_i32(struct yunei_params *p) { return *(const i32_any *)yunei_take(p, 4); }
static inline i64 yunei_take_i64(struct yunei_params *p) { return *(const i64_any *)yunei_take(p, 8); }

static inline const i32_any *yunei_take_i32s(struct yunei_params *p, u32 n) { return yunei_take(p, 4 * (u64)n); }

static inline void yunei_done(const struct yunei_params *p) {
  if (p->left != 0) yunei_trap();
}

// Emits: kept until there are many, because a call of the host costs fuel.

__attribute__((import_module("yunei"), import_name("emit"))) void yunei_send(const struct yunei_emit *records, u32 n);

#define YUNEI_KEPT 256
static struct yunei_emit yunei_kept[YUNEI_KEPT];
static u32 yunei_kept_n;

static inline void yunei_flush(void) {
  if (yunei_kept_n > 0) yunei_send(yunei_kept, yunei_kept_n);
  yunei_kept_n = 0;
}

static inline void yunei_emit(u32 unit, u32 cell, u16 measure, i64 value) {
  if (unit > 0xffff) yunei_trap();
  if (yunei_kept_n == YUNEI_KEPT) yunei_flush();
  yunei_kept[yunei_kept_n++] = (struct yunei_emit){cell, measure, (u16)unit, value};
}

// What is left is between host and library: the area is checked whole before
// the program sees it.

#define YUNEI_CHECK(what) \
  if (!(what)) yunei_trap()

static inline void yunei_check_buffer(u32 off, u64 n) {
  u32 total = yunei_head()->total, fixed = sizeof(struct yunei_header) + sizeof(struct yunei_column) * yunei_columns();
  YUNEI_CHECK(off % 8 == 0 && off >= fixed && off <= total && n <= total - off);
}

// Numbers that rise from the first to at most the last that may be.
static inline void yunei_check_rising(const u32 *list, u32 n, u32 most) {
  for (u32 i = 0; i < n; i++) YUNEI_CHECK(list[i] <= most && (i == 0 || list[i - 1] <= list[i]));
}

static inline void yunei_check_units(void) {
  u32 off = yunei_head()->units_off, rows = yunei_rows();
  yunei_check_buffer(off, 8);
  u32 n = yunei_starts()[0];
  YUNEI_CHECK(yunei_starts()[1] == 0 && n <= 65536);
  yunei_check_buffer(off, 8 + 4 * ((u64)n + 1));
  const u32 *starts = yunei_starts() + 2;
  yunei_check_rising(starts, n + 1, rows);
  YUNEI_CHECK(starts[0] == 0 && starts[n] == rows);
}

static inline void yunei_check_column(const struct yunei_column *c) {
  u32 rows = yunei_rows();
  YUNEI_CHECK(c->type >= YUNEI_INT32 && c->type <= YUNEI_UTF8 && c->nulls <= rows);
  if (c->validity_off != 0) yunei_check_buffer(c->validity_off, c->validity_len);
  if (c->nulls > 0) YUNEI_CHECK(c->validity_off != 0 && c->validity_len >= ((u64)rows + 7) / 8);
  yunei_check_buffer(c->values_off, c->values_len);
  u64 elements = (u64)rows + (c->type == YUNEI_UTF8);
  YUNEI_CHECK(c->values_len == elements * (c->type == YUNEI_INT64 ? 8 : 4));
  if (c->type != YUNEI_UTF8) return;
  yunei_check_buffer(c->data_off, c->data_len);
  yunei_check_rising((const u32 *)(yunei_area + c->values_off), rows + 1, c->data_len);
}

static inline void yunei_open(void) {
  const struct yunei_header *h = yunei_head();
  YUNEI_CHECK(h->magic == 0x314e5559 && h->version == 1);
  YUNEI_CHECK(h->total <= sizeof yunei_area && h->total >= sizeof *h);
  YUNEI_CHECK(h->cols <= (h->total - sizeof *h) / sizeof(struct yunei_column) && (h->cols > 0 || h->rows == 0));
  yunei_check_buffer(h->params_off, h->params_len);
  if (h->units_off != 0) yunei_check_units();
  for (u32 i = 0; i < h->cols; i++) yunei_check_column(yunei_any_column(i));
}

static void yunei_visit(void); // the program's

u32 YUNEI_EXPORT(yunei_abi_v1)(void) { return (u32)yunei_area; }

void YUNEI_EXPORT(yunei_map)(void) {
  yunei_open();
  yunei_visit();
  yunei_flush();
}

#endif
