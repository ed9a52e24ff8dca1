"""Texts that are no JSON, by the kinds of JSONTestSuite's must-fail files (n_*.json), written anew."""

# As the value of a field: {"user": VALUE}.
VALUES = [
    # lists: commas, brackets, colons, garbage
    b"[1 true]", b"[a\xc3\xa5]", b'["": 1]', b'[""],', b"[,1]", b"[1,,2]", b'["x",,]', b'["x"]]', b'["",]', b'["x"',
    b"[x", b"[3[4]]", b"[\xff]", b"[1:2]", b"[,]", b"[-]", b'[   , ""]', b'["a",\n4\n,1,', b"[1,]", b"[1,,]",
    b'["\x0b"]', b'["\x0ba"\\f]', b"[*]", b'[""', b"[1,", b"[1,\n1\n,1", b"[{}", b"[\x0c]", b"[[]", b"[\xa0]", b"[1}",
    # words
    b"[fals]", b"[nul]", b"[tru]", b"[True]", b"[FALSE]", b"[nULL]", b'["x", truth]', b"[undefined]", b"nulll", b"truee",
    b"falsey", b"[None]", b"NULL",
    # numbers
    b"123\x00", b"[++1234]", b"[+1]", b"[+Inf]", b"[-01]", b"[-1.0.]", b"[-2.]", b"[-NaN]", b"[.-1]", b"[.2e-3]",
    b"[0.1.2]", b"[0.3e+]", b"[0.3e]", b"[0.e1]", b"[0E+]", b"[0E]", b"[0e+]", b"[0e]", b"[1.0e+]", b"[1.0e-]",
    b"[1.0e]", b"[1 000.0]", b"[1eE2]", b"[2.e+3]", b"[2.e-3]", b"[2.e3]", b"[9.e+]", b"[Inf]", b"[NaN]",
    b"[\xef\xbc\x91]", b"[1+2]", b"[0x1]", b"[0x42]", b"[Infinity]", b"[0e+-1]", b"[-123.123foo]", b"[123\xe5]",
    b"[1e1\xe5]", b"[0\xe5]", b"[-Infinity]", b"[-foo]", b"[- 1]", b"[-012]", b"[-.123]", b"[-1x]", b"[1ea]",
    b"[1e\xe5]", b"[1.]", b"[.123]", b"[1.2a-3]", b"[1.8011670033376514H-308]", b"[012]", b"[1_000]", b"[1,5e]",
    b"-", b"+", b".", b"1e", b".5", b"1.", b"-01", b"00", b"0b1", b"0o7", b"1L", b"1f", b"1e5.5", b"1e+ 5", b"\xe2\x88\x9e",
    b"[-\x00]", b"--1", b"1..2", b"1e400", b"-1e999", b"18446744073709551616", b"-9223372036854775809", b"1" * 400,
    # objects
    b'{[: "x"}', b'{"x", null}', b'{"x"::"b"}', b"{\xf0\x9f\x87\xa8}", b'{"a":"a" 123}', b"{key: 'value'}",
    b'{"\xb9":"0",}', b'{"a" b}', b'{:"b"}', b'{"a" "b"}', b'{"a":', b'{"a"', b"{1:1}", b"{9999E9999:1}",
    b"{null:null,null:null}", b'{"id":0,,,,,}', b"{'a':0}", b'{"id":0,}', b'{"a":"b"}/**/', b'{"a":"b"}/**//',
    b'{"a":"b"}//', b'{"a":"b"}/', b'{"a":"b",,"c":"d"}', b'{a: "b"}', b'{"a":"a', b'{ "foo" : "bar", "a" }',
    b'{"a":"b"}#', b'{"a"=1}', b'{"a":1;"b":2}', b'{"a":1,"b"}', b'{true:1}', b'{"a":}', b"{,}", b"{{}}", b'{"":}',
    # strings: escapes, control characters, ends, quotes
    b" ", b'["\\uD800\\"]', b'["\\uD800\\u"]', b'["\\uD800\\u1"]', b'["\\uD800\\u1x"]', b"[\xc3\xa9]", b'["\\\x00"]',
    b'["\\\\\\"]', b'["\\\t"]', b'["\\\xf0\x9f\x8c\x80"]', b'["\\x00"]', b'["\\"]', b'["\\u00A"]',
    b'["\\uD834\\uDd"]', b'["\\uD800\\uD800\\x"]', b'["\\u\xe5"]', b'["\\a"]', b'["\\uqqqq"]', b'["\\\xe5"]',
    b'[\\u0020"asd"]', b"[\\n]", b'"', b"['single quote']", b"abc", b'["\\', b'["a\x00a"]', b'["new\nline"]', b'["\t"]',
    b'"\\UA66D"', b'""x', b'["\r"]', b'["\x1f"]', b'["\x01"]', b"`a`", b"\xe2\x80\x9ca\xe2\x80\x9d", b'"a" "b"', b'"a"+"b"',
    b'"""a"""', b"u'a'", b'["\\0"]', b'["\\v"]', b"[\"\\'\"]",
    # halves of surrogate pairs
    b'"\\ud800"', b'"\\udc00"', b'"\\ud800x"', b'"\\ud800\\ud800"', b'"\\udc00\\ud800"', b'"\\ud800\\n"', b'"\\uDFFF"',
    b'"\\ud800\\u0041"', b'{"\\ud800": 1}',
    # UTF-8: cut off, too long, surrogates, past U+10FFFF, lone continuations, bytes that never occur
    b'["\xe9"]', b'["\xed\xa0\x80"]', b'["\xf4\x90\x80\x80"]', b'["\xc0\xaf"]', b'["\x80"]', b'["\xbf"]', b'["\xfe"]',
    b'["\xff"]', b'["\xc3("]', b'["\xe2\x82"]', b'["\xf0\x9f\x98"]', b'["\xe0\x80\xaf"]', b'["\xf0\x80\x80\xaf"]',
    b'["\xf8\x88\x80\x80\x80"]', b'["\xfc\x84\x80\x80\x80\x80"]', b'["\xed\xbf\xbf"]', b'["\xf5\x80\x80\x80"]',
    b'["\xc1\xbf"]', b'["\xed\xa0\xbd\xed\xb8\x80"]', b'{"\xff": 1}',
    # structure
    b"<.>", b"[<null>]", b"[1]x", b"[1]]", b'["asd]', b"a\xc3\xa5", b"1]", b'{"x": true,', b"[][]", b"]",
    b"\xef\xbb{}", b"\xe5", b"[", b"[\x00]", b'{"":', b"2@", b"{}}", b'{"":[{"":', b"/* a */ 1", b"// a\n1", b"# a\n1",
    b"(1)", b"%s", b"$ref", b"&a", b"!!int 1", b"\x00", b"\x1e1", b"[1]\x0c", b"\xc2\xa0 1",
]

