// Package sdk has the libraries with which a program is written for the
// sandbox, one in each of four languages, and the same three programs in each.
// It has no code but Files, which hands the libraries out, and a test: all the
// programs run in the real runner, and come to the same emits, byte for byte,
// in every language. README.md says how to write a program.
package sdk
