// A memory that remembers what it was: its pages are made read-only, the first
// write to each is let through and noted, and going back copies those alone.
#ifndef YUNEI_PAGES_H
#define YUNEI_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t first, count;
} yn_run;

typedef struct yn_pages yn_pages;
struct yn_pages {
  uint8_t *base;  // of the memory, NULL if none is watched
  uint8_t *copy;  // what it was
  size_t size;    // bytes of each
  uint64_t *open; // a bit for each page that may have been written
  yn_run *runs;   // the same, as runs
  size_t nruns, nopen, since; // pages; units since all were shut
  size_t faults;  // of this unit
  yn_pages *next;
};

// yn_pages_save notes the memory's size bytes at base as what it was. With
// attach, base is another memory that holds the same.
bool yn_pages_save(yn_pages *p, uint8_t *base, size_t size);
bool yn_pages_attach(yn_pages *p, uint8_t *base, size_t size);

// yn_pages_detach lets the memory be: it is about to go.
void yn_pages_detach(yn_pages *p);

// yn_pages_restore makes the memory what it was. false says that it could not,
// and that the memory is of no more use.
bool yn_pages_restore(yn_pages *p);

// yn_pages_expect says that the host is about to write n bytes there.
void yn_pages_expect(yn_pages *p, const uint8_t *at, size_t n);

#endif
