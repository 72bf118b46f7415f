package main

import "github.com/spf13/cobra"

func gateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "gate",
		Short: "闸门：检查文件中的表；取出检查记录、经同意取出证据、离线重做判断 / the gate: check tables in files; fetch a record, let evidence out by consent, make the judgement again offline",
	}
	c.AddCommand(gateCheckCommand())
	c.AddCommand(gateFindingCommand())
	c.AddCommand(gateMitigateCommand())
	c.AddCommand(recheckCommands()...)
	return c
}
