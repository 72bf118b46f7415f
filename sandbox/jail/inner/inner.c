// Runs as a constructor, that is before Go's runtime: capabilities and users
// are properties of a thread, and here there is but one.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inner.h"

static unsigned level;

unsigned yn_level(void) { return level; }

// A thread's stack: more than the depth that admission allows can fill.
#define STACK (16u << 20)

// Address space beyond the limit of data. An engine reserves some GiB for a
// guest's memory; what is only reserved, or only read, costs no memory but the
// tables of its pages, and those are not counted as data.
#define SPACE ((rlim_t)32 << 30)

// Standard input, output and error, and the two that Go's runtime waits on.
#define FILES 5

// Threads: those of the runtime, and one for each core that the engine
// compiles on. start_linux.go has the like.
static rlim_t tasks(void) {
  cpu_set_t set;
  return 64 + (sched_getaffinity(0, sizeof set, &set) == 0 ? (rlim_t)CPU_COUNT(&set) : 1024);
}

static int limit(int what, rlim_t most) {
  struct rlimit l = {most, most};
  return setrlimit(what, &l) == 0;
}

static int limits(rlim_t data, int own_users) {
  pthread_attr_t attr;
  int ok = pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK) == 0 &&
           pthread_setattr_default_np(&attr) == 0;
  // Elsewhere than in a user namespace of its own, processes are counted with
  // those of the same user outside.
  if (own_users) ok = limit(RLIMIT_NPROC, tasks()) && ok;
  // No RLIMIT_CPU: how long a batch may take is the parent's to say, and it kills.
  return limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, FILES) && limit(RLIMIT_MEMLOCK, 0) &&
         limit(RLIMIT_MSGQUEUE, 0) && limit(RLIMIT_DATA, data) && limit(RLIMIT_AS, data + SPACE) && ok;
}

// shut_files leaves standard input and output. Standard error becomes the end
// of standard input that cannot be written to: what a runtime has to say when
// it dies is the guest's to choose.
static void shut_files(void) {
  dup2(0, 2);
  if (syscall(SYS_close_range, 3u, ~0u, 0u) == 0) return;
  struct rlimit l; // before Linux 5.9
  int most = getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < 1 << 20 ? (int)l.rlim_cur : 1 << 20;
  for (int fd = 3; fd < most; fd++) close(fd);
}

// Landlock's ruleset (landlock(7)), in the longest form that we know. A kernel
// with a shorter one takes it as long as what it does not know is zero.
struct ruleset {
  uint64_t right[3]; // on files; on TCP ports; on abstract sockets and signals
};

static long ruleset(const struct ruleset *r) { return syscall(444 /* landlock_create_ruleset */, r, sizeof *r, 0); }

// renounce gives up every right that the kernel's Landlock knows, also those
// that it has learnt since this was written: a ruleset that handles a right
// unknown to it is refused, so that we ask for one more until it is.
static int renounce(void) {
  struct ruleset r = {{1}}, more = r;
  long fd, got = ruleset(&r);
  if (got < 0) return 0;
  for (size_t i = 0; i < sizeof r.right / sizeof *r.right;) {
    more.right[i] = r.right[i] << 1 | 1;
    if (more.right[i] != r.right[i] && (fd = ruleset(&more)) >= 0) {
      close((int)got);
      got = fd, r = more;
    } else {
      more = r, i++;
    }
  }
  int ok = syscall(446 /* landlock_restrict_self */, (int)got, 0) == 0;
  close((int)got);
  return ok;
}

// empty_root makes an empty read-only directory the root, and forgets the rest.
static int empty_root(void) {
  static const char *const places[] = {"/tmp", "/run", "/mnt", "/var", "/dev", "/proc"};
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return 0;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (mount("none", places[i], "tmpfs", flags, "size=4k,nr_inodes=2,mode=0555") != 0) continue;
    if (chdir(places[i]) != 0) return 0;
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
      if (umount2(".", MNT_DETACH) != 0) return 0;
    } else if (mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0) { // on an initramfs
      return 0;
    }
    return chdir("/") == 0 && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) == 0;
  }
  return 0;
}

// drop gives up every capability, for good, and becomes user (-1: stays).
static int drop(int user) {
  for (int c = 0; c < 64; c++) prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED |
                               SECBIT_KEEP_CAPS_LOCKED, 0, 0, 0);
  int ok = 1;
  if (user >= 0) {
    uid_t id = (uid_t)user;
    ok = setgroups(0, NULL) == 0 && setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0;
  }
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  return syscall(SYS_capset, &head, none) == 0 && ok;
}

__attribute__((constructor)) static void shut(int argc, char **argv) {
  if (argc != 4 || strcmp(argv[0], YN_ARGV0) != 0) return;
  rlim_t data = strtoull(argv[1], NULL, 10);
  int user = atoi(argv[2]);
  unsigned spaces = (unsigned)atoi(argv[3]);

  shut_files();
  level = spaces;
  if ((spaces & YN_MOUNT) && empty_root()) level |= YN_ROOT;
  if (drop(user)) level |= YN_CAPS;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) level |= YN_NO_NEW_PRIVS;
  if (renounce()) level |= YN_LANDLOCK;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (limits(data, spaces & YN_USER)) level |= YN_RLIMITS;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); // a change of user has cleared it
}
