package hostile

import (
	"fmt"
	"strings"

	"github.com/yunei/yunei/jobs/abi"
	"github.com/yunei/yunei/jobs/limits"
)

func memories(descriptions ...[]byte) *guest {
	g := newGuest(honest)
	g.memories = descriptions
	return g
}

func tables(descriptions ...[]byte) *guest {
	g := newGuest(honest)
	g.tables = descriptions
	return g
}

var memory = []attack{
	{
		name: "grow", zh: "内存有上限：不断增长并触碰每一页", en: "memory has a limit: grows without end, and touches every page",
		modules: inC("grow"), victim: "[{1 0 0 64}]", other: "[{1 0 0 64}]",
	},
	{
		name: "grow-by-too-much", zh: "增长失败由规则而非内核决定：一次要四吉字节", en: "growth fails by rule and not by the kernel: by all there is at once, and by numbers that wrap around",
		modules: one(newGuest(tell(
			i32c(-1), growOp, i32c(1<<16), growOp, i32add, i32c(1<<31-1), growOp, i32add, i32c(-1<<31), growOp, i32add, i32c(63), growOp, i32add, sizeOp, i32add, i64extend,
		))), victim: "[{1 0 0 4294967293}]", other: "[{1 0 0 4294967293}]",
	},
	{
		name: "memory-victim", zh: "内存不足只属于规则：目标处占满全部内存并越界读取", en: "memory ends by rule: takes all there is at the victim, then goes a byte further",
		modules: inC("memory-victim"), victim: failed, other: fine,
	},
	{
		name: "memory-too-large", zh: "要的内存不得超过授权", en: "no more memory than the permit grants, whatever a module declares",
		modules: many(map[string]*guest{
			"65 of 64 pages":  memories(join([]byte{0}, u(65))),
			"65537 pages":     memories(join([]byte{0}, u(65537))),
			"2^32-1 pages":    memories(join([]byte{0}, u(1<<32-1))),
			"least over most": memories(join([]byte{1}, u(3), u(2))),
			"data beyond it":  newGuest(honest).data(i32c(2<<16-3), "four"),
			"data before it":  newGuest(honest).data(i32c(-1), "four"),
		}), victim: refused, other: refused,
	},
	{
		name: "memory-of-another-kind", zh: "只许一块 32 位、不共享的内存", en: "one memory, of 32 bits, not shared",
		modules: many(map[string]*guest{
			"none": memories(), "two": memories([]byte{0, 1}, []byte{0, 1}), "shared": memories([]byte{3, 1, 2}), "shared, no maximum": memories([]byte{2, 1}),
			"of 64 bits": memories([]byte{4, 1}), "of odd pages": memories([]byte{8, 1, 0}), "flags of 2^7": memories([]byte{0x80, 1, 1}),
		}), victim: refused, other: refused,
	},
	{
		name: "table-too-large", zh: "表有上限，且只装自己的函数", en: "a table has a limit, and holds nothing but the guest's own functions",
		modules: many(map[string]*guest{
			"65537":           tables(join([]byte{funcref, 0}, u(1<<16+1))),
			"2^32-1":          tables(join([]byte{funcref, 0}, u(1<<32-1))),
			"two":             tables([]byte{funcref, 0, 1}, []byte{funcref, 0, 1}),
			"of externs":      tables([]byte{0x6f, 0, 1}),
			"shared":          tables([]byte{funcref, 3, 1, 1}),
			"element beyond":  newGuest(honest).table(fMap).elem(i32c(1), fMap),
			"negative offset": newGuest(honest).table(fMap).elem(i32c(-1), fMap),
			"no such func":    newGuest(honest).table(99),
		}), victim: refused, other: refused,
	},
	{
		name: "table-changed", zh: "表不可改：一切写表的指令", en: "no table changes: each operator that would write to one",
		modules: func() map[string][]byte {
			all := map[string][]byte{
				"table.get": newGuest(i32c(0), op(0x25, 0), drop).table(fMap).bytes(),
				"table.set": newGuest(i32c(0), op(0xd2, fMap), op(0x26, 0)).table(fMap).bytes(),
				"ref.null":  newGuest([]byte{0xd0, funcref}, drop).bytes(),
				"ref.func":  newGuest(op(0xd2, fMap), drop).bytes(),
			}
			for sub, name := range map[uint64]string{12: "table.init", 13: "elem.drop", 14: "table.copy", 15: "table.grow", 16: "table.size", 17: "table.fill"} {
				all[name] = newGuest(i32c(0), i32c(0), i32c(0), bulk(sub, 0, 0)).table(fMap).bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
}

// data adds an active data segment.
func (g *guest) data(offset []byte, content string) *guest {
	g.datas = append(g.datas, join([]byte{0}, offset, end, str(content)))
	return g
}

// elem adds an active element segment of one function.
func (g *guest) elem(offset []byte, f uint64) *guest {
	g.elems = append(g.elems, join([]byte{0}, offset, end, vec(u(f))))
	return g
}

var huge = []attack{
	{
		name: "huge", zh: "模块有上限：字节、类型、函数、导出、段", en: "a module has limits: of bytes, types, functions, exports, segments, elements",
		modules: func() map[string][]byte {
			many := func(n int, item []byte) [][]byte {
				all := make([][]byte, n)
				for i := range all {
					all[i] = item
				}
				return all
			}
			types, funcs, exports, segments, elements, globals := newGuest(honest), newGuest(honest), newGuest(honest), newGuest(honest), newGuest(honest), newGuest(honest)
			types.types = append(types.types, many(1<<16, funcType("", ""))...)
			for range 1 << 17 {
				funcs.fn(tVoid, "")
			}
			for i := range 1 << 12 {
				exports.export(fmt.Sprint(i), kindFunc, fMap)
			}
			segments.datas = many(100_001, join([]byte{0}, i32c(0), end, str("")))
			elements.table(make([]uint64, 1<<17+1)...)
			globals.globals = many(1<<16+1, join([]byte{i32, 1}, i32c(0), end))
			return map[string][]byte{
				"bytes": join(newGuest(honest).bytes(), section(secCustom, join(str("x"), make([]byte, 16<<20)))),
				"types": types.bytes(), "functions": funcs.bytes(), "exports": exports.bytes(), "segments": segments.bytes(),
				"elements": elements.bytes(), "globals": globals.bytes(),
				"one function": newGuest(repeat(2<<20, nop), honest).bytes(),
				"arity":        newGuest(honest).typed(funcType(string(repeat(1000, []byte{i32})), "")).bytes(),
			}
		}, victim: refused, other: refused,
	},
	{
		name: "huge-nesting", zh: "嵌套有上限：两万层的块", en: "nesting has a limit: twenty thousand blocks within blocks",
		modules: many(map[string]*guest{
			"blocks": newGuest(repeat(20000, []byte{0x02, 0x40}), repeat(20000, end), honest),
			"loops":  newGuest(repeat(20000, []byte{0x03, 0x40}), repeat(20000, end), honest),
			"ifs":    newGuest(repeat(20000, join(i32c(1), []byte{0x04, 0x40})), repeat(20000, end), honest),
		}), victim: refused, other: refused,
	},
	{
		name: "huge-once-metered", zh: "改写后的模块也有上限：每三字节一个循环", en: "the rewritten module has a limit, too: a loop every three bytes",
		modules: func() map[string][]byte {
			g := newGuest(honest)
			for range 6 {
				g.fn(tVoid, "", repeat(600_000, loop()))
			}
			return map[string][]byte{"": g.bytes()}
		}, victim: refused, other: refused,
	},
	{
		name: "huge-data", zh: "数据段放不进内存：十兆字节", en: "data that its memory does not hold: ten megabytes",
		modules: one(newGuest(honest).data(i32c(0), strings.Repeat("data", 10<<18))), victim: refused, other: refused,
	},
	{
		name: "large-branch-table", zh: "跳转表只是一条指令：四千路", en: "a branch table is one operator: four thousand ways",
		modules: one(newGuest(block(block(victim, []byte{0x0e}, bigTable(4096))), honest)), victim: fine, other: fine,
	},
	{
		name: "huge-branch-table", zh: "跳转表有上限，两个引擎对它说法一致：十万路、四十万路",
		en: "what is admitted compiles on both engines, and soon: branch tables of a hundred and of four hundred thousand ways",
		modules: many(map[string]*guest{
			"100000": newGuest(block(block(victim, []byte{0x0e}, bigTable(100_000))), honest),
			"400000": newGuest(block(block(victim, []byte{0x0e}, bigTable(400_000))), honest),
		}), victim: refused, other: refused,
	},
}

// bigTable are the immediates of a br_table with n ways out of one block.
func bigTable(n int) []byte { return join(u(uint64(n)), make([]byte, n), u(1)) }

var sectionNames = map[byte]string{
	secType: "type", secImport: "import", secFunc: "function", secTable: "table", secMemory: "memory", secGlobal: "global", secExport: "export",
	secElem: "element", secCode: "code", secData: "data", secDataCount: "data count",
}

// full is a guest that has every section there may be.
func full() *guest {
	g := newGuest(honest).table(fMap).global(i32, i32c(0)).data(i32c(0), "data")
	g.dataCount = u(1)
	return g
}

// each is full with every section mutilated in turn.
func each(how func(id byte, content []byte) []byte) func() map[string][]byte {
	return func() map[string][]byte {
		all := map[string][]byte{}
		for id, name := range sectionNames {
			g := full()
			g.replace = map[byte][]byte{id: how(id, g.content(id))}
			all[name] = g.bytes()
		}
		return all
	}
}

// longer is the same number in more bytes than a number of 32 bits may have.
func longer(content []byte, pad int) []byte {
	n := 0
	for content[n] >= 0x80 {
		n++
	}
	out := append([]byte(nil), content[:n+1]...)
	out[n] |= 0x80
	for len(out) < pad-1 {
		out = append(out, 0x80)
	}
	return join(out, []byte{0}, content[n+1:])
}

var malformed = []attack{
	{
		name: "no-module", zh: "不是模块的字节", en: "bytes that are no module: none, text, another version, a component, half a preamble",
		modules: bytesOf(map[string][]byte{
			"nothing": {}, "text": []byte("(module)"), "half": []byte(preamble[:5]), "only the preamble": []byte(preamble), "version 2": []byte("\x00asm\x02\x00\x00\x00"),
			"component": []byte("\x00asm\x0d\x00\x01\x00"), "elf": []byte("\x7fELF\x02\x01\x01\x00"), "zeros": make([]byte, 1<<16),
		}), victim: refused, other: refused,
	},
	{
		name: "section-cut", zh: "每一种段都被截断", en: "nothing is read beyond its end: each kind of section cut short, its length left as it was",
		modules: each(func(id byte, content []byte) []byte {
			return join([]byte{id}, u(uint64(len(content))), content[:len(content)-1])
		}), victim: refused, other: refused,
	},
	{
		name: "section-shrunk", zh: "每一种段都短于其内容", en: "a section ends where it says: each kind one byte shorter than what it holds",
		modules: each(func(id byte, content []byte) []byte { return section(id, content[:len(content)-1]) }), victim: refused, other: refused,
	},
	{
		name: "section-padded", zh: "每一种段都长于其内容", en: "no room for what nobody reads: each kind one byte longer than what it holds",
		modules: each(func(id byte, content []byte) []byte { return section(id, join(content, []byte{0})) }), victim: refused, other: refused,
	},
	{
		name: "section-twice", zh: "每一种段都出现两次", en: "one section of each kind: each kind twice",
		modules: each(func(id byte, content []byte) []byte { return join(section(id, content), section(id, content)) }), victim: refused, other: refused,
	},
	{
		name: "section-boundless", zh: "不按读到的数目分配：计数与长度皆为 2^32-1", en: "nothing is allocated by a number that was read: lengths and counts of 2^32-1",
		modules: func() map[string][]byte {
			all := each(func(id byte, content []byte) []byte { return section(id, join(u(1<<32-1), content[1:])) })()
			for name, module := range each(func(id byte, content []byte) []byte { return join([]byte{id}, u(1<<32-1), content) })() {
				all["length of "+name] = module
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "section-number-too-long", zh: "数的编码不得过长", en: "a number has one limit of length: counts in six bytes, and in five with bits beyond the thirty-second",
		modules: func() map[string][]byte {
			all := each(func(id byte, content []byte) []byte { return section(id, longer(content, 6)) })()
			for name, module := range each(func(id byte, content []byte) []byte {
				wide := longer(content, 5)
				wide[4] = 0x10
				return section(id, wide)
			})() {
				all["wide "+name] = module
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "section-out-of-order", zh: "段有固定次序", en: "sections have an order: each pair of neighbours the other way round, and a kind that does not exist",
		modules: func() map[string][]byte {
			all := map[string][]byte{"unknown": join(full().bytes(), section(13, u(0))), "unknown 255": join(full().bytes(), section(255, nil))}
			order := full().order
			for i := range len(order) - 1 {
				if order[i] == secStart || order[i+1] == secStart {
					continue
				}
				g := full()
				g.order = append([]byte(nil), g.order...)
				g.order[i], g.order[i+1] = order[i+1], order[i]
				all[sectionNames[order[i]]+" late"] = g.bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "counts-that-differ", zh: "前后不一的计数", en: "what is declared is there: functions without bodies, bodies without functions, data counted wrongly, data not counted and used",
		modules: func() map[string][]byte {
			all := map[string][]byte{"data not declared": newGuest(onVictim(bulk(9, 0)), honest).data(i32c(0), "x").bytes()}
			for name, change := range map[string]func(*guest){
				"no code":        func(g *guest) { g.replace = map[byte][]byte{secCode: nil} },
				"no functions":   func(g *guest) { g.replace = map[byte][]byte{secFunc: nil} },
				"a body more":    func(g *guest) { g.replace = map[byte][]byte{secFunc: section(secFunc, vec(u(tI32)))} },
				"no such type":   func(g *guest) { g.funcs[1].typ = 99 },
				"more data":      func(g *guest) { g.dataCount = u(2) },
				"less data":      func(g *guest) { g.dataCount = u(0) },
				"much more data": func(g *guest) { g.dataCount = u(1<<32 - 1) },
			} {
				g := full()
				change(g)
				all[name] = g.bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "ill-typed", zh: "类型错误的代码", en: "code is typed, where it is reached and where not",
		modules: many(map[string]*guest{
			"underflow":          newGuest(drop),
			"in the block":       newGuest(i32c(0), block(drop)),
			"left over":          newGuest(i32c(0)),
			"mixed sum":          newGuest(i32c(0), i64c(0), i32add, drop),
			"store of a float":   newGuest(i32c(0), f64c(0), store64(0)),
			"argument":           newGuest(i64c(0), i32c(0), call(fEmit)),
			"result":             newGuest(honest).at(i64c(area)),
			"no result":          newGuest(honest).at(),
			"branch too far":     newGuest(br(7)),
			"table branch":       newGuest(i32c(0), op(0x0e, 1, 0, 7)),
			"table of two types": newGuest([]byte{0x02, i32}, block(i32c(0), i32c(0), op(0x0e, 1, 0, 1)), i32c(0), end, drop),
			"else without if":    newGuest(block([]byte{0x05})),
			"if without else":    newGuest(i32c(1), []byte{0x04, i32}, i32c(0), end, drop),
			"no end":             newGuest([]byte{0x02, 0x40}),
			"end too many":       newGuest(end),
			"local":              newGuest(local(4), drop),
			"huge local":         newGuest(local(1<<32-1), drop),
			"global":             newGuest(global(0), drop),
			"constant global":    newGuest(i32c(0), setGlobal(0)).constant(),
			"alignment":          newGuest(i32c(0), op(0x28, 3, 0), drop),
			"huge alignment":     newGuest(i32c(0), op(0x28, 1<<31, 0), drop),
			"select":             newGuest(i32c(0), i64c(0), i32c(0), []byte{0x1b}, drop),
			"block type":         newGuest([]byte{0x02, 0x63, 0x0b}),
			"no such block type": newGuest(join([]byte{0x02}, s(99)), end),
			"call of nobody":     newGuest(call(99)),
			"call without table": newGuest(i32c(0), callIndirect(tVoid)),
			"type of nobody":     newGuest(i32c(0), callIndirect(99)).table(fMap),
			"reserved byte":      newGuest(i32c(0), []byte{0x40, 1}, drop),
			"wrong constant":     newGuest(honest).global(i32, i64c(0)),
			"computed constant":  newGuest(honest).global(i32, join(i32c(1), i32c(1), i32add)),
			"global's constant":  newGuest(honest).global(i32, i32c(0)).global(i32, global(0)),
		}), victim: refused, other: refused,
	},
	{
		name: "dead-code", zh: "走不到的代码不进沙箱，其中的类型错误也不进", en: "code that is never reached stays outside, and what is wrong with it: types, stacks, values left over",
		modules: many(map[string]*guest{
			"behind a branch": newGuest(block(br(0), i32c(0), i64c(0), i32add, drop), honest),
			"behind a return": newGuest(honest, ret, i32c(0), i32c(0)),
			"behind a loop":   newGuest(block(loop(br(1), f32c(0), i32eqz, drop)), honest),
			"from nothing":    newGuest(block(br(0), i32add, drop, drop), honest),
		}), victim: fine, other: fine,
	},
	{
		name: "dead-and-unknown", zh: "走不到的代码也须认得", en: "and yet it is read: operators, variables and functions that are not, where nothing is reached",
		modules: many(map[string]*guest{
			"operator": newGuest(honest, ret, []byte{0xfd, 0x0c}, make([]byte, 16)), "function": newGuest(honest, ret, call(99)),
			"local": newGuest(honest, ret, local(99)), "global": newGuest(honest, ret, i64c(1), setGlobal(0)), "no end": newGuest(honest, ret, []byte{0x02, 0x40}),
		}), victim: refused, other: refused,
	},
	{
		name: "unknown-operators", zh: "不认识的提案一律拒绝", en: "no proposal that both engines do not share: SIMD, threads, exceptions, tail calls, references, 128 bits, garbage",
		modules: many(map[string]*guest{
			"simd":                   newGuest([]byte{0xfd, 0x0c}, make([]byte, 16), drop),
			"relaxed simd":           newGuest([]byte{0xfd, 0x80, 0x02}),
			"atomics":                newGuest(i32c(0), []byte{0xfe, 0x10, 2, 0}, drop),
			"fence":                  newGuest([]byte{0xfe, 0x03, 0}),
			"tail call":              newGuest(op(0x12, fMap)),
			"indirect":               newGuest(i32c(0), op(0x13, tVoid, 0)).table(fMap),
			"try":                    newGuest([]byte{0x06, 0x40}, end),
			"throw":                  newGuest(op(0x08, 0)),
			"typed select":           newGuest(i32c(0), i32c(0), i32c(0), []byte{0x1c, 1, i32}, drop),
			"garbage coll":           newGuest([]byte{0xfb, 0x00}),
			"wide":                   newGuest([]byte{0xfc, 0x13}),
			"prefix 2^32":            newGuest([]byte{0xfc}, u(1<<32-1)),
			"0xff":                   newGuest([]byte{0xff}),
			"v128 local":             newGuest(honest).fn(tVoid, "\x7b"),
			"ref local":              newGuest(honest).fn(tVoid, "\x6f"),
			"v128 global":            newGuest(honest).global(0x7b, join([]byte{0xfd, 0x0c}, make([]byte, 16))),
			"tag section":            tagged(),
			"passive elem":           newGuest(honest).table(fMap).passive(),
			"memory.init of another": newGuest(i32c(0), i32c(0), i32c(0), bulk(8, 0, 1)).data(i32c(0), "x").counted(),
		}), victim: refused, other: refused,
	},
	{
		name: "touch-the-meter", zh: "计量不可触碰：按序号读写宿主加入的全局变量", en: "the meter is out of reach: names, by number, the globals and locals that the rewriting adds",
		modules: many(map[string]*guest{
			"fuel":      newGuest(i64c(1<<62), setGlobal(1), honest).global(i32, i32c(0)),
			"depth":     newGuest(i32c(1<<30), setGlobal(2), honest).global(i32, i32c(0)),
			"first":     newGuest(i64c(1<<62), setGlobal(0), honest),
			"read":      newGuest(global(0), drop, honest),
			"local":     newGuest(i32c(0), setLocal(4), i32c(0), i32c(0), i32c(0), bulk(11, 0), honest),
			"by import": newGuest(honest).with(join(str("yunei"), str("yunei_fuel"), []byte{kindGlobal, i64, 1})),
			"by export": newGuest(honest).export("mine", kindGlobal, 1).global(i64, i64c(0)),
		}), victim: refused, other: refused,
	},
	{
		name: "name-the-meter", zh: "计量的导出名属于宿主：自称 yunei_fuel 的全局变量", en: "the meter's name is the host's: a guest's own global, exported as the fuel, with all the fuel there is",
		modules: one(newGuest(i64c(1<<62), setGlobal(0), onVictim(spin), honest).global(i64, i64c(1<<62)).export("yunei_fuel", kindGlobal, 0)),
		victim:  failed, other: fine,
	},
	{
		name: "custom-sections", zh: "自定义段不进沙箱：名字越界、内容为指令", en: "custom sections stay outside: names beyond their end, bytes that an engine might believe",
		modules: func() map[string][]byte {
			all := map[string][]byte{}
			for name, content := range map[string][]byte{
				"empty": {}, "name too long": join(u(1<<32-1), []byte("x")), "not utf-8": str("\xff\xfe"), "names": join(str("name"), u(1<<32-1)),
				"producers": join(str("producers"), []byte{0xff}), "dylink": join(str("dylink.0"), []byte{1, 2, 0xff, 0xff}),
				"wasmer": join(str("wasmer-universal"), make([]byte, 100)),
			} {
				custom := section(secCustom, content)
				g := newGuest(honest).bytes()
				all[name] = join([]byte(preamble), custom, g[len(preamble):], custom)
			}
			return all
		}, victim: fine, other: fine,
	},
	{
		name: "numbers-in-five-bytes", zh: "同一模块的另一种写法得到同样的结果", en: "another spelling of the same module comes to the same: every count in five bytes",
		modules: each(func(id byte, content []byte) []byte { return section(id, longer(content, 5)) }), victim: fine, other: fine,
	},
	{
		name: "start", zh: "不许 start 函数：代码先于宿主运行", en: "no start function: code that runs before the host is ready for it",
		modules: func() map[string][]byte {
			all := map[string][]byte{}
			for name, start := range map[string][]byte{"map": u(fMap), "import": u(fEmit), "nobody": u(99), "empty": {}} {
				g := newGuest(honest)
				g.replace = map[byte][]byte{secStart: section(secStart, start)}
				all[name] = g.bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
}

func (g *guest) constant() *guest {
	g.globals = append(g.globals, join([]byte{i32, 0}, i32c(0), end))
	return g
}

func (g *guest) passive() *guest {
	g.elems = [][]byte{join([]byte{1, 0}, vec(u(fMap)))}
	return g
}

func (g *guest) counted() *guest {
	g.dataCount = u(uint64(len(g.datas)))
	return g
}

func tagged() *guest {
	g := newGuest(honest)
	g.replace = map[byte][]byte{secStart: section(13, join(u(1), []byte{0}, u(tVoid)))}
	return g
}

var interfaces = []attack{
	{
		name: "import", zh: "导入来自封闭清单：编译器写出的 env.system", en: "imports come from a closed list: env.system, as a compiler writes it",
		modules: inC("import"), victim: refused, other: refused,
	},
	{
		name: "import-unlisted", zh: "导入来自封闭清单：文件、套接字、时钟、别的版本", en: "imports come from a closed list: files, sockets, other versions, names that are almost right",
		modules: func() map[string][]byte {
			all := map[string][]byte{}
			for _, name := range []string{
				wasi + ".path_open", wasi + ".sock_accept", wasi + ".fd_read", wasi + ".clock_res_get", wasi + ".proc_raise", wasi + ".thread-spawn",
				"wasi_unstable.fd_write", "env.emit", "yunei.fd_write", wasi + ".emit", "yunei.Emit", "yunei.emit\x00", ".", "wasmer.host",
			} {
				from, what, _ := strings.Cut(name, ".")
				all[name] = newGuest(honest).with(imported(from, what, tEmit)).bytes()
			}
			all["split elsewhere"] = newGuest(honest).with(imported("yunei.emit", "", tEmit)).bytes()
			all["2^32-1 bytes of name"] = newGuest(honest).with(join(u(1<<32-1), []byte("yunei"))).bytes()
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "import-of-another-type", zh: "导入的类型必须相符", en: "an import is of its type: more arguments, fewer, wider, other results",
		modules: func() map[string][]byte {
			all := map[string][]byte{"no such type": newGuest(honest).with(imported("yunei", "emit", 99)).bytes()}
			for name, typ := range map[string][]byte{
				"one argument": funcType("\x7f", ""), "three": funcType("\x7f\x7f\x7f", ""), "wide": funcType("\x7f\x7e", ""),
				"with a result": funcType("\x7f\x7f", "\x7f"), "floats": funcType("\x7d\x7d", ""),
			} {
				all[name] = newGuest(honest).with(imported("yunei", "emit", tNext)).typed(typ).bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "import-of-another-kind", zh: "只能导入函数", en: "functions alone are imported: a memory, a table, a global, a tag",
		modules: func() map[string][]byte {
			all := map[string][]byte{}
			for name, desc := range map[string][]byte{
				"memory": {kindMemory, 0, 1}, "table": {kindTable, funcref, 0, 1}, "global": {kindGlobal, i32, 1}, "tag": {4, 0, 0}, "kind 255": {255, 0},
			} {
				all[name] = newGuest(honest).with(join(str("yunei"), str("emit"), desc)).bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "import-too-often", zh: "导入有上限，导入的函数不进表", en: "imports have a limit, and are not called by way of a table, where they would be cheap",
		modules: func() map[string][]byte {
			g := newGuest(honest)
			for range 300 {
				g.with(imported("yunei", "emit", tEmit))
			}
			return map[string][]byte{
				"300 times":  g.bytes(),
				"in a table": newGuest(onVictim(loop(i32c(0), i32c(0), i32c(0), callIndirect(tEmit), br(0))), honest).table(fEmit).bytes(),
			}
		}, victim: refused, other: refused,
	},
	{
		name: "import-twice", zh: "同一导入出现多次仍是同一函数、同一限额", en: "one function under many imports is one function with one limit",
		modules: one(newGuest(onVictim(repeat(257, tell(i64c(1)))), honest).with(imported("yunei", "emit", tEmit), imported("yunei", "emit", tEmit))),
		grant:   func(l *limits.Limits) { l.Fuel = 1 << 24 }, victim: failed, other: fine,
	},
	{
		name: "exports-missing", zh: "约定的导出缺一不可", en: "the agreed exports are there, and of their kind and type",
		modules: func() map[string][]byte {
			all := map[string][]byte{}
			for i, name := range []string{abi.ExportMemory, abi.ExportInput, abi.ExportMap} {
				g := newGuest(honest)
				g.exports = append(append([][]byte(nil), g.exports[:i]...), g.exports[i+1:]...)
				all["no "+name] = g.bytes()
				for kind, what := range []string{"function", "table", "memory", "global", "tag"} {
					g := newGuest(honest).table(fMap).global(i32, i32c(0))
					g.exports[i] = exported(name, byte(kind), 0) // function 0 is imported
					if what != "memory" || name != abi.ExportMemory {
						all[name+" is a "+what] = g.bytes()
					}
				}
				g = newGuest(honest)
				g.exports[i] = exported(name, map[string]byte{abi.ExportMemory: kindMemory}[name], 99)
				all[name+" does not exist"] = g.bytes()
				g = newGuest(honest)
				g.exports = append(g.exports, g.exports[i])
				all[name+" twice"] = g.bytes()
			}
			for name, typ := range map[string]uint64{abi.ExportInput: tUnary, abi.ExportMap: tI32, abi.ExportInit: tI32} {
				g := newGuest(honest).fn(typ, "", i32c(area))
				for i := range g.exports {
					if strings.Contains(string(g.exports[i]), name) {
						g.exports[i] = exported(name, kindFunc, fNext)
					}
				}
				if name == abi.ExportInit {
					g.export(name, kindFunc, fNext)
				}
				all[name+" of another type"] = g.bytes()
			}
			return all
		}, victim: refused, other: refused,
	},
	{
		name: "exports-of-the-host", zh: "宿主函数不能当作自己的导出", en: "a function of the host is not handed back as the guest's own",
		modules: func() map[string][]byte {
			input := newGuest(honest).with(imported(wasi, "sched_yield", tI32))
			input.exports[1] = exported(abi.ExportInput, kindFunc, 1)
			return map[string][]byte{"yunei_abi_v1 is sched_yield": input.bytes()}
		}, victim: refused, other: refused,
	},
	{
		name: "exports-unasked", zh: "多余的导出不进沙箱：自己的函数以任何名字导出", en: "exports that nobody asked for stay outside: _start, another memory's name, ten thousand letters",
		modules: one(newGuest(honest).export("_start", kindFunc, fMap).export("yunei_abi_v2", kindFunc, fMap).export("memory2", kindMemory, 0).
			export(strings.Repeat("x", 10000), kindFunc, fEmit).export("", kindFunc, fInput).export("__wasm_call_ctors", kindFunc, fMap)),
		victim: fine, other: fine,
	},
}
