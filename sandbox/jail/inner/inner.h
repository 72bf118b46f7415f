#ifndef YUNEI_INNER_H
#define YUNEI_INNER_H

// As in package jail; inner_test.go compares them.
#define YN_ARGV0 "yunei-jailed"
#define YN_USER (1u << 0)
#define YN_MOUNT (1u << 1)
#define YN_ROOT (1u << 6)
#define YN_CAPS (1u << 7)
#define YN_NO_NEW_PRIVS (1u << 8)
#define YN_RLIMITS (1u << 9)
#define YN_LANDLOCK (1u << 12)

unsigned yn_level(void);

#endif
