// Package profiles holds the rules of five cities over their base layer as
// YAML files, and reads such files, its own and those that a person gives. The
// reader takes a small part of YAML: one document, plain mappings and lists,
// known fields, no anchor, alias, merge or tag, within bounds; what the fields
// say is for package profile to judge. The package trusts nobody for a file
// from outside, and reads none by itself.
package profiles

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/governance/plain"
	"github.com/yunei/yunei/governance/profile"
)

// Bounds of a file.
const (
	MaxFile  = 256 << 10 // bytes
	maxNodes = 12000
	maxDepth = 8
)

// BaseID is the layer under every city of this version.
const BaseID = "cn-national"

//go:embed *.yaml
var files embed.FS

// IDs lists the cities of this version.
func IDs() []string { return []string{"guiyang", "dongguan", "wuxi", "shijiazhuang", "chongming"} }

// Base is the layer under every city.
func Base() (profile.Profile, error) { return base() }

var base = sync.OnceValues(readBase)

func readBase() (profile.Profile, error) {
	raw, err := files.ReadFile(BaseID + ".yaml")
	if err != nil {
		return profile.Profile{}, fmt.Errorf("reading the base layer: %w", err)
	}
	f, err := Read(raw)
	if err != nil {
		return profile.Profile{}, err
	}
	return profile.NewBase(f)
}

// Get is the profile of a city of this version. Another id is of kind NotFound.
func Get(id string) (profile.Profile, error) {
	if !slices.Contains(IDs(), id) {
		return profile.Profile{}, fmt.Errorf("reading profile %.40q: this version has %s: %w", id, strings.Join(IDs(), ", "), fault.NotFound)
	}
	raw, err := files.ReadFile(id + ".yaml")
	if err != nil {
		return profile.Profile{}, fmt.Errorf("reading profile %s: %w", id, err)
	}
	return Load(raw)
}

// All lists the profiles of this version.
func All() ([]profile.Profile, error) {
	var all []profile.Profile
	for _, id := range IDs() {
		p, err := Get(id)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// Load reads a city's profile over the base layer of this version.
func Load(raw []byte) (profile.Profile, error) {
	base, err := Base()
	if err != nil {
		return profile.Profile{}, err
	}
	f, err := Read(raw)
	if err != nil {
		return profile.Profile{}, err
	}
	return profile.New(f, base)
}

// Read reads a file. Errors are of kind Exhausted (too large) or Invalid.
func Read(raw []byte) (profile.File, error) {
	var f profile.File
	if err := plain.Decode(raw, plain.Limits{Bytes: MaxFile, Nodes: maxNodes, Depth: maxDepth}, &f); err != nil {
		return profile.File{}, fmt.Errorf("reading a profile: %w", err)
	}
	return f, nil
}

// Source is the file of a city of this version.
func Source(id string) ([]byte, error) {
	if _, err := Get(id); err != nil {
		return nil, err
	}
	return files.ReadFile(id + ".yaml")
}
