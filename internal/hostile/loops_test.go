package hostile

import "github.com/yunei/yunei/jobs/limits"

// spin is a loop that nothing ends.
var spin = loop(br(0))

const wasi = "wasi_snapshot_preview1"

var loops = []attack{
	{
		name: "loop", zh: "凡程序必停：对每个单元都无限循环", en: "every program ends: loops for ever, at every unit",
		modules: inC("loop"), victim: failed, other: failed,
	},
	{
		name: "loop-victim", zh: "凡程序必停，且不连累他人：只在目标处无限循环", en: "every program ends, and nobody pays for another: loops for ever at the victim",
		modules: inC("loop-victim"), victim: failed, other: fine,
	},
	{
		name: "loop-every-branch", zh: "每一种回边都计费：以各种跳转构成的循环", en: "every way back is paid for: loops made of each kind of branch",
		modules: many(map[string]*guest{
			"br":           newGuest(onVictim(spin), honest),
			"br_if":        newGuest(onVictim(loop(i32c(1), brIf(0))), honest),
			"br_table":     newGuest(onVictim(loop(i32c(3), op(0x0e, 2, 0, 0, 0))), honest),
			"outward":      newGuest(onVictim(loop(block(br(1)))), honest),
			"inner":        newGuest(onVictim(loop(loop(br(1)))), honest),
			"if and else":  newGuest(onVictim(loop(i32c(1), []byte{0x04, 0x40}, br(1), []byte{0x05}, br(1), end)), honest),
			"with a value": newGuest(onVictim([]byte{0x03, i32}, br(0), end, drop), honest),
			"dead behind":  newGuest(onVictim(loop(br(0), unreachable, repeat(64, nop))), honest),
		}), victim: failed, other: fine,
	},
	{
		name: "loop-of-nothing", zh: "计费以指令数为准：循环里一条指令也没有", en: "fuel is counted in operators: a loop that holds none but the way back, with dear ones never reached",
		modules: one(newGuest(onVictim(loop(loop(block(block()), br(1)))), honest)), victim: failed, other: fine,
	},
	{
		name: "loop-indirect", zh: "间接调用也计费：循环里只有 call_indirect", en: "an indirect call is paid for: a loop of nothing else",
		modules: one(newGuest(onVictim(loop(i32c(0), callIndirect(tVoid), br(0))), honest).fn(tVoid, "").table(fNext)), victim: failed, other: fine,
	},
	{
		name: "loop-of-calls", zh: "没有循环也会不停：两两调用，层层翻倍", en: "a program without loops ends as well: each function calls the next twice, forty deep",
		modules: one(doubling(40)), victim: failed, other: fine,
	},
	{
		name: "loop-in-initializer", zh: "初始化也受限：_initialize 不返回", en: "initialising ends, too: _initialize does not return",
		modules: many(map[string]*guest{
			"loop":  newGuest(honest).onInit(spin),
			"calls": newGuest(honest).with(imported(wasi, "sched_yield", tI32)).onInit(loop(call(1), drop, br(0))),
		}), victim: refused, other: refused,
	},
	{
		name: "loop-in-abi", zh: "询问地址也受限：yunei_abi_v1 不返回", en: "saying where the area is ends, too: yunei_abi_v1 does not return",
		modules: one(newGuest(honest).at(spin, unreachable)), victim: refused, other: refused,
	},
	{
		name: "fill", zh: "批量指令按长度计费：不停 memory.fill", en: "bulk operators pay by length: fills memory for ever",
		modules: inC("fill"), victim: failed, other: fine,
	},
	{
		name: "loop-of-bulk", zh: "批量指令即使长度为零也计费", en: "bulk operators pay even for no length, and for a length that would make the fuel wrap around",
		modules: many(map[string]*guest{
			"copy of nothing": newGuest(onVictim(loop(i32c(0), i32c(0), i32c(0), bulk(10, 0, 0), br(0))), honest),
			"fill of nothing": newGuest(onVictim(loop(i32c(0), i32c(0), i32c(0), bulk(11, 0), br(0))), honest),
			"copy of all":     newGuest(onVictim(loop(i32c(0), i32c(8), i32c(65536), bulk(10, 0, 0), br(0))), honest),
			"negative length": newGuest(onVictim(loop(i32c(0), i32c(0), i32c(-1), bulk(11, 0), br(0))), honest),
		}), victim: failed, other: fine,
	},
	{
		name: "loop-of-growth", zh: "增长内存要付费，不论成败", en: "growing is paid for, whether it succeeds or not",
		modules: many(map[string]*guest{
			"by nothing":  newGuest(onVictim(loop(i32c(0), growOp, drop, br(0))), honest),
			"by too much": newGuest(onVictim(loop(i32c(-1), growOp, drop, br(0))), honest),
		}), victim: failed, other: fine,
	},
	{
		name: "loop-of-emits", zh: "调用宿主要付费：不停地输出零条记录", en: "calling the host is paid for: hands over no record, for ever",
		modules: one(newGuest(onVictim(loop(i32c(0), i32c(0), call(fEmit), br(0))), honest)), victim: failed, other: fine,
	},
	{
		name: "loop-of-polls", zh: "没有可等待之物：不停 poll_oneoff", en: "there is nothing to wait for: polls for ever",
		modules: one(newGuest(onVictim(loop(i32c(0), i32c(0), i32c(1), i32c(scratch), call(1), drop, br(0))), honest).
			with(imported(wasi, "poll_oneoff", tNext)).typed(funcType("\x7f\x7f\x7f\x7f", "\x7f"))), victim: failed, other: fine,
	},
	{
		name: "loop-at-the-end", zh: "最后一次检查之后也不许透支", en: "no debt after the last check: spends, in one straight run at its end, more than there is",
		modules: one(newGuest(honest, onVictim(repeat(1<<11, nop)))), grant: func(l *limits.Limits) { l.Fuel = 1 << 10 }, victim: failed, other: fine,
	},
}

