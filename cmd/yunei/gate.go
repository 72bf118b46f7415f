package main

import "github.com/spf13/cobra"

func gateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "gate",
		Short: "闸门：取出检查记录、经同意取出证据、离线重做判断 / the gate: fetch its record, let evidence out by consent, make its judgement again offline",
	}
	c.AddCommand(recheckCommands()...)
	return c
}
