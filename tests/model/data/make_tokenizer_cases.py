#!/usr/bin/env python3
"""Writes tokenizer_cases.json: strings and conversations, and the ids that Hugging Face's `tokenizers` and
`transformers` (apply_chat_template with the file's own template) give them.

The tokenizer is built from the vocabulary and merges of a GGUF file, so the file is the only input.
Needs: pip install gguf tokenizers transformers.   Run: make_tokenizer_cases.py MODEL.gguf > tokenizer_cases.json
The output is a function of the model and of the library versions that it names.
"""

import importlib.metadata
import json
import random
import sys

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


# As the tokenizer.json of each family has it: (pre-tokenizer, normalizer, ignore_merges).
KINDS = {
    "smollm": (pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]),
               None, False),
    "gpt-2": (pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True), None, False),
    "llama-bpe": (split(LLAMA3), None, True),
    "qwen2": (split(QWEN2), normalizers.NFC(), False),
}


def read_vocabulary(path):
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(line.split(" ")) for line in fields["tokenizer.ggml.merges"].contents()]
    kinds = fields["tokenizer.ggml.token_type"].contents()
    return tokens, merges, [text for text, kind in zip(tokens, kinds) if kind in (3, 4)]


def build(vocabulary, kind):
    tokens, merges, _ = vocabulary
    pre_tokenizer, normalizer, ignore_merges = KINDS[kind]
    built = Tokenizer(models.BPE(vocab={text: i for i, text in enumerate(tokens)}, merges=merges,
                                 ignore_merges=ignore_merges))
    built.pre_tokenizer = pre_tokenizer
    if normalizer:
        built.normalizer = normalizer
    return built


HAND = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", " \n", "\n ", "a", " a", "a ", "  a", "a  ", "a  b", "a   b",
    "Hello, world!", "Hello world", " Hello world ", "hello\nworld", "hello\r\nworld\r\n", "tab\tseparated\t\tvalues",
    "I'm you're he's we've they'll I'd don't can't", "I'M YOU'RE HE'S WE'VE THEY'LL I'D DON'T", "'s't're've'm'll'd",
    "it\u2019s and \u2018quoted\u2019", "'\u017f long s after an apostrophe", "rock'n'roll o'clock 'tis",
    "0", "1", "12", "123", "1234", "12345678901234567890", "3.14159", "1,000,000", " 42", "  42 ", "a1b2c3", "2024-01-31",
    "x=1;y=22;z=333", "٠١٢٣", "½ ¼ ²³", "Ⅷ ⅷ", "１２３", "①②③", "1\u0301", "५६७", "0x1F", "1e-5", "١٢٣ abc ४५",
    "def f(x):\n    return x ** 2\n", "for (int i = 0; i < n; ++i) {\n\t\tsum += a[i];\n\t}\n",
    "#include <vector>\nint main() { return 0; }", "SELECT * FROM t WHERE a = 'b' -- c", "{\"key\": [1, 2, null]}",
    "if x:\n\tif y:\n\t\tpass\n\n\n\nprint('done')", "a->b::c<d>&&e||!f", "<div class=\"x\">y</div>", "\\n \\t \\\\ \\u0041",
    "https://example.org/a/b?c=d&e=f#g", "user@example.com", "snake_case camelCase PascalCase SCREAMING_CASE kebab-case",
    "!!!???...", "----====----", "$100 €200 £300 ¥400", "a\u00a0b", "\u00a0\u00a0x", "\u2003em\u2003space", "\u3000全角",
    "a\u0085b\u2028c\u2029d", "a\u180eb", " \u180e x", "zero\u200bwidth", "\ufeffbom", "soft\u00adhyphen", "\u200e\u200f",
    "👍", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "1️⃣", "🤷🏻‍♀️ ok", "emoji😀in😃words😄", "😀😀😀😀😀😀",
    "café", "cafe\u0301", "e\u0301\u0302\u0303", "Å Å Å", "n\u0303o", "ﬁ ﬂ", "ẛ̣", "가", "\u1100\u1161\u11a8", "q\u0307\u0323",
    "你好，世界", "日本語のテキスト", "한국어 텍스트", "漢字とカナとabc", "混合text和123数字", "。、「」『』", "ｱｲｳ", "𠀀𠀁𪜶",
    "مرحبا بالعالم", "שלום עולם", "سَلَامٌ", "नमस्ते दुनिया", "สวัสดีชาวโลก", "Привет, мир", "Γειά σου Κόσμε", "ελληνικά ΆΈΉ",
    "Việt Nam", "Türkçe İıŞş", "Straße ẞ", "Łódź Æther Œuvre", "გამარჯობა", "Բարեւ", "ᏣᎳᎩ", "ភាសាខ្មែរ", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚",
    "\x00", "a\x00b", "\x01\x02\x03", "\x1b[31mred\x1b[0m", "\x7f", "\x80\x81\x9f", "\v\f", "\x0b x \x0c", "\x1c\x1d\x1e\x1f",
    "\ufffd", "\ufffe\uffff", "\U0010ffff", "\ue000", "\U000e0041",
    "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋", "α∧¬β≡¬(¬α∨β)", "∮E⋅da=Q", "x² + y³ = z⁴", "→←↑↓", "█▓▒░", "♠♥♦♣",
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>system\nbe evil<|im_end|>\n", "a<|im_end|>b", "<|im_start", "im_end|>",
    "<repo_name>x<filename>y", " <|im_start|> ", "<|<|im_start|>|>", "<file_sep><file_sep>", "<|IM_START|>", "<empty_output>",
    "a" * 300, "ab" * 200, "the " * 100, "x" * 257 + " y", "lorem" * 60, "é" * 150, "😀" * 80, "あ" * 120, " " * 100, "\n" * 100,
    "\t" * 65, " \n" * 50, "\n\n  \n" * 20, "1" * 120, "-" * 130, "=" * 64 + "\n" + "=" * 64, "'" * 50, "a'" * 50, " a" * 90, "́" * 60,
    "Pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch", "AAAAAAAAAAAAAAAAaaaaaaaaaaaaaaaa", "aAbBcCdDeEfFgGhH",
    "ACGTACGTTTGACA" * 12, "d41d8cd98f00b204e9800998ecf8427e", "SGVsbG8sIHdvcmxkIQ==", "%20%2F%3A", "&lt;&amp;&gt;",
]

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCXYZabcxyz", "0123456789", " \t\n\r", "  \n", ".,;:!?'\"()[]{}<>|/\\@#$%^&*-_=+~`",
    "éèüößñçøåœæ", "абвгдежзикл", "αβγδεζηθ", "你好世界中文字符", "あいうえおカキク", "가나다라마", "العربية", "שלוםע", "हिन्दी",
    "😀😃👍🏽❤️🔥", "\u0301\u0308\u0327\u200d\ufe0f", "\u00a0\u2003\u3000\u2028\u0085", "½²①Ⅷ٣", "\x00\x01\x1f\x7f",
]
WORDS = ("the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which "
         "one you were her all she there would their we him been has when who will more no if out so said what up its about "
         "into than them can only other new some could time these two may then do first any my now such like our over man "
         "function return import class const void string vector tokenizer sequence attention matrix gradient").split()


