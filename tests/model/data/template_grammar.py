"""A seeded grammar of small Jinja templates and the contexts that they are rendered with.

Mostly well typed, so that most templates render; now and then a wrong type, an unknown name or a broken tag.
Left out: what differs from run to run (random, lipsum, printed addresses, identity of objects) and the filters that
Troupe refuses (pprint, striptags, urlize, wordwrap).
"""

import random

TEXTS = ["", "a", "Hello World", "  padded \n", "one\ntwo\n\nthree", "it's \"so\"", "x,y,,z", "<b>&'\"</b>", "ÄÖÜß ñ é",
         "日本語 テスト", "😀 ok", "a</think>b</think> c", "42", "-7", " 3.5 ", "1e3", "0x1f", "tab\there", "UPPER lower Title",
         "back\\slash", "{{ 1 }} {% if %}", "%s and %d", "{} {0} {x}", "<|im_start|>user", "a-b_c.d", "\r\nwin\r\n", "00012",
         "ǆ ŉ ﬁ İ", "x" * 40, "http://a.b/c d?e=f&g", "nbsp\u00a0end\u2003", "foo bar baz qux quux", "[INST] hi [/INST]", "None"]
INTS = [0, 1, 2, 3, 7, -1, -3, 12, 20, 255, -20, 1000, 65, 9007199254740993, -9223372036854775807, 4611686018427387904]
FLOATS = [0.0, 1.0, -0.0, 2.5, 3.5, -1.25, 1e16, 1.5e-7, 0.1, 123456.789, 1e22, -2.0, 1e100, 5e-324, 99.995]
NAMES = {"int": ["n", "m", "k"], "float": ["x", "y"], "str": ["s", "t", "u"], "bool": ["yes", "no"],
         "list": ["nums", "words", "mixed"], "dict": ["d", "e"], "none": ["nil"], "people": ["people"]}
JOIN_NEWLINE = '("\\n")'
KEYS = ["a", "b", "name", "role", "content", "items", "type", "C", "0", "get", "Zed"]


def random_value(rng, depth=0):
    kind = rng.randrange(9 if depth < 2 else 6)
    if kind < 2:
        return rng.choice(TEXTS)
    if kind == 2:
        return rng.choice(INTS[:10])
    if kind == 3:
        return rng.choice(FLOATS[:8])
    if kind == 4:
        return rng.choice([True, False])
    if kind == 5:
        return None
    if kind == 6:
        return {rng.choice(KEYS): random_value(rng, depth + 1) for _ in range(rng.randrange(4))}
    return [random_value(rng, depth + 1) for _ in range(rng.randrange(4))]


def random_message(rng):
    role = rng.choice(["system", "user", "user", "assistant", "assistant", "tool"])
    message = {"role": role, "content": rng.choice(TEXTS)}
    if rng.random() < 0.15:
        message["content"] = [{"type": "text", "text": rng.choice(TEXTS)} if rng.random() < 0.7 else {"type": "image"}
                              for _ in range(rng.randrange(1, 4))]
    if role == "assistant" and rng.random() < 0.4:
        message["tool_calls"] = [{"type": "function", "id": f"call{rng.randrange(9)}", "function": {
            "name": rng.choice(["get_weather", "add", "f"]), "arguments": random_value(rng, 1)}}
            for _ in range(rng.randrange(1, 3))]
        message["content"] = rng.choice([None, "", message["content"]])
    if role == "assistant" and rng.random() < 0.2:
        message["reasoning_content"] = rng.choice(TEXTS)
    return message


def random_tool(rng):
    return {"type": "function", "function": {
        "name": rng.choice(["get_weather", "add", "look_up"]), "description": rng.choice(TEXTS),
        "parameters": {"type": "object", "required": rng.sample(["a", "b"], rng.randrange(3)),
                       "properties": {key: {"type": rng.choice(["string", "integer", ["string", "null"]]), "enum": [1, "x"]}
                                      for key in rng.sample(["a", "b", "city"], rng.randrange(3))}}}}


