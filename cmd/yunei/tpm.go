package main

import (
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/enclave/attest"
)

// tpmCommand is the person's half of the enrolment of a TPM; the machine's is
// `yunei-gate tpm`.
func tpmCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "tpm",
		Short: "登记一台机器的 TPM / enrol a machine's TPM, so that a policy can name its key",
		Long: `证明密钥只有随 TPM 厂商背书证书一起登记后才可信。三步，以文件往来：
An attestation key is worth something only once the TPM's maker vouches for it. In three steps, with files:
  yunei-gate tpm show > candidate.json                  （闸门机器 on the gate's machine）
  yunei tpm challenge --candidate candidate.json --root maker-root.pem --between maker-ca.pem --enrolment e.json > challenge.json
  yunei-gate tpm answer challenge.json > answer.json    （闸门机器 on the gate's machine）
  yunei tpm accept --enrolment e.json --answer answer.json     打印密钥名 prints the key's name
  yunei-gate policy --evidence tpm2 --key NAME > policy.json   供各方审核后写入申请的 gate.policy to review, then into gate.policy of an application`,
	}
	c.AddCommand(tpmChallengeCommand(), tpmAcceptCommand())
	return c
}

func tpmChallengeCommand() *cobra.Command {
	var candidate, enrolment string
	var roots, between []string
	c := &cobra.Command{
		Use:   "challenge",
		Short: "核验背书证书并出质询 / check the endorsement certificate, and make a challenge for that TPM alone",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var from attest.Candidate
			if err := readJSON(candidate, &from); err != nil {
				return err
			}
			makers, err := certificates(roots)
			if err != nil {
				return err
			}
			authorities, err := certificates(between)
			if err != nil {
				return err
			}
			e, credential, err := attest.Enrol(rand.Reader, from, makers, authorities, time.Now())
			if err != nil {
				return err
			}
			kept, err := e.Bytes()
			if err != nil {
				return err
			}
			if err := writeSecret(enrolment, kept); err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(credential) //nolint:gosec // a secret that only that TPM can read
		},
	}
	c.Flags().StringVar(&candidate, "candidate", "", "yunei-gate tpm show 的输出 what it printed")
	c.Flags().StringArrayVar(&roots, "root", nil, "所购 TPM 厂商的根证书（PEM 或 DER）certificate of the maker of the TPMs that you bought")
	c.Flags().StringArrayVar(&between, "between", nil, "中间证书 certificates of authorities between")
	c.Flags().StringVar(&enrolment, "enrolment", "", "留存文件，勿外传 file to keep until the answer comes, and to give to nobody")
	for _, name := range []string{"candidate", "root", "enrolment"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func tpmAcceptCommand() *cobra.Command {
	var enrolment, answer string
	c := &cobra.Command{
		Use:   "accept",
		Short: "核对答复，打印证明密钥的名称 / check the answer, and print the name of the attestation key",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			raw, err := os.ReadFile(filepath.Clean(enrolment))
			if err != nil {
				return err
			}
			e, err := attest.ParseEnrolment(raw)
			if err != nil {
				return err
			}
			var said struct {
				Answer []byte `json:"answer"`
			}
			if err := readJSON(answer, &said); err != nil {
				return err
			}
			name, err := e.Key(said.Answer)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), name)
			return err
		},
	}
	c.Flags().StringVar(&enrolment, "enrolment", "", "challenge 留存的文件 the file that challenge kept")
	c.Flags().StringVar(&answer, "answer", "", "yunei-gate tpm answer 的输出 what it printed")
	for _, name := range []string{"enrolment", "answer"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

// certificates reads files of one certificate each, PEM or DER.
func certificates(files []string) ([][]byte, error) {
	var all [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			return nil, err
		}
		if block, _ := pem.Decode(raw); block != nil {
			raw = block.Bytes
		}
		all = append(all, raw)
	}
	return all, nil
}
