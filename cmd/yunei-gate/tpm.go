package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/yunei/yunei/cmd/internal/place"
	"github.com/yunei/yunei/enclave/attest"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/jobs"
	"github.com/yunei/yunei/suite"
)

// What the gate's machine does for people besides running the gate: it shows its
// TPM, answers an enrolment of it, measures the gate's binary, and says what it is
// now, as a policy to review. None of it needs the gate's folder or key.

const toolUsage = `用法 usage:
  yunei-gate tpm show    [--tpm DEVICE]                    显示 TPM 的背书证书与证明密钥（JSON）show its certificate and key, for yunei tpm challenge
  yunei-gate tpm answer  [--tpm DEVICE] CHALLENGE.json     答复登记质询 answer what yunei tpm challenge made
  yunei-gate tpm measure [--tpm DEVICE] [--binary-pcr 13]  启动前度量本程序文件 measure this binary before it is started
  yunei-gate policy --evidence tpm2|sev-snp|tdx [--tpm DEVICE] [--key NAME]... [--pcrs 0,4,7] [--binary-pcr 13] [--min-evaluation N]
                                                           按本机现状写出策略，供人审核 write the policy of this machine as it is, to review
`

const maxChallenge = 16 << 10

// A tool is what is asked for on the command line.
type tool struct {
	device, evidence, pcrs string
	at, evaluation         int
	keys                   []string
}

// toolMain runs a tool and returns the exit code.
func toolMain(args []string, stdout, stderr io.Writer) int {
	var t tool
	flags := flag.NewFlagSet("yunei-gate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&t.device, "tpm", "", "")
	flags.StringVar(&t.evidence, "evidence", "", "")
	flags.StringVar(&t.pcrs, "pcrs", "0,4,7", "")
	flags.IntVar(&t.at, "binary-pcr", 13, "")
	flags.IntVar(&t.evaluation, "min-evaluation", 0, "")
	flags.Func("key", "", func(k string) error { t.keys = append(t.keys, k); return nil })
	what, rest := args[0], args[1:]
	if what == "tpm" && len(rest) > 0 {
		what, rest = rest[0], rest[1:]
	}
	do, ok := map[string]func([]string) (any, error){"show": t.show, "answer": t.answer, "measure": t.measure, "policy": t.policy}[what]
	if err := flags.Parse(rest); err != nil || !ok {
		fmt.Fprint(stderr, toolUsage)
		return 2
	}
	out, err := do(flags.Args())
	if err == nil {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(out)
	}
	if err != nil {
		fmt.Fprintln(stderr, "错误 error:", err)
		return 1
	}
	return 0
}

func (t *tool) show([]string) (out any, err error) {
	d, err := attest.OpenTPM(t.device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Candidate()
}

// answer reads an attest.Credential.
func (t *tool) answer(args []string) (out any, err error) {
	if len(args) != 1 {
		return nil, errors.New("请给出质询文件 name the challenge's file")
	}
	f, err := os.Open(filepath.Clean(args[0]))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	var c attest.Credential
	if err := json.NewDecoder(io.LimitReader(f, maxChallenge)).Decode(&c); err != nil {
		return nil, fmt.Errorf("reading a challenge: %w: %w", err, fault.Invalid)
	}
	d, err := attest.OpenTPM(t.device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	secret, err := d.Activate(c)
	return map[string][]byte{"answer": secret}, err
}

// measure extends the register by this binary, as whatever starts it does. What
// calls it must itself be in an earlier register, or the measurement says nothing.
func (t *tool) measure([]string) (out any, err error) {
	binary, err := place.Self()
	if err != nil {
		return nil, err
	}
	d, err := attest.OpenTPM(t.device)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return map[string]string{"binary": string(binary), "pcr": strconv.Itoa(t.at)}, d.Measure(t.at, binary)
}

// policy has the machine attest itself to nobody, and says what that is.
func (t *tool) policy([]string) (any, error) {
	w := attest.Wish{At: t.at, Keys: t.keys, Evaluation: t.evaluation}
	for text := range strings.SplitSeq(t.pcrs, ",") {
		i, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("--pcrs %q: want numbers: %w", t.pcrs, fault.Invalid)
		}
		w.PCRs = append(w.PCRs, i)
	}
	var err error
	if w.Binary, err = place.Self(); err != nil {
		return nil, err
	}
	if t.evidence == "" || jobs.Evidence(t.evidence) == jobs.Software {
		return nil, errors.New("--evidence: want tpm2, sev-snp or tdx; software 没有可审核的值 has no values to review")
	}
	at, err := place.Place{Evidence: jobs.Evidence(t.evidence), TPM: t.device}.Open(suite.PrivateKey{})
	if err != nil {
		return nil, err
	}
	e, err := occasion(at, w.Binary)
	if err != nil {
		return nil, err
	}
	return attest.Here(e, w)
}

// occasion is evidence for no run at all.
func occasion(at attest.Attester, binary suite.Digest) (e attest.Evidence, err error) {
	if d, ok := at.(*attest.TPMDevice); ok {
		defer func() { err = errors.Join(err, d.Close()) }()
	}
	key, err := attest.NewKey()
	if err != nil {
		return e, err
	}
	none := suite.DigestOf([]byte("a policy of this machine"))
	c, err := attest.NewChallenge(rand.Reader, attest.Subject{Run: "policy", Round: 1, Permit: none, Program: none, Binary: binary}, time.Now())
	if err != nil {
		return e, err
	}
	return at.Attest(c.Bind(key.Public()))
}

// isTool reports whether the command line asks for one of these.
func isTool(args []string) bool { return len(args) > 0 && (args[0] == "tpm" || args[0] == "policy") }
