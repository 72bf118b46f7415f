// A unit of a Go guest touches some thirty pages of some thousand. Copying all
// of them back costs more than the unit; so does mapping a file over them anew,
// for every page then faults again in every unit. Here a page faults once, and
// the same thirty are copied after every unit: those that one guest writes are
// nearly always the same. Nothing is guessed: a page that is not noted as open
// cannot have been written, because the processor would not.
#define _GNU_SOURCE
#include "pages.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// A set of open pages that has grown beyond FEW is thrown away after ROUNDS
// units, beyond MANY at once: one unit that writes much shall not make all that
// follow pay for it.
enum { FEW = 64, MANY = 2048, ROUNDS = 64 };

static yn_pages *watched; // a runner has one; tests have more
static struct sigaction engines;
static unsigned shift; // of a page

static bool is_open(const yn_pages *p, size_t page) { return p->open[page / 64] >> (page % 64) & 1; }

// let opens count pages from first on, less those that are open already.
static bool let(yn_pages *p, size_t first, size_t count) {
  if (mprotect(p->base + (first << shift), count << shift, PROT_READ | PROT_WRITE) != 0) return false;
  for (size_t i = first; i < first + count; i++) {
    if (is_open(p, i)) continue;
    p->open[i / 64] |= (uint64_t)1 << (i % 64);
    p->nopen++;
    yn_run *last = p->runs + p->nruns - 1;
    if (p->nruns > 0 && last->first + last->count == i)
      last->count++;
    else
      p->runs[p->nruns++] = (yn_run){(uint32_t)i, 1};
  }
  return true;
}

// on_fault is called in the guest's thread, in the middle of its code or of a
// host function; everything that is not a first write goes to the engine.
static void on_fault(int signal_, siginfo_t *info, void *context) {
  uintptr_t at = (uintptr_t)info->si_addr;
  yn_pages *p = watched;
  while (p != NULL && (p->base == NULL || at - (uintptr_t)p->base >= p->size)) p = p->next;
  if (p != NULL) {
    size_t page = (at - (uintptr_t)p->base) >> shift, all = p->size >> shift;
    if (!is_open(p, page)) {
      // A unit that writes much is let ahead, twice as far after every 16.
      size_t doublings = p->faults++ / 16;
      size_t ahead = (size_t)1 << (doublings < 12 ? doublings : 12);
      // Too many borders between open and shut are refused by the kernel: then
      // there shall be none. If that is refused, too, it is the machine's
      // failure and must not become the unit's: this process is at its end.
      if (let(p, page, ahead < all - page ? ahead : all - page) || let(p, 0, all)) return;
      _exit(1);
    }
  }
  if (engines.sa_flags & SA_SIGINFO) {
    engines.sa_sigaction(signal_, info, context);
  } else if (engines.sa_handler == SIG_DFL || engines.sa_handler == SIG_IGN) {
    signal(signal_, SIG_DFL); // and again
  } else {
    engines.sa_handler(signal_);
  }
}

// listen puts on_fault before the engine's handler, which is there by now.
static bool listen_(void) {
  if (shift != 0) return true;
  for (long size = sysconf(_SC_PAGESIZE); size > 1; size >>= 1) shift++;
  if (sigaction(SIGSEGV, NULL, &engines) != 0) return false;
  struct sigaction ours = engines;
  ours.sa_flags |= SA_SIGINFO | SA_ONSTACK;
  ours.sa_sigaction = on_fault;
  return sigaction(SIGSEGV, &ours, NULL) == 0;
}

static bool shut(yn_pages *p) {
  if (mprotect(p->base, p->size, PROT_READ) != 0) return false;
  memset(p->open, 0, (p->size >> shift) / 8 + 8);
  p->nruns = p->nopen = p->since = p->faults = 0;
  return true;
}

bool yn_pages_save(yn_pages *p, uint8_t *base, size_t size) {
  if (!listen_() || (uintptr_t)base % ((size_t)1 << shift) != 0 || size % ((size_t)1 << shift) != 0) return false;
  size_t pages = size >> shift;
  p->copy = mmap(NULL, size > 0 ? size : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  p->open = malloc(pages / 8 + 8);
  p->runs = malloc((pages + 1) * sizeof *p->runs);
  if (p->copy == MAP_FAILED || p->open == NULL || p->runs == NULL) return false;
  static const uint8_t zero[1 << 16];
  for (size_t i = 0; i < pages; i++) { // pages of zeros stay without memory
    const uint8_t *from = base + (i << shift);
    size_t n = (size_t)1 << shift;
    if (n > sizeof zero || memcmp(from, zero, n) != 0) memcpy(p->copy + (i << shift), from, n);
  }
  p->size = size;
  p->next = watched; // for good: a guest lives as long as the process
  watched = p;
  return yn_pages_attach(p, base, size);
}

bool yn_pages_attach(yn_pages *p, uint8_t *base, size_t size) {
  if (size != p->size) return false;
  p->base = base;
  if (size == 0 || shut(p)) return true;
  p->base = NULL;
  return false;
}

void yn_pages_detach(yn_pages *p) { p->base = NULL; }

bool yn_pages_restore(yn_pages *p) {
  for (size_t i = 0; i < p->nruns; i++) {
    size_t at = (size_t)p->runs[i].first << shift;
    memcpy(p->base + at, p->copy + at, (size_t)p->runs[i].count << shift);
  }
  p->faults = 0;
  p->since++;
  if (p->nopen > MANY || (p->nopen > FEW && p->since >= ROUNDS)) return shut(p);
  return true;
}

void yn_pages_expect(yn_pages *p, const uint8_t *at, size_t n) {
  if (p->base == NULL || n == 0 || (size_t)(at - p->base) >= p->size) return;
  size_t first = (size_t)(at - p->base) >> shift, last = ((size_t)(at - p->base) + n - 1) >> shift;
  size_t end = p->size >> shift;
  if (last >= end) last = end - 1;
  while (first <= last && is_open(p, first)) first++;
  if (first <= last) let(p, first, last - first + 1); // if not, each page faults
}
