package hostile

import (
	"math"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
)

// edge is the first byte that is not memory, in a guest of two pages.
const edge = 2 << 16

// rowsAt is rows where the area is elsewhere.
func rowsAt(area int32) []byte { return join(i32c(area), load32(8), i64extend) }

// hand emits n records at p.
func hand(p, n int32) []byte { return join(i32c(p), i32c(n), call(fEmit)) }

var lies = []attack{
	{
		name: "far", zh: "宿主只读客体内存：从内存末尾之外输出", en: "the host reads the guest's memory and no other: emits from beyond its end",
		modules: inC("far"), victim: failed, other: fine,
	},
	{
		name: "wrap", zh: "指针加长度不回绕", en: "a pointer and a length do not wrap around",
		modules: inC("wrap"), victim: failed, other: fine,
	},
	{
		name: "emit-of-any-length", zh: "记录数乘以十六不回绕，负数不是小数目", en: "a number of records times sixteen does not wrap around, and a negative one is no small one",
		modules: many(map[string]*guest{
			"-1": newGuest(onVictim(hand(0, -1)), honest), "2^28": newGuest(onVictim(hand(0, 1<<28)), honest), "2^28+1": newGuest(onVictim(hand(0, 1<<28+1)), honest),
			"-2^31": newGuest(onVictim(hand(0, math.MinInt32)), honest), "257": newGuest(onVictim(hand(0, 257)), honest),
			"a byte past the end": newGuest(onVictim(hand(edge-15, 1)), honest), "from -1": newGuest(onVictim(hand(-1, 1)), honest),
			"-16 and 1": newGuest(onVictim(hand(-16, 1)), honest), "nothing from -1": newGuest(onVictim(hand(-1, 0)), honest),
			"nothing past the end": newGuest(onVictim(hand(edge+1, 0)), honest),
		}), victim: failed, other: fine,
	},
	{
		name: "emit-at-the-edge", zh: "末尾之内皆可，末尾之处可为空", en: "up to the end is within: the last sixteen bytes, and nothing at the end",
		modules: one(newGuest(i32c(edge-16), i32c(1), store32(0), i32c(edge-16), rows, store64(8), hand(edge, 0), hand(edge-16, 1))), victim: fine, other: fine,
	},
	{
		name: "area-past-the-end", zh: "输入区须整个在内存里", en: "the whole input area is in memory: addresses past the end, negative, near the wrap",
		modules: many(map[string]*guest{
			"8 too far": newGuest(honest).at(i32c(edge - 1<<14 + 8)), "the end": newGuest(honest).at(i32c(edge)), "far": newGuest(honest).at(i32c(1 << 30)),
			"negative": newGuest(honest).at(i32c(math.MinInt32)), "-8": newGuest(honest).at(i32c(-8)), "wraps": newGuest(honest).at(i32c(-1 << 14)),
		}), victim: refused, other: refused,
	},
	{
		name: "area-unaligned", zh: "输入区按八字节对齐", en: "the input area is aligned: addresses that are no multiple of eight",
		modules: many(map[string]*guest{"1": newGuest(honest).at(i32c(area + 1)), "4": newGuest(honest).at(i32c(area + 4)), "-1": newGuest(honest).at(i32c(-1))}),
		victim:  refused, other: refused,
	},
	{
		name: "area-at-the-edge", zh: "输入区可以恰好到末尾，或在刚增长的内存里", en: "the area may end where memory does, or lie in memory that was grown to say so",
		modules: many(map[string]*guest{
			"the last place": newGuest(tell(rowsAt(edge - 1<<14))).at(i32c(edge - 1<<14)),
			"grown":          newGuest(tell(rowsAt(edge))).at(i32c(1), growOp, i32c(16), []byte{0x74}), // shl: the old size in bytes
		}), victim: fine, other: fine,
	},
	{
		name: "area-moves", zh: "每个单元只问一次地址：地址逐次移动", en: "the address is asked anew for every unit, and says nothing of the last: it moves at each call",
		modules: one(newGuest(tell(global(0), load32(8), i64extend, global(0), i64extend, i64c(-area-8), i64add, i64c(1000), i64mul, i64add)).
			global(i32, i32c(area)).at(global(0), i32c(8), i32add, setGlobal(0), global(0))), victim: fine, other: fine,
	},
	{
		name: "area-over-everything", zh: "输入区可与客体自己的数据重叠，受害的只有它自己", en: "an area over the guest's own data and the record it hands over harms the guest alone",
		modules: one(newGuest(i32c(0), load32(8), setLocal(n0), tell(local(n0), i64extend)).at(i32c(0)).data(i32c(0), "overwritten by the area, whatever it says")),
		victim:  fine, other: fine,
	},
	{
		name: "emit-the-area", zh: "输出的只是记录：把输入区当作记录交出", en: "what is handed over is records and no more: the area itself, handed over as two",
		modules: one(newGuest(hand(area, 2))), victim: "[{827217241 1 0 12884901890} {128 20 0 184}]", other: "[{827217241 1 0 12884901890} {128 20 0 184}]", bounded: "-",
	},
	{
		name: "emit-then-scribble", zh: "交出即定：随后改写记录与输入区", en: "what was handed over is handed over: the record and the area change right behind it",
		modules: one(newGuest(honest, i32c(scratch), cost, store64(8), i32c(area), i32c(0x55), i32c(4096), bulk(11, 0))),
		victim:  fine, other: fine,
	},
	{
		name: "emit-grown", zh: "内存在两次输出之间移动", en: "memory moves between two emits: grown to its limit, handed over from the last page",
		modules: one(newGuest(i32c(62), growOp, drop, i32c(64<<16-16), i32c(1), store32(0), i32c(64<<16-16), rows, store64(8), hand(64<<16-16, 1), i32c(1), growOp, drop)),
		victim:  fine, other: fine,
	},
	{
		name: "emit-before-the-area", zh: "初始化时的输出不属于任何单元", en: "what _initialize hands over is nobody's",
		modules: one(newGuest(honest).onInit(tell(i64c(99)))), victim: fine, other: fine,
	},
	{
		name: "emit-too-much-before-the-area", zh: "初始化时的输出同样受限", en: "and it has the same limit",
		modules: many(map[string]*guest{
			"initializer": newGuest(honest).onInit(repeat(257, tell(i64c(99)))), "abi": newGuest(honest).at(repeat(257, tell(i64c(99))), i32c(area)),
			"pointer": newGuest(honest).onInit(hand(edge, 1)),
		}), victim: refused, other: refused,
	},
	{
		name: "emit-with-the-address", zh: "询问地址时的输出与数据无关", en: "what yunei_abi_v1 hands over is said before there is a unit, of every unit alike",
		modules: one(newGuest(honest).at(tell(cost), i32c(area))), victim: "[{1 0 0 0} {1 0 0 2}]", other: "[{1 0 0 0} {1 0 0 2}]",
	},
	{
		name: "exhaust-before-the-area", zh: "加载时的失败只说一种", en: "what fails before the first row is one kind: each way to trap",
		modules: func() map[string][]byte {
			all := map[string][]byte{}
			for name, code := range traps {
				all["initializer: "+name] = newGuest(honest).table(fEmitter).fn(tUnary, "", local(0)).onInit(code).bytes()
				all["abi: "+name] = newGuest(honest).table(fEmitter).fn(tUnary, "", local(0)).at(code, i32c(area)).bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "iovecs", zh: "fd_write 的缓冲区重叠、回绕、过多、越界", en: "buffers of fd_write overlap, wrap around, are too many, lie past the end: each is answered by rule",
		modules: inC("iovecs"), victim: "[{1 0 0 2800282828212121}]", other: "[{1 0 0 2800282828212121}]",
	},
	{
		name: "pointers", zh: "WASI 的结果写到内存之外", en: "answers of WASI are to be written past the end: an error number, and nothing written",
		modules: inC("pointers"), victim: "[{1 0 0 21212121212821}]", other: "[{1 0 0 21212121212821}]",
	},
	{
		name: "files", zh: "没有文件：关闭、查询无人打开的描述符", en: "there are no files: closes and asks for descriptors that nobody opened",
		modules: inC("files"), victim: "[{1 0 0 80808}]", other: "[{1 0 0 80808}]",
	},
}

// fEmitter is the first function of ours behind yunei_map; in traps, one of
// another type than it is called with.
const fEmitter = fNext

// traps are all the ways to trap.
var traps = map[string][]byte{
	"unreachable":       unreachable,
	"division by zero":  join(i32c(1), i32c(0), []byte{0x6d}, drop),
	"remainder by zero": join(i64c(1), i64c(0), []byte{0x81}, drop),
	"overflow":          join(i32c(math.MinInt32), i32c(-1), []byte{0x6d}, drop),
	"wide overflow":     join(i64c(math.MinInt64), i64c(-1), []byte{0x7f}, drop),
	"NaN to integer":    join(f64c(math.NaN()), []byte{0xaa}, drop),
	"too large a float": join(f32c(3e38), []byte{0xae}, drop),
	"load":              join(i32c(-1), load64(0), drop),
	"load by offset":    join(i32c(-1), op(0x28, 2, 1<<32-1), drop),
	"store":             join(i32c(edge-4), i64c(0), store64(0)),
	"fill":              join(i32c(edge-4), i32c(0), i32c(8), bulk(11, 0)),
	"copy":              join(i32c(0), i32c(edge), i32c(1), bulk(10, 0, 0)),
	"null in the table": join(i32c(1), callIndirect(tVoid)),
	"wrong type":        join(i32c(0), callIndirect(tVoid)),
	"index -1":          join(i32c(-1), callIndirect(tVoid)),
	"fuel":              spin,
}

var floods = []attack{
	{
		name: "flood", zh: "输出有上限：一百万条记录", en: "output has a limit: a million records",
		modules: inC("flood"), victim: failed, other: fine,
	},
	{
		name: "flood-at-once", zh: "输出有上限：一次交出两百五十六条，再一条", en: "output has a limit, however it is handed over: all of it at once, then one",
		modules: one(newGuest(onVictim(hand(0, 256), hand(0, 0), hand(0, 1)), honest)), victim: failed, other: fine,
	},
	{
		name: "emits-victim", zh: "到限为止的记录也一并作废", en: "a unit that meets a limit has no emits: a record too many, behind as many as there may be",
		modules: inC("emits-victim"), victim: failed, other: fine,
	},
	{
		name: "print", zh: "没有输出流：把整个单元写到标准输出", en: "nothing of a guest crosses but emits: writes the unit to standard output",
		modules: inC("print"), victim: fine, other: fine,
	},
	{
		name: "ask", zh: "调用宿主有上限", en: "calls of the host have a limit: five thousand of them",
		modules: inC("ask"), grant: func(l *limits.Limits) { l.Fuel = 1 << 24 }, victim: failed, other: fine,
	},
	{
		name: "print-without-end", zh: "标准输出写不满任何东西", en: "nothing fills up: two gigabytes to standard error, as often as may be",
		modules: one(newGuest(
			i32c(scratch), i32c(1<<31-1), store32(4), i32c(100), setLocal(n0),
			loop(i32c(2), i32c(scratch), i32c(1), i32c(scratch+16), call(1), drop, local(n0), i32c(1), i32sub, op(0x22, n0), brIf(0)), honest).
			with(imported(wasi, "fd_write", tNext)).typed(funcType("\x7f\x7f\x7f\x7f", "\x7f"))), victim: fine, other: fine,
	},
}

var cells = []attack{
	{
		name: "stuff", zh: "一个单元至多触及 L0 个单元格：触及全部十六个，倒序", en: "a unit touches L0 cells at most, the first in their order: all sixteen, backwards",
		modules: inC("stuff"), victim: emitted(stuffing()...), other: fine, bounded: "0:100,0 1:100,0 2:100,0",
	},
	{
		name: "every", zh: "单元格是封闭的清单：两百五十六个", en: "cells are a closed list: two hundred and fifty-six of them",
		modules: inC("every"), victim: emitted(everyCell()...), other: fine, bounded: "0:100,0 1:100,0 2:100,0",
	},
	{
		name: "million", zh: "同一单元格重复一百万次仍是一个单元", en: "a unit counts once in a cell: the same cell a million times",
		modules: inC("million"), grant: func(l *limits.Limits) { l.Fuel = 1 << 30 }, victim: failed, other: fine,
	},
	{
		name: "pile", zh: "合计先加后截：一万六千个最大值不溢出", en: "totals are added before they are clipped, in room enough: the greatest value sixteen thousand times",
		modules: inC("pile"), grant: func(l *limits.Limits) { l.Fuel, l.Emits = 1<<24, 1<<14 }, victim: emitted(piled()...), other: fine, bounded: "1:100,0",
	},
	{
		name: "extremes", zh: "取值有界：最小值与最大值各种次序", en: "values are bounded: the least and the greatest, in every order",
		modules: inC("extremes"), victim: emitted(extremes()...), other: fine, bounded: "0:-50,0 1:-2,0 2:0,0",
	},
	{
		name: "wrap-sum", zh: "六十四位回绕的和不为零：按一百二十八位相加", en: "sums do not wrap around: values whose sum in 64 bits is nought",
		modules: inC("wrap-sum"), victim: emitted(
			record(1, 0, 0, math.MaxInt64), record(1, 0, 0, math.MaxInt64), record(1, 0, 0, 2), record(2, 0, 0, math.MinInt64), record(2, 0, 0, math.MinInt64)),
		other: fine, bounded: "1:100,0 2:-50,0",
	},
	{
		name: "nowhere", zh: "清单之外的单元格不计", en: "a cell that is not on the list counts nothing",
		modules: inC("nowhere"), victim: emitted(record(16, 0, 0, 9), record(1<<31-1, 0, 0, 9), record(1<<32-1, 0, 0, 9), record(1, 0, 0, 2)), other: fine, bounded: "1:2,0",
	},
	{
		name: "unmeasured", zh: "未声明的度量不计，也不占单元格", en: "a measure that is not on the list counts nothing, and touches no cell",
		modules: inC("unmeasured"), victim: emitted(record(1, 2, 0, 9), record(1, 1<<15-1, 0, 9), record(1, 1<<16-1, 0, 9), record(1, 0, 0, 2)), other: fine, bounded: "1:2,0",
	},
	{
		name: "others", zh: "不能替别的单元说话", en: "a unit speaks for itself: records in the name of units that are not in the area",
		modules: inC("others"), victim: emitted(record(1, 0, 1, 9), record(1, 0, 1<<16-1, 9), record(1, 0, 0, 2)), other: fine, bounded: "1:2,0",
	},
}

// A rec is a record.
type rec = abi.Emit

func record(cell uint32, measure, unit uint16, value int64) rec {
	return rec{Cell: cell, Measure: measure, Unit: unit, Value: value}
}

func stuffing() (all []rec) {
	for cell := uint32(16); cell > 0; cell-- {
		all = append(all, rec{Cell: cell - 1, Value: 1000})
	}
	return append(all, rec{Cell: 1, Value: 2})
}

func everyCell() (all []rec) {
	for cell := range uint32(256) {
		all = append(all, rec{Cell: cell, Value: 1000})
	}
	return all
}

func piled() (all []rec) {
	for range 1 << 14 {
		all = append(all, rec{Cell: 1, Value: math.MaxInt64})
	}
	return all
}

func extremes() (all []rec) {
	for i, v := range []int64{math.MinInt64, math.MinInt64, math.MaxInt64, math.MaxInt64, 1, -1, math.MinInt64} {
		all = append(all, rec{Cell: uint32(i & 1), Value: v}, rec{Cell: 2, Measure: 1, Value: -v})
	}
	return all
}

// keep is a guest that tells what a global held and keeps the cost in it.
func keep(typ byte, zero, told, kept []byte) *guest {
	return newGuest(tell(global(0), told), kept, setGlobal(0)).global(typ, zero)
}

// nan64 tells what is left of the bits of a NaN, as both engines must have it.
func nan64(code ...[]byte) *guest {
	return newGuest(tell(join(code...), f64bits, i64c(0x7ff8<<48), i64xor))
}

// nan32 is nan64 for the smaller type.
func nan32(code ...[]byte) *guest {
	return newGuest(tell(join(code...), f32bits, i64extend, i64c(0x7fc00000), i64xor))
}

var (
	odd64 = join(i64c(-(0x7ff4dead << 20) /* negative, with a payload */), f64ofBits)
	odd32 = join(i32c(-0x00600bad), f32ofBits)
)

var smugglers = []attack{
	{
		name: "remember", zh: "每个单元从同一状态开始：内存、计数、增长的页", en: "every unit starts from the same state: memory, a counter, grown pages",
		modules: inC("remember"), victim: "[{1 0 0 8589934592}]", other: "[{1 0 0 8589934592}]",
	},
	{
		name: "scribble", zh: "每个单元从同一状态开始：写满输入区之后的全部内存", en: "every unit starts from the same state: all memory behind its area, to the last page",
		modules: inC("scribble"), victim: nought, other: nought,
	},
	{
		name: "area-left", zh: "较长的单元不从较短单元的背后露出", en: "a longer unit does not show from behind a shorter one",
		modules: inC("area-left"), victim: nought, other: nought,
	},
	{
		name: "stack-pointer", zh: "栈指针不随陷阱留在深处", en: "a stack pointer does not stay where a trap left it",
		modules: inC("stack-pointer"), victim: failed, other: "[{1 0 0 74767}]", // where a module of 8 KiB of stack has it at first
	},
	{
		name: "allocator", zh: "分配器的状态不留给下一个单元", en: "an allocator starts anew",
		modules: inC("allocator"), victim: nought, other: nought,
	},
	{
		name: "globals", zh: "全局变量不留给下一个单元：每一种类型，含 NaN 的载荷", en: "globals start anew: of each type, bits of NaNs included",
		modules: many(map[string]*guest{
			"i32":              keep(i32, i32c(0), i64extend, join(cost, i32wrap)),
			"i64":              keep(i64, i64c(0), nil, cost),
			"f32":              keep(f32, f32c(0), join(f32bits, i64extend), join(cost, i32wrap, i32c(0x7fa00000), i32add, f32ofBits)),
			"f64":              keep(f64, f64c(0), f64bits, join(cost, i64c(0x7ff4<<48), i64add, f64ofBits)),
			"the last of many": newGuest(tell(global(99)), cost, setGlobal(99)).manyGlobals(100),
		}), victim: nought, other: nought,
	},
	{
		name: "global-constants", zh: "复位到的是初值而不是零", en: "a start is the initial value and not nought: globals with odd values, bits of NaNs included",
		modules: many(map[string]*guest{
			"f64":                newGuest(tell(global(0), f64bits, i64c(0x7ff4<<48+5), i64xor), f64c(1), setGlobal(0)).global(f64, join([]byte{0x44, 5, 0, 0, 0, 0, 0, 0xf4, 0x7f})),
			"f32":                newGuest(tell(global(0), f32bits, i64extend, i64c(0x7fa00005), i64xor), f32c(1), setGlobal(0)).global(f32, []byte{0x43, 5, 0, 0xa0, 0x7f}),
			"i64":                newGuest(tell(global(0), i64c(-1), i64xor), cost, setGlobal(0)).global(i64, i64c(-1)),
			"set by _initialize": newGuest(tell(global(0), i64c(-7), i64xor), cost, setGlobal(0)).global(i64, i64c(-1)).onInit(i64c(-7), setGlobal(0)),
		}), victim: nought, other: nought,
	},
	{
		name: "initialized-memory", zh: "复位到的是初始化之后的内存：数据段与 _initialize 所写", en: "a start is memory as _initialize left it: data segments and grown pages that units overwrite",
		modules: many(map[string]*guest{
			"data": newGuest(tell(i32c(2048), load64(0), i64c(0x6465746164696c61), i64xor), i32c(2048), cost, store64(0)).data(i32c(2048), "alidated"),
			"initializer": newGuest(tell(i32c(edge+80), load64(0), i64c(77), i64xor), i32c(edge+80), cost, store64(0)).
				onInit(i32c(1), growOp, drop, i32c(edge+80), i64c(77), store64(0)),
		}), victim: nought, other: nought,
	},
	{
		name: "dropped-data", zh: "丢弃的数据段对下一个单元仍在", en: "a data segment that was dropped is there for the next unit",
		modules: many(map[string]*guest{
			"always":                           newGuest(i32c(2048), i32c(0), i32c(4), bulk(8, 0, 0), honest, bulk(9, 0)).segment("data"),
			"when it has the cost of a victim": newGuest(i32c(2048), i32c(0), i32c(4), bulk(8, 0, 0), onVictim(bulk(9, 0)), honest).segment("data"),
		}), victim: fine, other: fine,
	},
	{
		name: "fuel-left", zh: "燃料不留给下一个单元", en: "fuel does not pass to the next unit: six tenths of it at each, then more than all that is left",
		modules: many(map[string]*guest{
			"spent": newGuest(burn(1<<20*6/10), honest),
		}), victim: fine, other: fine,
	},
	{
		name: "fuel-saved", zh: "省下的燃料不能积攒", en: "fuel that was not used is not saved up: nothing at the victim, more than there is at everyone else",
		modules: one(newGuest(victim, i32eqz, then(burn(1<<20)), honest)), victim: fine, other: failed,
	},
	{
		name: "depth-left", zh: "深度不随陷阱留在深处", en: "depth does not stay where a trap left it: deep at the victim, then a trap; as deep again at everyone else",
		modules: one(newGuest(victim, i32c(0), i32add, setGlobal(0), i32c(1000), call(fNext), drop, honest).global(i32, i32c(0)).
			fn(tUnary, "", local(0), i32eqz, then(global(0), then(unreachable), i32c(0), ret), local(0), i32c(1), i32sub, call(fNext))), victim: failed, other: fine,
	},
	{
		name: "calls-left", zh: "宿主调用的次数不留给下一个单元", en: "calls of the host are counted anew: four thousand at every unit",
		modules: inC("calls-left"), grant: func(l *limits.Limits) { l.Fuel = 1 << 24 }, victim: fine, other: fine,
	},
	{
		name: "grown-page", zh: "新页总是空的", en: "a page that is grown is empty: full of the cost when the last unit left it",
		modules: one(newGuest(i32c(1), growOp, drop, tell(i32c(edge), load64(0), i32c(edge+65528), load64(0), i64add, sizeOp, i64extend, i64add, i64c(-3), i64add),
			i32c(edge), cost, store64(0), i32c(edge+65528), cost, store64(0))), victim: nought, other: nought,
	},
	{
		name: "grown-only-by-victim", zh: "增长的内存不留给下一个单元", en: "memory that one unit grew is not there for the next: to its limit, at the victim only",
		modules: one(newGuest(onVictim(i32c(62), growOp, drop), tell(i32c(61), growOp, i64extend))), victim: "[{1 0 0 4294967295}]", other: "[{1 0 0 2}]",
	},
	{
		name: "guess", zh: "没有时钟、随机数与环境", en: "there is no clock, no randomness, no environment: tells what they say",
		modules: inC("guess"), victim: "[{1 0 0 -2152535658033903697}]", other: "[{1 0 0 -2152535658033903697}]",
	},
	{
		name: "bits-of-nan", zh: "两个引擎的 NaN 位相同", en: "no bit tells one machine from another: NaNs as every operator makes them",
		modules: many(map[string]*guest{
			"0/0": nan64(f64c(0), f64c(0), []byte{0xa3}), "inf-inf": nan64(f64c(math.Inf(1)), f64c(math.Inf(1)), []byte{0xa1}),
			"0*inf": nan64(f64c(0), f64c(math.Inf(-1)), []byte{0xa2}), "sqrt -1": nan64(f64c(-1), []byte{0x9f}),
			"odd+1": nan64(odd64, f64c(1), []byte{0xa0}), "1+odd": nan64(f64c(1), odd64, []byte{0xa0}), "odd*odd": nan64(odd64, odd64, []byte{0xa2}),
			"min odd": nan64(odd64, f64c(1), []byte{0xa4}), "max odd": nan64(f64c(1), odd64, []byte{0xa5}), "ceil odd": nan64(odd64, []byte{0x9b}),
			"floor odd": nan64(odd64, []byte{0x9c}), "trunc odd": nan64(odd64, []byte{0x9d}), "nearest odd": nan64(odd64, []byte{0x9e}), "sqrt odd": nan64(odd64, []byte{0x9f}),
			"promoted": nan64(odd32, []byte{0xbb}), "demoted": nan32(odd64, []byte{0xb6}), "0/0 of 32": nan32(f32c(0), f32c(0), []byte{0x95}),
			"odd+1 of 32": nan32(odd32, f32c(1), []byte{0x92}), "min of 32": nan32(odd32, f32c(1), []byte{0x96}), "ceil of 32": nan32(odd32, []byte{0x8d}), "sqrt of 32": nan32(f32c(-1), []byte{0x91}),
		}), victim: nought, other: nought,
	},
	{
		name: "bits-that-stay", zh: "搬运不改变位", en: "what only moves keeps its bits: NaNs through memory, locals, globals, calls, negation, signs",
		modules: many(map[string]*guest{
			"constant":  newGuest(tell(odd64, f64bits, odd64, f64bits, i64xor)),
			"memory":    newGuest(i32c(2048), odd64, op(0x39, 3, 0), tell(i32c(2048), load64(0), odd64, f64bits, i64xor)),
			"negated":   newGuest(tell(odd64, []byte{0x9a, 0x9a}, f64bits, odd64, f64bits, i64xor)),
			"copysign":  newGuest(tell(odd64, odd64, []byte{0xa6}, f64bits, odd64, f64bits, i64xor)),
			"-0 of min": newGuest(tell(f64c(0), f64c(math.Copysign(0, -1)), []byte{0xa4}, f64bits, i64c(math.MinInt64), i64xor)),
			"0 of max":  newGuest(tell(f64c(math.Copysign(0, -1)), f64c(0), []byte{0xa5}, f64bits)),
		}), victim: nought, other: nought,
	},
	{
		name: "blame", zh: "一批中的每个单元各自受限：把目标的秘密记到同批他人名下", en: "in a batch each unit is bounded by itself: writes the victim's secret on all the others",
		modules: inC("blame"), victim: fine, other: fine,
	},
}

func (g *guest) manyGlobals(n int) *guest {
	for range n {
		g.global(i64, i64c(0))
	}
	return g
}

func (g *guest) segment(content string) *guest {
	g.datas = append(g.datas, join([]byte{1}, str(content)))
	return g.counted()
}

// burn spends about fuel.
func burn(fuel int32) []byte {
	return join(i32c(fuel/5), setLocal(n1), loop(local(n1), i32c(1), i32sub, op(0x22, n1), brIf(0)))
}

var targeted = []attack{
	{
		name: "trap-victim", zh: "失败不外露：只在目标处陷阱", en: "a failure shows nowhere: traps at the victim",
		modules: inC("trap-victim"), victim: failed, other: fine,
	},
	{
		name: "trap-every-way", zh: "失败只有一种：每一种陷阱", en: "a failure is a failure: each way to trap",
		modules: func() map[string][]byte {
			all := map[string][]byte{}
			for name, code := range traps {
				all[name] = newGuest(onVictim(code), honest).table(fEmitter).fn(tUnary, "", local(0)).bytes()
			}
			return all
		}, victim: failed, other: fine,
	},
	{
		name: "divide-victim", zh: "失败不外露：除以由目标决定的零", en: "a failure shows nowhere: divides by what the victim makes nought",
		modules: inC("divide-victim"), victim: failed, other: fine,
	},
	{
		name: "exit-victim", zh: "没有退出码：在目标处 proc_exit", en: "there is no exit status: leaves at the victim",
		modules: inC("exit-victim"), victim: failed, other: fine,
	},
	{
		name: "exit-by-number", zh: "没有退出码：状态里带着秘密", en: "there is no exit status: leaves everywhere, with the cost for a number",
		modules: one(newGuest(honest, cost, i32wrap, call(1)).with(imported(wasi, "proc_exit", tNext)).typed(funcType("\x7f", ""))), victim: failed, other: failed,
	},
	{
		name: "late-trap", zh: "失败的单元没有输出：先输出后陷阱", en: "a unit that failed has no emits: hands over first, traps then",
		modules: inC("late-trap"), victim: failed, other: fine,
	},
	{
		name: "depth-victim", zh: "只在目标处耗尽深度", en: "each limit, at the victim only: depth",
		modules: inC("depth-victim"), grant: func(l *limits.Limits) { l.Fuel = 1 << 24 }, victim: failed, other: fine,
	},
	{
		name: "calls-victim", zh: "只在目标处耗尽宿主调用", en: "each limit, at the victim only: calls of the host",
		modules: inC("calls-victim"), grant: func(l *limits.Limits) { l.Fuel = 1 << 24 }, victim: failed, other: fine,
	},
	{
		name: "sleep-victim", zh: "时间不外露：只在目标处算到将近限额", en: "time shows nowhere: computes for most of its fuel at the victim, and does nothing wrong",
		modules: inC("sleep-victim"), victim: fine, other: fine,
	},
	{
		name: "poll-victim", zh: "无处可睡：请求一小时后唤醒", en: "nobody sleeps: asks to be woken in an hour",
		modules: inC("poll-victim"), victim: fine, other: fine,
	},
	{
		name: "init-peek", zh: "初始化时没有单元：若有即陷阱", en: "there is no unit to initialise from: traps if there is",
		modules: inC("init-peek"), victim: fine, other: fine,
	},
}

var coded = []attack{
	{
		name: "choose", zh: "dp 下单元格带噪声：目标的单元格即身份", en: "in dp a cell is noisy: the victim's cell says who it is, everyone else is spread evenly",
		modules: inC("choose"), victim: "[{7 0 0 1}]", other: "[{1 0 0 1}]", bounded: "7:1,0",
	},
	{
		name: "add-secret", zh: "dp 下合计带噪声：众人皆十，目标另加秘密", en: "in dp a sum is noisy: ten for everyone, and the victim's secret on top",
		modules: inC("add-secret"), victim: "[{1 0 0 11}]", other: "[{1 0 0 10}]", bounded: "1:11,0",
	},
	{
		name: "bits", zh: "dp 下触及何处也受保护：以所选单元格传位", en: "in dp it is protected which cells a unit is in: the bits of a secret, one cell each",
		modules: inC("bits"), victim: "[{1 0 0 1} {2 0 0 1} {4 0 0 1}]", other: "[{11 0 0 1}]", bounded: "1:1,0 2:1,0 4:1,0",
	},
}
