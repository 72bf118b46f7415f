package admittest

import (
	"bytes"
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
)

// FuzzModule: any seed makes a module, always the same, and a valid one.
func FuzzModule(f *testing.F) {
	for i := range 32 {
		f.Add(bytes.Repeat([]byte{byte(i * 37), byte(255 - i)}, i))
	}
	f.Fuzz(func(t *testing.T, seed []byte) {
		for name, build := range map[string]func([]byte) []byte{"Module": Module, "Blind": Blind} {
			module := build(seed)
			if !bytes.Equal(module, build(bytes.Clone(seed))) {
				t.Errorf("%s: another module at the second try", name)
			}
			engine := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
			if _, err := engine.CompileModule(t.Context(), module); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_ = engine.Close(context.Background())
		}
	})
}
