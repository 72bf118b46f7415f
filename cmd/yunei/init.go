package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/cmd/internal/domain"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/gate/budget"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/release"
	"github.com/yunei/yunei/sandbox/jail"
	"github.com/yunei/yunei/suite"
)

// An install is what `yunei up` starts.
type install struct {
	ID      string          `json:"installation"`
	API     string          `json:"api"`
	Board   string          `json:"board"`
	Desk    suite.BoxKey    `json:"desk"`
	Daemons []installDaemon `json:"daemons"` // the coordinator first
}

type installDaemon struct {
	Name   string          `json:"name"`
	Binary string          `json:"binary"`
	Key    suite.PublicKey `json:"key"`
}

const (
	installFile = "install.json"
	pinsFile    = "pins.json"
	placeFile   = "place.json"
	deskFile    = "desk.key"
)

func readInstall(dir string) (install, error) {
	var in install
	raw, err := os.ReadFile(filepath.Join(dir, installFile))
	if err != nil {
		return in, fmt.Errorf("不是一套安装，请先运行 yunei init not an installation, run `yunei init` first: %w", err)
	}
	return in, json.Unmarshal(raw, &in)
}

type initFlags struct {
	dir, id, bureau string
	api, board      string
	providers       []string
	budgets         []string
	caps            []string
	jail            string
	custody         bool
	trustees        int
	quorum          int
}

