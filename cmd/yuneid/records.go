package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/yunei/yunei/api/rebuild"
	"github.com/yunei/yunei/bus"
	"github.com/yunei/yunei/cmd/internal/folder"
	"github.com/yunei/yunei/fault"
	"github.com/yunei/yunei/storage/ledger"
	"github.com/yunei/yunei/storage/records"
	"github.com/yunei/yunei/suite"
)

const (
	recordsFile = "records.db"
	rebuiltFile = "records.rebuilt.db"
	maxShown    = 200 // findings
)

const recordsUsage = `用法 usage: yuneid records check|rebuild --dir DIR

在停机的协调方目录上，用签名原文与账本重新生成一遍业务记录，并与现有记录逐行比对。
In the folder of a coordinator that is stopped: makes the records anew from what
was signed and the ledger, and compares them row by row with those that are kept.

  check    只比对 compares, and leaves nothing behind
  rebuild  另存为 DIR/records.rebuilt.db，由人决定是否换上
           keeps the new ones beside, for a person to put in the place of the old

退出码 exit code: 0 一致 alike, 1 未能比对 could not compare, 2 用法 usage, 3 不一致 not alike
`

// recordsMain checks or rebuilds the records of a folder and returns the exit code.
func recordsMain(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("yuneid records", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("dir", "", "")
	do := ""
	if len(args) > 0 {
		do, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil || do != "check" && do != "rebuild" || *dir == "" || flags.NArg() > 0 {
		fmt.Fprint(stderr, recordsUsage)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	into := filepath.Join(*dir, rebuiltFile)
	if do == "check" {
		scratch, err := os.MkdirTemp(*dir, "records-check-")
		if err != nil {
			fmt.Fprintf(stderr, "未能比对 could not compare: %v\n", err)
			return 1
		}
		defer os.RemoveAll(scratch) //nolint:errcheck // of no use to anybody
		into = filepath.Join(scratch, recordsFile)
	}
	lines, wrong, err := remake(ctx, *dir, into)
	if err != nil {
		fmt.Fprintf(stderr, "未能比对 could not compare: %v\n", err)
		if errors.Is(err, fault.Conflict) {
			fmt.Fprintln(stderr, "协调方须先停机，且 DIR/records.rebuilt.db 不得已存在 the coordinator has to be stopped, and there must be no DIR/records.rebuilt.db")
		}
		return 1
	}
	told(stdout, lines, wrong)
	if do == "rebuild" {
		fmt.Fprintf(stdout, "新记录 the new records: %s\n现有记录未动；核对后由人换上 those in use were not touched; put the new ones in their place by hand once they are looked into\n", into)
	}
	if len(wrong) > 0 {
		return 3
	}
	return 0
}

// remake makes the records of a folder anew in a file that is not there yet. The
// ledger's lock keeps the daemon from running meanwhile.
func remake(ctx context.Context, home, into string) (lines int, wrong []rebuild.Finding, err error) {
	var cfg config
	if err := folder.ReadConfig(home, &cfg); err != nil {
		return 0, nil, err
	}
	key, err := folder.Key(home)
	if err != nil {
		return 0, nil, err
	}
	file := filepath.Join(home, recordsFile)
	if _, err := os.Stat(file); err != nil { // opening would make one
		return 0, nil, fmt.Errorf("opening the records: %w", err)
	}
	log, err := ledger.Open(ctx, ledger.Config{Dir: filepath.Join(home, "ledger"), Origin: cfg.Origin, Key: key.Ed25519()})
	if err != nil {
		return 0, nil, err
	}
	defer log.Close() //nolint:errcheck,contextcheck // nothing was appended
	if f, err := os.OpenFile(into, os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return 0, nil, fmt.Errorf("making new records: %w: %w", err, fault.Conflict)
	} else if err := f.Close(); err != nil {
		return 0, nil, fmt.Errorf("making new records: %w", err)
	}
	from := rebuild.Source{Root: cfg.Root, Installation: cfg.Installation}
	if from.Lines, err = leaves(ctx, log); err != nil {
		return 0, nil, err
	}
	if from.Elsewhere, err = posted(ctx, home, key); err != nil {
		return 0, nil, err
	}
	if from.Records, err = records.Open(ctx, file); err != nil {
		return 0, nil, err
	}
	defer from.Records.Close() //nolint:errcheck // nothing was written
	to, err := records.Open(ctx, into)
	if err != nil {
		return 0, nil, err
	}
	wrong, err = rebuild.Make(ctx, from, to)
	return len(from.Lines), wrong, errors.Join(err, to.Close())
}

// leaves are the digests that the ledger holds.
func leaves(ctx context.Context, log *ledger.Log) ([]suite.Digest, error) {
	n, err := log.Size(ctx)
	if err != nil {
		return nil, err
	}
	var all []suite.Digest
	for i := range n {
		leaf, err := log.Leaf(ctx, i)
		if err != nil {
			return nil, err
		}
		all = append(all, suite.Digest(leaf))
	}
	return all, nil
}

// posted knows what is on the board: the statements of runs and of leases, which the
// ledger has, too, and the records need not.
func posted(ctx context.Context, home string, key suite.PrivateKey) (func(suite.Digest) bool, error) {
	server, err := bus.Serve(ctx, bus.Config{Dir: filepath.Join(home, "board"), Key: key})
	if err != nil {
		return nil, err
	}
	defer server.Close()
	board, err := server.Board(ctx)
	if err != nil {
		return nil, err
	}
	defer board.Close()
	have := map[suite.Digest]bool{}
	for item, err := range board.All(ctx, ">") {
		if err != nil {
			return nil, err
		}
		have[suite.DigestOf(item.Data)] = true
	}
	return func(d suite.Digest) bool { return have[d] }, nil
}

// faults say what is wrong, for people.
var faults = map[rebuild.Fault]string{
	rebuild.Unreadable: "签名原文不成立，或签名人无权作此表示 what was signed does not hold, or was not this person's to say",
	rebuild.Unlogged:   "账本中没有它，或次序不符 the ledger does not have it, or not in this order",
	rebuild.Altered:    "与签名原文不符 says something else than what was signed",
	rebuild.Missing:    "按签名原文应有此行，记录中没有 what was signed makes this row, and it is not there",
	rebuild.Extra:      "没有任何签名原文产生此行 nothing that was signed makes this row",
	rebuild.Unkept:     "账本有此行，签名原文不在：被删去，或写入中断后未重发 the ledger has it and its statement is nowhere: taken out, or its write was cut off and never came again",
}

func told(w io.Writer, lines int, wrong []rebuild.Finding) {
	if len(wrong) == 0 {
		fmt.Fprintf(w, "一致：每一行记录都由签名原文与账本（%d 行）得出\nalike: every row follows from what was signed and the ledger (%d lines)\n", lines, lines)
		return
	}
	fmt.Fprintf(w, "不一致：%d 处（账本 %d 行）\nnot alike: %d findings (%d lines of the ledger)\n", len(wrong), lines, len(wrong), lines)
	for i, f := range wrong {
		if i == maxShown {
			fmt.Fprintf(w, "  另有 %d 处 and %d more\n", len(wrong)-i, len(wrong)-i)
			break
		}
		where := fmt.Sprintf("%s %s", f.Table, f.Row)
		if f.Table == "" {
			where = fmt.Sprintf("账本第 %d 行 line %d of the ledger", f.Line, f.Line)
		}
		fmt.Fprintf(w, "  [%s] %s: %s\n", f.Fault, where, faults[f.Fault])
		if len(f.Columns) > 0 {
			fmt.Fprintf(w, "      列 columns: %v\n", f.Columns)
		}
		if f.Said != "" {
			fmt.Fprintf(w, "      事项 statement: %s\n", f.Said)
		}
		if f.Digest != "" {
			fmt.Fprintf(w, "      摘要 digest: %s\n", f.Digest)
		}
		if f.Why != nil {
			fmt.Fprintf(w, "      原因 why: %v\n", f.Why)
		}
	}
}
