package sdk

import "embed"

// Files are the libraries, for whoever scaffolds a program of its own: one
// folder for each language.
//
//go:embed c/yunei.h go/area.go go/guest.go rust/yunei.rs assemblyscript/yunei.ts assemblyscript/package.json
var Files embed.FS