func initCommand() *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init",
		Short: "建立一套安装：各进程的目录、密钥与互信 / make an installation: folders, keys and who trusts whom",
		Long: `为每个进程建立目录与密钥，并写入由人核对过的公钥：数据提供方与大数据部门的密钥在平台之外生成（yunei key new）。
Makes a folder and a key for every process, and pins the public keys that people have compared: those of the providers'
officers and of the bureau, which are made outside the platform with ` + "`yunei key new`" + `.`,
		Example: `  yunei init --dir /srv/yunei --bureau dsj=ed25519:... \
    --provider a=ybj-zg=ed25519:... --provider b=ybj-jm=ed25519:... --budget natural-person=2`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			in, err := f.make()
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "已建立 made %s: %d 个进程 processes; 公钥清单 pins %s\n启动 start: yunei up --dir %s\n", in.ID, len(in.Daemons), filepath.Join(f.dir, pinsFile), f.dir)
			return nil
		},
	}
	c.Flags().StringVar(&f.dir, "dir", "", "安装目录（须不存在）folder to make")
	c.Flags().StringVar(&f.id, "id", "yunei-local", "安装标识 name of the installation")
	c.Flags().StringVar(&f.bureau, "bureau", "", "大数据部门 ORG=PUBLICKEY of the bureau's officer")
	c.Flags().StringArrayVar(&f.providers, "provider", nil, "数据域与提供方 DOMAIN=ORG=PUBLICKEY, one for each domain")
	c.Flags().StringArrayVar(&f.budgets, "budget", []string{"natural-person=2", "legal-person=2", "row=2"}, "隐私预算 NAMESPACE=RHO of every domain")
	c.Flags().StringArrayVar(&f.caps, "cap", nil, "另设上限 NAMESPACE/operator|scenario|year/NAME=RHO of every domain, beside its budget; NAME * 表示逐个适用 is for each of them (config.json: caps)")
	c.Flags().StringVar(&f.jail, "jail", "full", "运行程序的最低隔离级别 least jail of a guest: full; basic where the kernel forbids user namespaces; strict with landlock and cgroups too (yunei doctor)")
	c.Flags().BoolVar(&f.custody, "custody", false, "每域另设密钥保管进程 yunei-keys，域节点的磁盘上没有数据集密钥 a custodian of data keys in every domain, so that no site's disk has the key of its datasets")
	c.Flags().StringVar(&f.api, "api", "", "接口地址 HOST:PORT of the API, where it is not this machine alone (默认本机回环地址 loopback by default)")
	c.Flags().StringVar(&f.board, "board", "", "公告板地址 HOST:PORT of the board, which the daemons of other machines dial (默认本机回环地址 loopback by default)")
	c.Flags().IntVar(&f.trustees, "trustees", 3, "密钥托管方数 number of trustees")
	c.Flags().IntVar(&f.quorum, "quorum", 2, "开启所需托管方数 how many of them open")
	for _, name := range []string{"dir", "bureau", "provider"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

// A plan is an installation in the making.
type plan struct {
	initFlags
	in     install
	bureau jobs.Signer
	pins   jobs.Pins
	ports  []string
}

func (f initFlags) make() (install, error) {
	p := plan{initFlags: f, pins: jobs.Pins{}, in: install{ID: f.id}}
	if _, err := os.Stat(f.dir); err == nil {
		return install{}, fmt.Errorf("%s 已存在 exists already", f.dir)
	}
	if _, err := jail.ParseLevel(f.jail); err != nil {
		return install{}, fmt.Errorf("--jail %q: want full, basic or strict", f.jail)
	}
	org, key, ok := strings.Cut(f.bureau, "=")
	if !ok {
		return install{}, fmt.Errorf("--bureau: want ORG=PUBLICKEY")
	}
	public, err := suite.ParsePublicKey(key)
	if err != nil {
		return install{}, fmt.Errorf("--bureau: %w", err)
	}
	p.bureau = jobs.Signer{Org: org, Key: public}
	members, err := p.members()
	if err != nil {
		return install{}, err
	}
	if err := p.addresses(); err != nil {
		return install{}, err
	}
	if err := p.write(members); err != nil {
		_ = os.RemoveAll(f.dir) // half an installation is none
		return install{}, err
	}
	return p.in, nil
}

type member struct {
	domain   string
	provider jobs.Signer
}

func (p *plan) members() ([]member, error) {
	var ms []member
	for _, text := range p.providers {
		f := strings.SplitN(text, "=", 3)
		if len(f) != 3 || jobs.ID(f[0]) != nil || jobs.ID(f[1]) != nil {
			return nil, fmt.Errorf("--provider %q: want DOMAIN=ORG=PUBLICKEY", text)
		}
		key, err := suite.ParsePublicKey(f[2])
		if err != nil {
			return nil, fmt.Errorf("--provider %s: %w", f[0], err)
		}
		p.pins[f[1]] = key
		ms = append(ms, member{f[0], jobs.Signer{Org: f[1], Key: key}})
	}
	return ms, nil
}

// addresses picks a free port of the loopback address for each that is not
// given.
func (p *plan) addresses() error {
	var got [2]string
	for i, given := range []*string{&p.api, &p.board} {
		if *given != "" {
			if _, _, err := net.SplitHostPort(*given); err != nil {
				return fmt.Errorf("--api, --board: want HOST:PORT: %w", err)
			}
			got[i] = *given
			continue
		}
		l, err := p.port()
		if err != nil {
			return err
		}
		got[i] = l
	}
	p.in.API, p.in.Board = "https://"+got[0], got[1]
	return nil
}

// port is a free one of the loopback address, which no other of the installation
// has been given.
func (p *plan) port() (string, error) {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
		if err != nil {
			return "", err
		}
		at := l.Addr().String()
		if err := l.Close(); err != nil {
			return "", err
		}
		if !slices.Contains(p.ports, at) {
			p.ports = append(p.ports, at)
			return at, nil
		}
	}
}

// folder makes a daemon's folder with its key.
func (p *plan) folder(name, binary string) (suite.PrivateKey, error) {
	dir := filepath.Join(p.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return suite.PrivateKey{}, err
	}
	key, err := suite.NewPrivateKey()
	if err != nil {
		return suite.PrivateKey{}, err
	}
	p.in.Daemons = append(p.in.Daemons, installDaemon{name, binary, key.Public()})
	return key, writeKey(filepath.Join(dir, folder.KeyFile), key)
}

// coordinator is the key that every daemon and every user holds the
// coordinator to.
func (in install) coordinator() suite.PublicKey { return in.Daemons[0].Key }

func (p *plan) config(name string) folder.Config {
	return folder.Config{Name: name, Board: p.in.Board, BoardKey: p.in.coordinator(), Pins: p.pins}
}

func writeJSON(file string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeSecret(file, append(raw, '\n'))
}

