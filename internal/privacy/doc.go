// Package privacy holds an audit of what the product promises in its modes dp
// and sdc+dp: tests only. It runs the mechanism as the product does (cubes that
// jobs.Cube adds up, discrete Gaussians of gate/noise on every slot in every
// domain that is not corrupt, the sum over domains, the rule by which a cell is
// shown) many times on two data sets that differ in one unit, chosen at the
// edges of the disclosure rules, and asks statistical tests how well the two can
// be told apart. An event that has probability p with the unit and q without
// proves epsilon >= ln((p - delta) / q); p is bounded from below and q from
// above by Clopper and Pearson (1934), on runs that did not choose the event, and
// at a level divided by the number of events tried (Bonferroni). That proof must
// not reach the epsilon that is claimed, at any delta.
//
// An audit finds errors and shows no absence of them: what it bounds from below
// is the cost, not from above. That is why each of a list of planted errors has
// to be found too. It trusts its own generator to be random, says nothing of
// time, failures or the order of events, and has no part in the product.
package privacy