// doubling calls 2^n functions.
func doubling(n uint64) *guest {
	g := newGuest(onVictim(call(fNext)), honest)
	for i := range n {
		g.fn(tVoid, "", call(fNext+i+1), call(fNext+i+1))
	}
	return g.fn(tVoid, "")
}

var recursion = []attack{
	{
		name: "recurse", zh: "深度由规则而非栈决定：编译器写出的递归", en: "depth ends by rule and not where a stack does: recursion as a compiler writes it",
		modules: inC("recurse"), victim: failed, other: fine,
	},
	{
		name: "recurse-without-end", zh: "直接、相互、间接的无穷递归", en: "depth ends by rule: direct, mutual and indirect recursion, in fuel enough for a deeper stack than there is",
		modules: many(map[string]*guest{
			"direct":   newGuest(onVictim(call(fNext)), honest).fn(tVoid, "", call(fNext)),
			"mutual":   newGuest(onVictim(call(fNext)), honest).fn(tVoid, "", call(fNext+1)).fn(tVoid, "", call(fNext)),
			"indirect": newGuest(onVictim(i32c(0), callIndirect(tVoid)), honest).table(fNext).fn(tVoid, "", i32c(0), callIndirect(tVoid)),
			"itself":   newGuest(onVictim(call(fMap)), honest),
		}), grant: func(l *limits.Limits) { l.Fuel = 1 << 28 }, victim: failed, other: fine,
	},
	{
		name: "recurse-huge-frames", zh: "栈帧按大小计：八千个局部变量的递归", en: "frames count by their size: recursion with eight thousand locals",
		modules: one(newGuest(onVictim(call(fNext)), honest).fn(tVoid, string(repeat(8000, []byte{f64})), call(fNext))),
		grant:   func(l *limits.Limits) { l.Fuel = 1 << 28 }, victim: failed, other: fine,
	},
	{
		name: "recurse-many-operands", zh: "栈帧按大小计：操作数堆在调用之下", en: "frames count by their size: two thousand operands held under each call",
		modules: one(newGuest(onVictim(call(fNext)), honest).
			fn(tVoid, "", repeat(2000, i64c(-1)), call(fNext), repeat(2000, drop))),
		grant: func(l *limits.Limits) { l.Fuel = 1 << 28 }, victim: failed, other: fine,
	},
	{
		name: "recurse-wide-results", zh: "多返回值也占栈：每次调用返回一百二十八个值", en: "results take room as well: a hundred and twenty-eight of them from every call",
		modules: one(newGuest(onVictim(call(fNext), repeat(128, drop)), honest).typed(funcType("", string(repeat(128, []byte{i64})))).
			fn(tNext, "", call(fNext))),
		grant: func(l *limits.Limits) { l.Fuel = 1 << 28 }, victim: failed, other: fine,
	},
	{
		name: "frame-too-large", zh: "栈帧有上限：局部变量的数目使计数回绕", en: "a frame has a limit: locals, operands and counts of them that wrap around",
		modules: func() map[string][]byte {
			all := map[string][]byte{"operands": newGuest(repeat(9000, i32c(0)), repeat(9000, drop)).bytes()}
			for name, groups := range map[string][]byte{
				"8193 locals":    join(u(1), u(8193), []byte{i32}),
				"2^32-1 locals":  join(u(1), u(1<<32-1), []byte{i64}),
				"2^32 in two":    join(u(2), u(1<<31), []byte{i32}, u(1<<31), []byte{i32}),
				"2^32-1 groups":  join(u(1<<32-1), u(1), []byte{i32}),
				"2^64 in groups": join(u(4), repeat(4, join(u(1<<32-1), []byte{i32}))),
			} {
				g := newGuest()
				body := join(groups, end)
				g.replace = map[byte][]byte{secCode: section(secCode, join(u(2), code(g.funcs[0]), u(uint64(len(body))), body))}
				all[name] = g.bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "recurse-before-the-first-row", zh: "开始前失败只说一种：初始化时无穷递归", en: "a failure before the first row is of one kind: recursion in _initialize and yunei_abi_v1",
		modules: many(map[string]*guest{
			"initializer": newGuest(honest).onInit(call(fNext)),
			"abi":         newGuest(honest).at(call(fInput)),
		}), victim: refused, other: refused,
	},
}

// typed adds a type, whose index is tNext.
func (g *guest) typed(types ...[]byte) *guest {
	g.types = append(g.types, types...)
	return g
}
