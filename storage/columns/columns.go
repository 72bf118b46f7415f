// Package columns takes a provider's CSV in and gives whole privacy units back.
// Ingest checks every cell against a declared Schema, replaces the identifier
// of each row by the unit's key (an HMAC under the domain's secret), drops all
// direct identifiers for good but for keyed marks, by which one is known again
// that is about to leave, sorts, and writes Parquet; Open reads such a file, one
// shard at a time, only the columns asked for, one unit after another.
//
// A shard is a Parquet row group. Which shard a unit lies in is a function of
// its key and of the number of rows, which is public, so that a unit is never
// split and never moves because of what another one holds. Within a unit the
// rows stand in the order of their values. The order of the rows in the CSV
// therefore changes no byte of the outcome. Groups gathers units into batches
// or blocks by a keyed hash of the unit, so that neither shards nor the
// presence of one unit decide in which group another one is.
//
// Ingest is all or nothing: it writes its first byte after the last row was
// found good. It keeps the whole table in memory, because a sort on disk would
// leave rows there in clear; MaxRows bounds it.
//
// The package does not seal: its writer and reader are package seal's, and it
// trusts what they authenticate, yet a damaged file is an error and never a
// panic. It does not decide who may read which column; it only makes sure that
// no direct identifier and no unit key can be read through it. What it tells
// the provider (Mistakes, Profile) depends on rows and stays in the domain;
// only Public may leave. It is the sole importer of arrow-go.
package columns

// Bounds of what is taken in.
const (
	MaxRows    = 50_000_000 // in memory: 24 bytes a row, 4 to 9 more a column, twice that while growing
	MaxColumns = 256
	MaxCodes   = 1 << 16 // of one code list
	MaxText    = 4 << 10 // bytes of one cell of text
	MaxRecord  = 1 << 20 // bytes of one CSV record
	maxArena   = 4 << 30 // bytes of one text column
	maxSchema  = 16 << 20
)

// ShardRows is the number of rows that a shard holds on average: the chunk of
// one column is large enough to be worth a request of its own, and a shard
// small enough to be held several times over.
const ShardRows = 1 << 17