# As the whole body.
BODIES = [
    b"", b" ", b"\n", b"\t\r\n ", b"\x00", b"\xef\xbb\xbf{}", b"\xef\xbb\xbf", b"\xff\xfe{\x00}\x00", b"\x00{\x00}",
    b"{", b"}", b"[", b"]", b'"', b"{]", b"[}", b"{}{}", b"{} {}", b"{}x", b"{}\x00", b"{}\x0c", b"{},", b"{}]", b"{}}",
    b"{}#", b"{}//", b"{} /* a */", b"{}\xff", b"\xff{}", b"\xc3{}", b"[\"a\x00", b"abd", b"a", b"a=1&b=2", b"--x\r\n", b"<x/>",
    b"\x1f\x8b\x08\x00", b"PK\x03\x04", b"%7B%7D", b"'{}'", b"({})", b"callback({})", b")]}',\n{}", b"\xe2\x80\x8b{}",
    b'{"input": "x"', b'{"input": "x', b'{"input": ', b'{"input"', b'{"input": "x"}}', b'{"input": "x"},', b"NaN", b"nul",
    b'{"input": "x"}{"input": "y"}', b'{"input": "x"}\n{"input": "y"}', b"data: {}\n\n",
    b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 60_000, b'{"a":' * 60_000 + b"1" + b"}" * 60_000,
    b'[{"":' * 50_000 + b"\n", b'{"input": ' + b"[" * 60_000 + b"]" * 60_000 + b"}", b'["' * 10_000, b"," * 100_000,
    b"{" * 100_000, b'"' * 100_001, b"\\" * 100_000, b":" * 1000, b" " * 100_000,
]

# JSON, but no object.
OTHERS = [b"null", b"true", b"false", b"0", b"-1.5e3", b'""', b'"{}"', b"[]", b'[{"input": "x"}]', b'  "x"  ']
