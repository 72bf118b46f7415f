// Package attackers proves the gate by attack. Its tests are people who want to
// know one thing about one person, and who get, over several releases of mode
// sdc, all that the gate lets out: they know every rule and every parameter,
// they wrote the programs, and they know the attributes by which those choose
// units. Each attack is run twice: against the gate as it is, where it must not
// learn what it is after, and against the gate without the one check that is
// there for it, where it must. An attack that fails without the check is no
// test of the check.
//
// A release is put together here as a site, the trustees and the gate do it
// together, in one process: contributions, evidence, the register of earlier
// releases, gate.Protect in every domain, the sum, gate.Judge. Values are
// rounded to 1 where the attack is about something else than rounding.
//
// The package proves nothing about programs that lie about what they count
// (internal/hostile), about noise (internal/privacy), or about attacks that
// nobody here has thought of. Few of them are new: the literature names are
// beside them.
//
// YUNEI_PROVE=1 tries more tables, more people and more seeds.
package attackers
