// Package joins plays runs of private joins among real parties: two sites on
// registers of their own, three trustees, the gate and the coordinator, on a
// real board. Nothing of it is in the product. What is tested is that what
// comes out is the plain join, what each party is left with, and how a run ends
// in which one of them lies, dies or is shown something else.
package joins