def random_context(rng):
    variables = {name: rng.choice(INTS) for name in NAMES["int"]}
    variables |= {name: rng.choice(FLOATS) for name in NAMES["float"]}
    variables |= {name: rng.choice(TEXTS) for name in NAMES["str"]}
    variables |= {"yes": True, "no": False, "nil": None}
    variables["nums"] = [rng.choice(INTS[:13]) for _ in range(rng.randrange(6))]
    variables["words"] = [rng.choice(TEXTS) for _ in range(rng.randrange(6))]
    variables["mixed"] = [random_value(rng) for _ in range(rng.randrange(5))]
    variables["d"] = {rng.choice(KEYS): random_value(rng, 1) for _ in range(rng.randrange(5))}
    variables["e"] = {rng.choice(KEYS): rng.choice(TEXTS) for _ in range(rng.randrange(4))}
    variables["people"] = [{"name": rng.choice(["Ann", "bob", "Cid", "ann"]), "age": rng.choice([25, 31, 31, 40]),
                            "tags": rng.choice([[], ["x"], ["y", "x"]]), "pet": {"kind": rng.choice(["cat", "dog"])}}
                           for _ in range(rng.randrange(5))]
    return {"messages": [random_message(rng) for _ in range(rng.randrange(1, 6))],
            "tools": [random_tool(rng) for _ in range(rng.randrange(1, 3))] if rng.random() < 0.6 else None,
            "variables": variables, "add_generation_prompt": rng.random() < 0.5}


def quoted(rng, text):
    mark = rng.choice("'\"")
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark).replace("\n", rng.choice(["\\n", "\n"])) \
        .replace("\r", "\\r") + mark