func (p *plan) write(members []member) error {
	coordinator, err := p.folder("yuneid", "yuneid")
	if err != nil {
		return err
	}
	origin := p.id + ".ledger"
	if err := p.writeSites(members); err != nil {
		return err
	}
	if err := p.writeTrustees(origin, coordinator.Public()); err != nil {
		return err
	}
	if _, err := p.folder("gate", "yunei-gate"); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(p.dir, "gate", folder.ConfigFile), p.config("gate")); err != nil {
		return err
	}
	if err := p.writeCoordinator(origin); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(p.dir, pinsFile), p.releasePins(origin, coordinator.Public())); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(p.dir, placeFile), place{API: p.in.API, Installation: p.id, Key: p.in.coordinator(), Root: p.bureau.Key}); err != nil {
		return err
	}
	return writeJSON(filepath.Join(p.dir, installFile), p.in)
}

func (p *plan) writeCoordinator(origin string) error {
	box, err := suite.NewBox()
	if err != nil {
		return err
	}
	secret, err := box.Bytes()
	if err != nil {
		return err
	}
	p.in.Desk = box.Public()
	if err := writeSecret(filepath.Join(p.dir, "yuneid", deskFile), []byte(hex.EncodeToString(secret))); err != nil {
		return err
	}
	cfg := struct {
		folder.Config
		Installation string          `json:"installation"`
		Root         suite.PublicKey `json:"root"`
		API          string          `json:"api"`
		Origin       string          `json:"origin"`
	}{p.config("yuneid"), p.id, p.bureau.Key, p.in.API, origin}
	return writeJSON(filepath.Join(p.dir, "yuneid", folder.ConfigFile), cfg)
}

func (p *plan) writeSites(members []member) error {
	budgets := map[string]string{}
	for _, b := range p.budgets {
		ns, rho, ok := strings.Cut(b, "=")
		if !ok {
			return fmt.Errorf("--budget %q: want NAMESPACE=RHO", b)
		}
		budgets[ns] = rho
	}
	if _, err := budget.ParseCaps(p.caps); err != nil {
		return fmt.Errorf("--cap: %w", err)
	}
	bin, err := os.Executable()
	if err != nil {
		return err
	}
	for _, m := range members {
		name := "site-" + m.domain
		key, err := p.folder(name, "yunei-site")
		if err != nil {
			return err
		}
		dir := filepath.Join(p.dir, name)
		for _, file := range []string{domain.SealFile, domain.UnitFile} {
			if err := drawSecret(filepath.Join(dir, file)); err != nil {
				return err
			}
		}
		cfg := domain.Config{Config: p.config(name), Domain: m.domain, Provider: m.provider, Runner: filepath.Join(filepath.Dir(bin), "yunei-runner"), Jail: p.jail, Budgets: budgets, Caps: p.caps}
		if p.custody {
			if cfg.Custodian, err = p.writeCustodian(m, key.Public(), filepath.Join(filepath.Dir(bin), "yunei-site"), budgets); err != nil {
				return err
			}
		}
		if err := writeJSON(filepath.Join(dir, folder.ConfigFile), cfg); err != nil {
			return err
		}
	}
	return nil
}

func drawSecret(file string) error {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return err
	}
	return writeSecret(file, []byte(hex.EncodeToString(secret[:])))
}

func (p *plan) writeTrustees(origin string, log suite.PublicKey) error {
	for i := range p.trustees {
		name := fmt.Sprintf("trustee-%d", i+1)
		if _, err := p.folder(name, "yunei-trustee"); err != nil {
			return err
		}
		cfg := struct {
			folder.Config
			Log struct {
				Origin string          `json:"origin"`
				Key    suite.PublicKey `json:"key"`
			} `json:"log"`
		}{Config: p.config(name)}
		cfg.Log.Origin, cfg.Log.Key = origin, log
		if err := writeJSON(filepath.Join(p.dir, name, folder.ConfigFile), cfg); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) releasePins(origin string, log suite.PublicKey) release.Pins {
	var trustees []jobs.Process
	for _, d := range p.in.Daemons {
		if d.Binary == "yunei-trustee" {
			trustees = append(trustees, jobs.Process{Name: d.Name, Key: d.Key})
		}
	}
	return release.Pins{Installation: p.id, Log: release.Log{Origin: origin, Key: log}, Trustees: trustees, Witnesses: max(2, len(trustees)-1), Providers: p.pins}
}