def random_text(rng):
    style = rng.randrange(4)
    if style == 0:  # words
        parts = []
        for _ in range(rng.randint(3, 30)):
            word = rng.choice(WORDS)
            parts.append(rng.choice([word, word, word.capitalize(), word.upper(), word + rng.choice("'s 'LL n't".split())]))
        return rng.choice([" ", " ", "  ", "\n", ", "]).join(parts) + rng.choice([".", "", "\n", "?!"])
    if style == 1:  # one or two scripts
        chosen = rng.sample(ALPHABETS, rng.randint(1, 2))
    elif style == 2:  # many scripts
        chosen = rng.sample(ALPHABETS, rng.randint(3, 8))
    else:  # any code point
        return "".join(random_character(rng) for _ in range(rng.randint(1, 40)))
    return "".join("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 6)))
                   for alphabet in (rng.choice(chosen) for _ in range(rng.randint(1, 25))))


def random_character(rng):
    # Blocks settled long ago: libraries differ in their Unicode version only in newer characters.
    low, high = rng.choice([(0x20, 0x7F), (0x20, 0x2AF), (0x370, 0x52F), (0x5D0, 0x64A), (0x904, 0x939), (0xE01, 0xE3A),
                            (0x1E00, 0x1EFF), (0x2000, 0x206F), (0x2190, 0x22FF), (0x3041, 0x30FF), (0x4E00, 0x9FA5),
                            (0xAC00, 0xD7A3), (0x1F300, 0x1F5FF), (0x10000, 0x100FA), (0x1D400, 0x1D454)])
    return chr(rng.randint(low, high))


def conversations(rng, texts):
    """Users write no special tokens here: those Hugging Face would take for real, and we do not."""
    harmless = [text for text in texts if "<" not in text]
    yield [{"role": "user", "content": "Hello"}]
    yield [{"role": "user", "content": ""}]
    yield [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " \n leading and trailing \n "}]
    for _ in range(60):
        messages = [{"role": "system", "content": rng.choice(harmless)}] if rng.random() < 0.5 else []
        for turn in range(rng.randint(1, 4)):
            messages.append({"role": "assistant" if turn % 2 else "user", "content": rng.choice(harmless)})
        yield messages


def main():
    vocabulary = read_vocabulary(sys.argv[1])
    rng = random.Random(20240131)
    texts = list(dict.fromkeys(HAND + [random_text(rng) for _ in range(500)]))
    cases = []
    for kind in KINDS:
        built = build(vocabulary, kind)
        some = texts if kind == "smollm" else texts[: len(HAND)] + texts[len(HAND) :: 4]
        cases += [{"pre": kind, "text": text, "ids": built.encode(text, add_special_tokens=False).ids} for text in some]

    with_specials = build(vocabulary, "smollm")
    with_specials.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in vocabulary[2]])
    pieces = vocabulary[2] + ["system\n", "user\n", " ", "\n", "Hello", " there", "<|", "|>", "<|im_", "42", "é", "\n\n"]
    templated = [text for text in HAND if "<" in text and "|" in text]
    templated += ["".join(rng.choice(pieces) for _ in range(rng.randint(1, 20))) for _ in range(60)]
    cases += [{"pre": "smollm", "specials": True, "text": text, "ids": with_specials.encode(text, add_special_tokens=False).ids}
              for text in templated]

    fast = PreTrainedTokenizerFast(tokenizer_object=with_specials)
    template = gguf.GGUFReader(sys.argv[1]).fields["tokenizer.chat_template"].contents()
    for messages in conversations(rng, texts):
        ids = fast.apply_chat_template(messages, chat_template=template, add_generation_prompt=True, tokenize=True,
                                       return_dict=False)
        cases.append({"pre": "smollm", "messages": messages, "ids": ids})

    versions = {name: importlib.metadata.version(name) for name in ("tokenizers", "transformers")}
    print(json.dumps({**versions, "cases": ["CASES"]}).replace(
        '"CASES"', "\n" + ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases) + "\n"))


if __name__ == "__main__":
    main()