class grammar:
    def __init__(self, rng):
        self.rng = rng
        self.loops = 0       # open ones
        self.names = {kind: list(names) for kind, names in NAMES.items()}
        self.spaces = []     # namespaces
        self.macros = []     # (name, number of parameters)
        self.made = 0
        self.typed = 0       # above 0: no wrong types

    def pick(self, *options):
        return self.rng.choice(options)

    def chance(self, probability):
        return self.rng.random() < probability

    # Expressions: each method gives source text of about that type.

    def expression(self, kind, depth):
        if self.chance(0.012) and not self.typed:
            kind = self.pick("int", "str", "list", "dict", "bool", "float", "any")
        if kind == "any":
            kind = self.pick("int", "str", "str", "list", "dict", "bool", "float", "none", "message", "undefined")
        if depth <= 0 or self.chance(0.2):
            return self.atom(kind)
        text = getattr(self, "make_" + kind)(depth - 1)
        if self.chance(0.06):
            text = f"({text} if {self.expression('bool', depth - 2)} else {self.expression(kind, depth - 2)})"
        return text

    def atom(self, kind):
        rng = self.rng
        if kind == "undefined":
            return self.pick("missing", "d.nope", "messages[0].nope", "nums[99]", "messages[0]['x']")
        if kind == "message":
            return self.pick("messages[0]", "messages[-1]", "(messages | last)", "messages[n]", "tools[0].function")
        if kind == "people":
            return "people"
        if self.chance(0.5) and self.names.get(kind):
            return rng.choice(self.names[kind])
        if kind == "int":
            if self.loops and self.chance(0.3):
                return self.pick("loop.index", "loop.index0", "loop.revindex", "loop.length", "loop.depth", "loop.revindex0")
            return str(self.pick(0, 1, 2, 3, 5, 10, 100)) if self.chance(0.9) else self.pick("0x1f", "1_000", "0b101", "0o17")
        if kind == "float":
            return self.pick("0.5", "1.0", "2.5", "1e3", "3.14159", "1.5e-3")
        if kind == "str":
            if self.chance(0.25):
                return self.pick("messages[0].content", "messages[-1]['content']", "messages[0]['role']", "bos_token", "eos_token",
                                 "messages[1].role")
            return quoted(rng, rng.choice(TEXTS))
        if kind == "bool":
            if self.loops and self.chance(0.3):
                return self.pick("loop.first", "loop.last")
            return self.pick("true", "false", "True", "False", "add_generation_prompt")
        if kind == "list":
            return self.pick("[]", "[1, 2, 3]", "['b', 'a', 'B']", "[1, 'x', none]", "(1, 2)", "messages", "()", "range(3)", "[[1, 2], [3]]",
                             "people", "tools")
        if kind == "dict":
            return self.pick("{}", "{'a': 1}", "{'b': [1], 'a': {'c': 2}}", "messages[0]", "{1: 'x', none: 2}")
        return "none"

    make_message = make_undefined = make_none = make_people = lambda self, depth: self.atom(
        self.pick("message", "undefined", "none"))

    def make_int(self, depth):
        e = self.expression
        rule = self.rng.randrange(16)
        if rule < 5:
            return f"({e('int', depth)} {self.pick('+', '-', '*', '//', '%')} {e('int', depth)})"
        if rule == 5:
            return f"({e('int', depth)} ** {self.pick(0, 1, 2, 3)})"
        if rule == 6:
            return f"{self.pick('-', '+')}{e('int', depth)}"
        if rule == 7:
            return f"({e(self.pick('list', 'str', 'dict'), depth)} | {self.pick('length', 'count')})"
        if rule == 8:
            return f"{self.strong(e('str', depth))}.{self.pick('find', 'rfind', 'count', 'index')}({e('str', 0)})"
        if rule == 9:
            return f"({e('any', depth)} | int{self.pick('', '(7)', '(default=-1)', '(0, 16)', '(0, 8)', '(base=2)')})"
        if rule == 10:
            return f"(nums | {self.pick('sum', 'min', 'max', 'first', 'last', 'sum(start=1)')})"
        if rule == 11:
            return f"({e('int', depth)} | abs)"
        if rule == 12:
            return f"people | sum({self.pick('attribute=', '')}'age')"
        if rule == 13:
            return f"({self.sliceable('str', depth)} | wordcount)"
        if rule == 14:
            return f"""({e(self.pick('float', 'int'), depth)} | round{self.pick('', '(1)', '(2)', '(-1)', '(0, "floor")', '(1, method="ceil")')})"""
        return f"nums[{e('int', 0)}]"

    def make_float(self, depth):
        e = self.expression
        rule = self.rng.randrange(6)
        if rule < 3:
            return f"({e('float', depth)} {self.pick('+', '-', '*', '/', '//', '%')} {e(self.pick('float', 'int'), depth)})"
        if rule == 3:
            return f"({e('int', depth)} / {e('int', depth)})"
        if rule == 4:
            return f"({e('any', depth)} | float{self.pick('', '(1.5)', '(default=none)')})"
        return f"({e('float', depth)} | round({self.pick(0, 1, 2, 3)}))"

    def sliceable(self, kind, depth):
        """Of that type for sure. Jinja folds a slice of a constant that has none to undefined, but only where it is
        printed, and a list through `reverse | wordcount` counts the digits of an address: both are left out."""
        self.typed += 1
        text = self.strong(self.expression(kind, depth))
        self.typed -= 1
        return text

    def strong(self, text):
        """Safe in front of a dot or bracket."""
        return f"({text})"

    def make_str(self, depth):
        e = self.expression
        rule = self.rng.randrange(26)
        if rule < 3:
            return f"({e('str', depth)} {self.pick('+', '~', '~')} {e('str', depth)})"
        if rule == 3:
            return f"({e('any', depth)} ~ {e('any', depth)})"
        if rule < 7:
            return f"{self.strong(e('str', depth))}.{self.method(depth)}"
        if rule < 11:
            return f"({self.sliceable('str', depth)} | {self.text_filter(depth)})"
        if rule < 13:
            return f"{self.sliceable('str', depth)}[{self.subscript()}]"
        if rule == 13:
            return f"""({e('list', depth)} | join{self.pick('', '(", ")', '(d="-")', JOIN_NEWLINE, '(n)')})"""
        if rule == 14:
            return f"""(people | join(', ', {self.pick('attribute=', '')}{self.pick('"name"', '"pet.kind"', '"tags.0"')}))"""
        if rule == 15:
            return f"{self.strong(e('str', depth))}.join({self.pick('words', 'words', e('list', depth))})"
        if rule in (16, 17):
            style = self.pick("", "", "(indent=2)", "(indent=4)", "(ensure_ascii=true)", "(separators=(',', ':'))", "(sort_keys=true)",
                              "(indent=none)", "(true, 1)")
            return f"({e('any', depth)} | tojson{style})"
        if rule == 18:
            return f"""({e(self.pick('str', 'any'), depth)} | {self.pick('string', 'default("x")', 'd("y", true)', 'safe', 'e', 'escape', 'forceescape')})"""
        if rule == 19:
            return self.percent(depth)
        if rule == 20:
            return self.format_call(depth)
        if rule == 21:
            return f"({e('str', depth)} * {self.pick(0, 1, 2, 3)})"
        if rule == 22 and self.macros:
            name, count = self.rng.choice(self.macros)
            return f"{name}({', '.join(e('any', depth) for _ in range(self.rng.randrange(count + 1)))})"
        if rule == 23:
            return f"({e('any', depth)} | {self.pick('urlencode', 'string', 'title', 'upper')})"
        if rule == 24:
            return f"({self.pick(e('int', depth), e('float', depth))} | filesizeformat{self.pick('', '(true)')})"
        return f"""strftime_now({self.pick('"%d %b %Y"', '"%Y-%m-%d"', '"%H:%M %A %j"', '"%z|%Z|%f"')})"""

    def percent(self, depth):
        e = self.expression
        flags = self.pick("", "", "-", "0", "+", " ", "#", "-0") + self.pick("", "", "5", "12") + self.pick("", "", ".2", ".0", ".10")
        kind = self.pick("s", "d", "i", "f", "x", "r", "e", "g", "%", "c", "X", "o", "G", "a", "E")
        value = e({"s": "any", "r": "any", "a": "any", "c": "int", "d": "int", "x": "int", "X": "int", "o": "int", "i": "int"}.get(kind, "float"), depth)
        rule = self.rng.randrange(4)
        if kind == "%" or rule == 0:
            return f"('<%{flags}{kind}>' % {value})"
        if rule == 1:
            return f"('%{flags}{kind}|%s' % ({value}, {e('any', depth)}))"
        if rule == 2:
            return f"('%(a){flags}{kind}!' % {{'a': {value}}})"
        return f"('%{flags}{kind}' | format({value}))"

    def format_call(self, depth):
        e = self.expression
        rule = self.rng.randrange(4)
        if rule == 0:
            return f"'{{}}-{{}}'.format({e('any', depth)}, {e('any', depth)})"
        if rule == 1:
            return f"'{{0}} {{x}} {{0!r}} {{{{}}}}'.format({e('any', depth)}, x={e('any', depth)})"
        spec = self.pick("", "", "<", ">", "^", "*^", "=", "0") + self.pick("", "", "+", " ") + self.pick("", "", "7", "012") \
            + self.pick("", "", ",", "_") + self.pick("", "", ".2", ".0", ".5") + self.pick("", "", "d", "f", "s", "x", "e", "g", "%", "b", "n", "c")
        if rule == 2:
            return f"'[{{:{spec}}}]'.format({e(self.pick('int', 'float', 'str', 'any'), depth)})"
        return f"'{{a.{self.pick('name', 'role', 'nope')}}} {{a[{self.pick('name', 'content', '0')}]}}'.format(a={e(self.pick('message', 'dict'), depth)})"

    def method(self, depth):
        e = self.expression
        chars = quoted(self.rng, self.pick(" ", "a", "\n", "ab", ",", "</think>", "x-", "é", ""))
        return self.pick(
            f"strip({self.pick('', chars, 'none')})", f"lstrip({self.pick('', chars)})", f"rstrip({self.pick('', chars)})", "upper()",
            "lower()", "title()", "capitalize()", "swapcase()", "casefold()", f"replace({chars}, {e('str', 0)})",
            f"replace({e('str', 0)}, {chars}, {self.pick(0, 1, 2, -1)})", f"split({chars})[0]", f"split({chars})[-1]",
            f"rsplit({chars}, 1)[0]", "split()[0]", f"removeprefix({chars})", f"removesuffix({chars})", f"ljust({self.pick(3, 12)})",
            f"rjust({self.pick(3, 12)}, '*')", f"center({self.pick(3, 12, 13)})", f"zfill({self.pick(3, 12)})", "expandtabs()",
            f"partition({chars})[{self.pick(0, 1, 2)}]", f"rpartition({chars})[{self.pick(0, 2)}]", "expandtabs(4)", "nosuch()", "format()")

    def text_filter(self, depth):
        e = self.expression
        return self.pick(
            "trim", "upper", "lower", "title", "capitalize", "trim('ab ')", "replace('a', 'b')", f"replace({e('str', 0)}, {e('str', 0)}, 1)",
            "indent", "indent(2)", "indent(width=3, first=true)", "indent('> ', true, true)", "truncate(9)", "truncate(5, true, '..', 0)",
            "truncate(12, leeway=0)", "truncate(length=7, end='~')", "center(20)", "center(width=9)", "urlencode", "reverse", "string", "first | string", "last | string", "length | string",
            "list | join('.')", "escape", "wordcount | string", "batch(3) | list | string", "lower | upper", "default('z')", "nosuch",
            "format", "xmlattr", "e | string", "trim | length | string")

    def subscript(self):
        number = lambda: str(self.pick("", "", 0, 1, 2, -1, -2, 5, 100, "n"))
        if self.chance(0.3):
            return str(self.pick(0, 1, -1, 7, "n", "m", "'x'", "none"))
        return f"{number()}:{number()}" if self.chance(0.6) else f"{number()}:{number()}:{self.pick('', 1, 2, -1, -2)}"

    def make_bool(self, depth):
        e = self.expression
        rule = self.rng.randrange(14)
        if rule < 2:
            kind = self.pick("int", "float", "str")
            return f"({e(kind, depth)} {self.pick('<', '>', '<=', '>=')} {e(kind, depth)})"
        if rule < 5:
            return f"({e('any', depth)} {self.pick('==', '!=')} {e('any', depth)})"
        if rule == 5:
            return f"({e('int', depth)} < {e('int', depth)} <= {e('int', depth)})"
        if rule == 6:
            return f"({e('bool', depth)} {self.pick('and', 'or')} {e('bool', depth)})"
        if rule == 7:
            return f"(not {e('any', depth)})"
        if rule == 8:
            return f"({e('str', depth)} {self.pick('in', 'not in')} {e(self.pick('str', 'list', 'dict'), depth)})"
        if rule == 9:
            return f"({e('any', depth)} {self.pick('in', 'not in')} {e(self.pick('list', 'dict', 'undefined'), depth)})"
        if rule == 10:
            return f"{self.strong(e('str', depth))}.{self.pick('startswith', 'endswith')}({e('str', 0)})"
        if rule == 11:
            return f"{self.strong(e('str', depth))}.{self.pick('isdigit', 'isalpha', 'isalnum', 'isspace', 'isupper', 'islower', 'istitle', 'isascii', 'isidentifier', 'isprintable', 'isdecimal', 'isnumeric')}()"
        return f"({e('any', depth)} is {self.pick('', '', 'not ')}{self.test(depth)})"

    def test(self, depth):
        e = self.expression
        return self.pick("defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "iterable", "sequence",
                         "callable", "true", "false", "odd", "even", "divisibleby 3", "divisibleby(2)", "upper", "lower", "escaped", "filter",
                         "test", f"eq {e('int', 0)}", f"equalto({e('str', 0)})", f"ne({e('any', 0)})", f"gt({e('int', 0)})", "lt 3", "le 2",
                         "ge(1)", f"in {self.atom('list')}", f"in({e('list', depth)})", "sameas none", "sameas true", "nosuch")

    def make_list(self, depth):
        e = self.expression
        rule = self.rng.randrange(18)
        if rule < 2:
            return f"[{', '.join(e('any', depth) for _ in range(self.rng.randrange(4)))}]"
        if rule == 2:
            return f"({e('list', depth)} + {e('list', depth)})"
        if rule == 3:
            return f"{self.sliceable('list', depth)}[{self.subscript()}]"
        if rule == 4:
            return f"({e(self.pick('list', 'list', 'str', 'dict'), depth)} | list)"
        if rule == 5:
            return f"({e('list', depth)} | {self.pick('sort', 'sort(reverse=true)', 'unique | list', 'reverse | list', 'sort(case_sensitive=true)')})"
        if rule == 6:
            return f"({self.pick('nums', 'words')} | {self.pick('sort', 'sort(true)', 'unique | list', 'sort | reverse | list', 'min', 'max', 'sort | first')})"
        if rule == 7:
            return f"""(people | {self.pick('map(attribute="name")', 'map(attribute="pet.kind")', 'map(attribute="x", default="?")', 'map("length")', 'map("tojson")', 'map(attribute="tags")')} | list)"""
        if rule == 8:
            return f"""({e('list', depth)} | {self.pick('select', 'reject', 'map')}({self.pick('"string"', '"number"', '"defined"', '"odd"', '"upper"', '"none"', '', '"in", [1, "a"]')}) | list)"""
        if rule == 9:
            return (f"({self.pick('people', 'messages')} | {self.pick('selectattr', 'rejectattr')}("
                    + self.pick("'name'", "'role', 'equalto', 'user'", "'age', '>', 30", "'pet.kind', '==', 'cat'", "'tags'", "'content', 'string'",
                                "'role', 'in', ['user', 'tool']", "'name', 'defined'", "'tool_calls'", "'content', 'none'") + ") | list)")
        if rule == 10:
            return f"""{self.strong(e('str', depth))}.{self.pick('split()', 'splitlines()', 'split(",")', 'split("a", 1)', 'rsplit(none, 1)', 'partition(" ")', 'splitlines(true)', 'rsplit("a")')}"""
        if rule == 11:
            return f"{self.strong(e('dict', depth))}.{self.pick('items()', 'keys()', 'values()')} | list"
        if rule == 12:
            return f"""({e('dict', depth)} | {self.pick('dictsort', 'items | list', 'dictsort(reverse=true)', 'dictsort(by="value")', 'list')})"""
        if rule == 13:
            return f"""({e('list', depth)} | {self.pick('batch(2)', 'batch(3, 0)', 'slice(2)', 'slice(3, none)', 'slice(2, "f")')} | list)"""
        if rule == 14:
            return f"""(people | groupby({self.pick('"age"', '"name"', '"pet.kind"', 'attribute="age"', '"x", default=1', '"name", case_sensitive=true')}){self.pick('', ' | list', ' | first', ' | map("first") | list', ' | map(attribute="grouper") | list')})"""
        if rule == 15:
            return f"range({self.pick('3', '1, 4', '5, 0, -2', '0', 'n % 5', '0, 10, 3')}){self.pick('', ' | list', '[1:]', '[::-1]')}"
        if rule == 16:
            return f"""(people | sort(attribute={self.pick('"age"', '"name"', '"age,name"', '"pet.kind,age"')}{self.pick('', ', reverse=true')}) | map(attribute='name') | list)"""
        return f"({e('any', depth)}, {e('any', depth)})"

    def make_dict(self, depth):
        e = self.expression
        rule = self.rng.randrange(5)
        if rule < 2:
            pairs = ", ".join(f"{self.pick(quoted(self.rng, self.rng.choice(KEYS)), e('int', 0), e('any', 0))}: {e('any', depth)}" for _ in range(self.rng.randrange(3)))
            return "{" + pairs + "}"
        if rule == 2:
            return f"dict({self.pick('d', 'a=1', 'd, z=2', '[[1, 2]]', 'b=' + e('any', depth))})"
        if rule == 3:
            return f"""{self.strong(e('dict', depth))}.{self.pick('copy()', 'get("a", {})', 'get("b")', 'a', 'items', 'nope')}"""
        return f"""{self.strong(e('dict', depth))}[{self.pick('"a"', '"b"', '0', 'none', '[1]', 'missing', '(1, 2)')}]"""

    # Statements.

    def tag(self, inside):
        opening = self.pick("{%", "{%", "{%-", "{%+")
        return f"{opening} {inside} {self.pick('%}', '%}', '-%}', '+%}')}"

    def literal_text(self):
        return self.pick("text", " ", "\n", "\n  ", "  \n\n", "<|im_start|>", "a b", "\t", "{ }", "é\n", "x\n    y", "%}", "-", "")

    def output(self, depth):
        opening = self.pick("{{", "{{", "{{", "{{-", "{{+")
        closing = self.pick("}}", "}}", "}}", "-}}")
        return f"{opening} {self.expression(self.pick('any', 'str', 'str', 'list', 'int', 'bool', 'dict', 'float'), depth)} {closing}"

    def fresh(self, kind):
        self.made += 1
        name = f"{self.pick('v', 'w', '_p')}{self.made}"
        return name

    def template(self, depth=2):
        return "".join(self.statement(depth) for _ in range(self.rng.randrange(1, 4)))

    def body(self, depth):
        return "".join(self.statement(depth - 1) for _ in range(self.rng.randrange(1, 3)))

    def statement(self, depth):
        rule = self.rng.randrange(26)
        if depth <= 0 or rule < 8:
            return self.literal_text() if self.chance(0.35) else self.output(self.rng.randrange(1, 4))
        if rule < 11:
            text = self.tag("if " + self.expression(self.pick("bool", "bool", "any"), 2)) + self.body(depth)
            while self.chance(0.2):
                text += self.tag("elif " + self.expression("bool", 1)) + self.body(depth)
            if self.chance(0.5):
                text += self.tag("else") + self.body(depth)
            return text + self.tag("endif")
        if rule < 15:
            return self.loop(depth)
        if rule < 18:
            kind = self.pick("int", "str", "list", "dict", "bool")
            name = self.rng.choice(self.names[kind]) if self.chance(0.3) else self.fresh(kind)
            text = self.tag(f"set {name} = {self.expression(kind, 2)}")
            if name not in self.names[kind]:
                self.names[kind].append(name)
            return text
        if rule == 18:
            name = self.fresh("str")
            text = self.tag(f"set {name}{self.pick('', ' | trim', ' | upper | trim')}") + self.body(depth) + self.tag("endset")
            self.names["str"].append(name)
            return text
        if rule == 19:
            return self.namespace(depth)
        if rule == 20:
            return self.macro(depth)
        if rule == 21:
            return self.tag(f"""filter {self.pick('upper', 'trim', 'indent(2)', 'replace("a", "b")', 'trim | title', 'length')}""") + self.body(depth) + self.tag("endfilter")
        if rule == 22:
            return self.tag(f"with {self.pick('q = ' + self.expression('any', 1), 'q = 1, r = 2', '')}") + "{{ q }}" + self.body(depth) + self.tag("endwith")
        if rule == 23:
            return self.pick("{# note #}", "{#- note -#}\n", "\n  {# note #}\n", self.tag("raw") + "{{ x }} {% if %}\n" + self.tag("endraw"),
                             self.tag("generation") + self.body(depth) + self.tag("endgeneration"))
        if rule == 24:
            return self.pick("{% nope %}", "{% endif %}", "{{ }}", "{{ 1 + }}", "{% set loop = 1 %}", "{{ raise_exception('stop ' ~ n) }}", "{{ nums.append(1) }}",
                             "{{ d.update({'a': 1}) }}", "{{ ''.__class__ }}", "{% set ns = namespace(_a=1) %}", "{% for loop in nums %}{% endfor %}", "{{ cycler(1, 2).next() }}",
                             "{% include 'x' %}", "{% set true = 1 %}", "{{ f(a=1, a=2) }}", "{% break %}", "{{ loop }}", "{{ lipsum is defined }}") \
                if self.chance(0.4) else self.output(2)
        return self.call_block(depth)

    def loop(self, depth):
        rng = self.rng
        names = {kind: list(names) for kind, names in self.names.items()}
        macros, spaces = list(self.macros), list(self.spaces)
        style = rng.randrange(6)
        if style == 0:
            head = f"for key, value in {self.expression('dict', 1)}{self.pick('.items()', ' | items', ' | dictsort')}"
            self.names["str"] = self.names["str"] + ["key"]
        elif style == 1:
            head = f"for message in messages{self.pick('', '[1:]', '[::-1]', ' | reverse')}"
            self.names["str"] = self.names["str"] + ["message.content", "message['role']", "message.role"]
            self.names["list"] = self.names["list"] + ["message.tool_calls"]
        elif style == 2:
            head = f"""for a, b in {self.pick('[[1, 2], [3, 4]]', 'people | groupby("age")', 'd.items()', '[(1, 2)]', 'nums', 'words')}"""
            self.names["int"] = self.names["int"] + ["a"]
        else:
            kind = self.pick("int", "str")
            source = {"int": "nums", "str": "words"}[kind] if self.chance(0.5) else self.expression("list", 2)
            head = f"for item in {source}"
            self.names[kind] = self.names[kind] + ["item"]
        if self.chance(0.25):
            head += f" if {self.expression('bool', 2)}"
        recursive = self.chance(0.12)
        if recursive:
            head = "for item in [[1, [2, []]], [], [[3]]]" + self.pick("", " if item") + " recursive"
        self.loops += 1
        body = self.body(depth)
        if recursive:
            body += self.pick("{{ loop.depth }}{% if item is iterable %}({{ loop(item) }}){% endif %}", "{{ loop.depth0 }}:{{ item }}{{ loop(item) if item is sequence }};")
        if self.chance(0.2):
            body += self.tag(f"if {self.expression('bool', 1)}") + self.tag(self.pick("break", "continue")) + self.tag("endif") + self.body(depth - 1)
        if self.chance(0.3):
            body += self.pick("{{ loop.cycle('a', 'b') }}", "{{ loop.previtem }}", "{{ loop.nextitem }}", "{{ loop.changed(item) }}", "{{ loop.nextitem is defined }}",
                              "{{ loop }}", "{{ loop.cycle(1, 2, 3) }}", "{{ loop.previtem is undefined }}", "{{ loop | length }}")
        self.loops -= 1
        self.names, self.macros, self.spaces = names, macros, spaces
        if self.chance(0.2):
            body += self.tag("else") + self.body(depth)
        return self.tag(head) + body + self.tag("endfor")

    def namespace(self, depth):
        name = f"ns{len(self.spaces)}"
        if self.spaces and self.chance(0.6):
            name = self.rng.choice(self.spaces)
            return self.tag(f"set {name}.{self.pick('a', 'b')} = {self.pick(name + '.a ~ ' + self.expression('str', 1), self.expression('any', 1))}") + f"{{{{ {name}.{self.pick('a', 'b', 'c')} }}}}"
        self.spaces.append(name)
        return self.tag(f"set {name} = namespace({self.pick('', 'a=1', 'a=' + self.expression('any', 1), 'd', 'd, b=2')})") + self.pick("", f"{{{{ {name}.a }}}}", f"{{{{ {name}['a'] }}}}")

    def macro(self, depth):
        name = f"mac{len(self.macros)}"
        count = self.rng.randrange(3)
        outer = {kind: list(names) for kind, names in self.names.items()}
        loops, self.loops = self.loops, 0
        self.names["str"] = self.names["str"] + ["p0", "p1"][:count]
        parameters = [f"p{i}" for i in range(count)]
        for i in range(count):
            if self.chance(0.4) or (i and "=" in parameters[i - 1]):
                parameters[i] += "=" + self.pick("'dflt'", "none", "3", "n", "p0" if i else "s")
        body = self.body(depth) + self.pick("", "", "{{ caller() }}", "{{ caller(1) }}", "{{ varargs }}", "{{ kwargs }}", "{{ caller is defined }}")
        self.names, self.loops = outer, loops
        self.macros.append((name, count))
        text = self.tag(f"macro {name}({', '.join(parameters)})") + body + self.tag("endmacro")
        call = ", ".join(self.expression("any", 1) for _ in range(count))
        return text + self.pick("", f"{{{{ {name}({call}) }}}}", f"{{{{ {name}({call}) | trim }}}}", f"{{{{ {name}({call}, 5) }}}}", f"{{{{ {name}(p0=1) }}}}", f"{{{{ {name} }}}}",
                                f"{{{{ {name}({call}, zz=5) }}}}", f"{{{{ {name}.name }}}}")

    def call_block(self, depth):
        if not self.macros:
            return self.output(2)
        name, count = self.rng.choice(self.macros)
        return self.tag(f"call{self.pick('', '', '(c)', '(c, c2=2)')} {name}({', '.join(self.expression('any', 1) for _ in range(count))})") + self.pick("", "{{ c }}") + self.body(depth) + self.tag("endcall")


def random_template(rng):
    return grammar(rng).template()
