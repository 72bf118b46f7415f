package daemon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/cmd/internal/start"
	"github.com/yunei/yunei/enrol"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/suite"
)

// duties are those of the daemons that can be invited, with the secrets that each
// needs beside its key.
var duties = map[string]struct {
	kind    string
	secrets []string
}{
	"yunei-site":    {"site", []string{folder.SealFile, folder.UnitFile}},
	"yunei-trustee": {"trustee", nil},
	"yunei-gate":    {"gate", nil},
}

// maxToken is how much of a token's file is read.
const maxToken = 1 << 10

type newcomer struct {
	dir, url, pin, tokenFile string
}

// enrolMain draws the daemon's secrets in its folder, if it has none, and offers its
// key under a token. It returns the exit code: 3 for a refusal.
func enrolMain(name string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var n newcomer
	flags := flag.NewFlagSet(name+" enrol", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&n.dir, "dir", "", "本进程的目录，其中已有 config.json the daemon's folder, with its config.json")
	flags.StringVar(&n.url, "url", "", "协调方接口地址 https://HOST:PORT of the coordinator's API")
	flags.StringVar(&n.pin, "pin", "", "协调方公钥（由人告知）the coordinator's public key, as people told it")
	flags.StringVar(&n.tokenFile, "token-file", "", "存放登记口令的文件，- 表示标准输入 file with the token; - is standard input")
	_, known := duties[name]
	if err := flags.Parse(args); err != nil || !known || n.dir == "" || n.url == "" || n.pin == "" || n.tokenFile == "" || flags.NArg() > 0 {
		fmt.Fprintf(stderr, "用法 usage: %s enrol --dir DIR --url https://HOST:PORT --pin PUBLICKEY --token-file FILE\n", name)
		return 2
	}
	err := n.enrol(context.Background(), name, stdin, stdout)
	if no, ok := errors.AsType[fault.Refusal](err); ok {
		start.Refused(stderr, no)
		return 3
	}
	if err != nil {
		fmt.Fprintln(stderr, "错误 error:", err)
		return 1
	}
	return 0
}

func (n newcomer) enrol(ctx context.Context, binary string, stdin io.Reader, stdout io.Writer) error {
	var cfg folder.Config
	raw, err := os.ReadFile(filepath.Join(n.dir, folder.ConfigFile))
	if err != nil {
		return fmt.Errorf("请先放入 yunei init 写出的 config.json put the config.json that `yunei init` wrote into the folder first: %w", err)
	}
	if err := json.Unmarshal(raw, &cfg); err != nil { // each daemon's own fields are for the daemon to read
		return fmt.Errorf("reading %s: %w: %w", folder.ConfigFile, err, fault.Invalid)
	}
	pin, err := suite.ParsePublicKey(n.pin)
	if err != nil {
		return fmt.Errorf("--pin: %w", err)
	}
	if pin != cfg.BoardKey {
		return fmt.Errorf("--pin 与 config.json 的 boardKey 不同，请核对 is not the boardKey of config.json; compare them: %w", fault.Refuse("link-pin", "house"))
	}
	token, err := n.token(stdin)
	if err != nil {
		return err
	}
	key, err := draw(n.dir, duties[binary].secrets)
	if err != nil {
		return err
	}
	ask, who, err := enrol.Sign(key, token, pin, cfg.Name, duties[binary].kind)
	if err != nil {
		return err
	}
	if err := enrol.Send(ctx, n.url, pin, ask); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "已提交公钥 offered: %s %s\n指纹 fingerprint: %s\n请与大数据部门通电话逐组核对；对方确认后方可接入 compare it with the bureau by telephone, group by group; once they accept it, start %s --dir %s\n",
		cfg.Name, key.Public(), who.Fingerprint(), binary, n.dir)
	return err
}

func (n newcomer) token(stdin io.Reader) (enrol.Token, error) {
	from := stdin
	if n.tokenFile != "-" {
		f, err := os.Open(n.tokenFile)
		if err != nil {
			return enrol.Token{}, fmt.Errorf("reading the token: %w", err)
		}
		defer f.Close() //nolint:errcheck // read only
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxToken))
	if err != nil {
		return enrol.Token{}, fmt.Errorf("reading the token: %w", err)
	}
	return enrol.ParseToken(string(text))
}

// draw makes what secrets the folder does not have, and returns its key.
func draw(dir string, secrets []string) (suite.PrivateKey, error) {
	for _, name := range secrets {
		var secret [32]byte
		if _, err := rand.Read(secret[:]); err != nil {
			return suite.PrivateKey{}, err
		}
		if err := folder.WriteSecret(filepath.Join(dir, name), []byte(hex.EncodeToString(secret[:]))); err != nil && !errors.Is(err, fs.ErrExist) {
			return suite.PrivateKey{}, err
		}
	}
	key, err := suite.NewPrivateKey()
	if err != nil {
		return suite.PrivateKey{}, err
	}
	pem, err := key.PEM()
	if err != nil {
		return suite.PrivateKey{}, err
	}
	if err := folder.WriteSecret(filepath.Join(dir, folder.KeyFile), pem); err != nil && !errors.Is(err, fs.ErrExist) {
		return suite.PrivateKey{}, err
	}
	return folder.Key(dir)
}
