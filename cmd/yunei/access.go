package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/api/client"
	"github.com/yunei/yunei/suite"
)

// access is how a command reaches the platform: where it is, and whose key
// signs the request.
type access struct{ at, key string }

const atEnv = "YUNEI_AT"

// A place says where an installation is, what it is called, by which key it is
// known, and by which key its people are registered.
type place struct {
	API          string          `json:"api"`
	Installation string          `json:"installation"`
	Key          suite.PublicKey `json:"key"` // the coordinator's; nobody else is spoken to
	// Root is who registers people: whoever signs checks everybody's key back to
	// it, and signs nothing without it.
	Root suite.PublicKey `json:"root,omitempty"`
}

func (a *access) flags(c *cobra.Command) {
	c.Flags().StringVar(&a.at, "at", os.Getenv(atEnv), "平台所在：安装目录或 place.json / where the platform is: its folder or its place.json (or $"+atEnv+")")
	c.Flags().StringVar(&a.key, "key", "", "您的密钥文件 your key file")
}

func (a *access) place() (place, error) {
	if a.at == "" {
		return place{}, errors.New("请用 --at 或环境变量 " + atEnv + " 指明平台 name the platform with --at or $" + atEnv)
	}
	file := a.at
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		file = filepath.Join(file, placeFile)
	}
	var p place
	return p, readJSON(file, &p)
}

func (a *access) client() (*client.Client, error) {
	p, err := a.place()
	if err != nil {
		return nil, err
	}
	key, err := readKey(a.key)
	if err != nil {
		return nil, err
	}
	return p.client(key)
}

func (p place) client(key suite.PrivateKey) (*client.Client, error) {
	return client.New(p.API, p.Key, key, p.Installation, time.Now)
}
