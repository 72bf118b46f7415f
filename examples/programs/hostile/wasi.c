// Guests that lie to WASI, one for each value of GUEST. Each tells what it was
// answered, two digits an answer.
#include "guest.h"

#define IOVECS 1   // buffers that overlap, wrap around, are too many, lie past the end
#define POINTERS 2 // places for an answer that lie past the end, or have no room before it
#define FILES 3    // files that nobody opened

#define END (__builtin_wasm_memory_size(0) * 65536)

#if GUEST == IOVECS
WASI(fd_write)(i32 fd, const void *iovs, u32 n, u32 *written);
#elif GUEST == POINTERS
WASI(args_get)(void *list, void *text);
WASI(args_sizes_get)(u32 *count, u32 *size);
WASI(environ_get)(void *list, void *text);
WASI(environ_sizes_get)(u32 *count, u32 *size);
WASI(clock_time_get)(i32 id, i64 precision, i64 *now);
WASI(random_get)(void *to, u32 n);
WASI(poll_oneoff)(const void *in, void *out, u32 n, u32 *events);
#elif GUEST == FILES
WASI(fd_close)(i32 fd);
WASI(fd_fdstat_get)(i32 fd, void *stat);
WASI(fd_fdstat_set_flags)(i32 fd, i32 flags);
WASI(fd_prestat_get)(i32 fd, void *stat);
WASI(fd_prestat_dir_name)(i32 fd, void *path, u32 n);
#endif

static i64 said;
static void hear(i32 answer) { said = said * 100 + answer; }

EXPORT(yunei_map) void yunei_map(void) {
#if GUEST == IOVECS
  static struct { u32 at, n; } iov[66];
  static u32 written;
  iov[0].at = (u32)area, iov[0].n = 64, iov[1].at = (u32)area + 8, iov[1].n = 64; // overlap
  hear(fd_write(1, iov, 2, &written)), hear((i32)written % 100);
  iov[0].at = 0xfffffff0u, iov[0].n = 32; // wraps around
  hear(fd_write(1, iov, 1, &written));
  iov[0].n = iov[1].n = 0xffffffffu; // their sum does
  hear(fd_write(1, iov, 2, &written));
  hear(fd_write(1, iov, 65, &written));
  hear(fd_write(1, iov, 0x20000000u, &written)); // 8 n wraps around
  hear(fd_write(1, (void *)(END - 8), 2, &written));
  iov[0].n = 0;
  hear(fd_write(1, iov, 1, (u32 *)(END - 2)));
  hear(fd_write(99, iov, 1, (u32 *)0xffffffffu));
#elif GUEST == POINTERS
  void *past = (void *)END, *edge = (void *)(END - 2), *last = (void *)0xffffffffu;
  static u32 n;
  static u8 in[48];
  hear(args_get(past, last)), hear(environ_get(last, past));
  hear(args_sizes_get(past, &n)), hear(args_sizes_get(&n, edge)), hear(environ_sizes_get(edge, last));
  hear(clock_time_get(0, 1, (i64 *)(END - 7)));
  hear(random_get(edge, 3)), hear(random_get(last, 4097)), hear(poll_oneoff(in, past, 0xffffffffu, last));
#elif GUEST == FILES
  for (i32 fd = 0; fd < 9; fd += 3)
    hear(fd_close(fd) ^ fd_fdstat_get(fd, area) ^ fd_fdstat_set_flags(fd, -1) ^ fd_prestat_get(fd, (void *)END) ^
         fd_prestat_dir_name(fd, (void *)END, 0xffffffffu));
#endif
  tell(said);
}
