package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/suite"
)

func keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "个人或机构密钥（平台之外保管）/ keys of people, held outside the platform",
	}
	c.AddCommand(&cobra.Command{
		Use:   "new FILE",
		Short: "生成密钥文件并打印公钥 / make a key file and print its public key",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := suite.NewPrivateKey()
			if err != nil {
				return err
			}
			if err := writeKey(args[0], key); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), key.Public())
			return nil
		},
	}, &cobra.Command{
		Use:   "show FILE",
		Short: "打印密钥文件的公钥 / print the public key of a key file",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			key, err := readKey(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), key.Public())
			return nil
		},
	})
	return c
}

func readKey(file string) (suite.PrivateKey, error) {
	if file == "" {
		return suite.PrivateKey{}, fmt.Errorf("请用 --key 指明密钥文件 name your key file with --key (make one with `yunei key new FILE`)")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return suite.PrivateKey{}, fmt.Errorf("reading a key: %w", err)
	}
	return suite.ParsePrivateKey(raw)
}

// writeKey makes a new file that only its owner can read.
func writeKey(file string, key suite.PrivateKey) error {
	raw, err := key.PEM()
	if err != nil {
		return err
	}
	return writeSecret(file, raw)
}

func writeSecret(file string, raw []byte) error { return folder.WriteSecret(file, raw) }
