// fuzz_seeds FOLDER: writes what each target begins with, FOLDER/TARGET/N, and the words of its language,
// FOLDER/TARGET.dict. Runs in the repository's root, since templates come from tests/model/data/.
#include "tests/model/gguf_mutator.hpp"
#include "tests/model/tiny_gguf.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <vector>

namespace fs = std::filesystem;
using namespace troupe::test;

namespace {

using texts = std::vector<std::string>;

void write(const fs::path& folder, const texts& seeds, const texts& words) {
  fs::create_directories(folder);
  for (size_t i = 0; i < seeds.size(); ++i)
    std::ofstream(folder / std::to_string(i), std::ios::binary) << seeds[i];
  std::ofstream dictionary(folder.string() + ".dict");
  for (const auto& word : words) {
    dictionary << '"';
    for (const char c : word) {
      const auto byte = static_cast<unsigned char>(c);
      char hex[5];
      std::snprintf(hex, sizeof hex, "\\x%02x", byte);
      dictionary << (byte > 0x20 && byte < 0x7f && c != '"' && c != '\\' ? std::string(1, c)
                                                                         : std::string(hex));
    }
    dictionary << "\"\n";
  }
}

texts gguf_seeds() {
  const auto header = make_tiny_gguf().header;
  texts out{header};
  std::mt19937 random(1);
  for (int i = 0; i < 60; ++i)
    out.push_back(mutated(header, random));
  for (const char* pre : {"llama-bpe", "smollm", "qwen2"}) { // another text, with its length
    auto other = header;
    const auto at = other.find("gpt-2");
    other.replace(at, 5, pre);
    other[at - 8] = static_cast<char>(std::string_view(pre).size());
    out.push_back(other);
  }
  return out;
}

/// Every template of the cases, each once.
texts template_seeds() {
  std::ifstream file("tests/model/data/template_cases.json");
  if (!file)
    throw std::runtime_error(
        "there is no tests/model/data/template_cases.json: run from the repository's root");
  const auto cases = nlohmann::json::parse(file);
  std::set<std::string> sources;
  for (const auto& snippet : cases.at("snippets"))
    sources.insert(snippet.at("template").get<std::string>());
  for (const auto& whole : cases.at("templates"))
    sources.insert(whole.get<std::string>());
  return {sources.begin(), sources.end()};
}

texts text_seeds() {
  using namespace std::string_literals; // the first byte chooses the pre-tokenizer, or the template
  return {"\0Hello, World! It's 12345 o'clock.\n\n  \tx"s,
          "\1caf\u00e9 na\u00efve \u00df\u0153 \u4f60\u597d"s,
          "\2\U0001f600\U0001f468\u200d\U0001f469 e\u0301\u0323"s,
          "\3aaaaaaaaaaaaaaaabaab abcabc 1111111"s,
          "\1<|im_start|>user\n<think>"s,
          "\2\xff\xfe\xc3 \xe2\x82 \xf0\x9f\x98"s,
          "\3\u1100\u1161\u11a8 \ufb01\u212b \u0958"s,
          "\4one</think>two </think> three"s,
          "\0\r\n\r\n \r\n \u00a0\u3000\u180e\u2028x"s};
}

texts json_seeds() {
  return {
      R"({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"}]}],"max_tokens":5,"temperature":0.5,"top_p":0.25,"seed":-1,"stop":["a","b"],"stream":true,"stream_options":{"include_usage":true},"n":1})",
      R"({"messages":[{"role":"user","content":"\ud83d\ude00 \u00e9"}],"tools":[],"tool_choice":"auto","response_format":{"type":"text"},"logit_bias":null,"metadata":{"k":"v"},"logprobs":false})",
      R"({"input":"hi","instructions":"i","max_output_tokens":7,"store":false,"text":{"format":{"type":"text"}},"truncation":"disabled","reasoning":null,"background":false,"include":[]})",
      R"({"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]},{"role":"assistant","content":[{"type":"output_text","text":"y","annotations":[]}]},{"type":"item_reference","id":"msg_1"},{"type":"reasoning","summary":[]}],"previous_response_id":"resp_1","metadata":{"a":"b"},"top_k":4,"min_p":0.1,"repetition_penalty":1.1})",
      R"({"prompt":["a",[1,2]],"stop":["a","b"],"stop_token_ids":[2],"min_tokens":1,"ignore_eos":true,"logit_bias":{"7":-100},"logprobs":3,"echo":true,"n":2,"best_of":3,"max_tokens":0})",
      R"({"a":[[[[{"b":1e308,"c":-0.0,"d":18446744073709551615,"e":tru}]]]]})"};
}

texts http_seeds() {
  const std::string host = "Host: a\r\n";
  return {
      "\1GET / HTTP/1.1\r\n" + host + "\r\n",
      "\7POST /v1/responses HTTP/1.1\r\n" + host +
          "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
      "\3POST /v1/chat/completions HTTP/1.1\r\n" + host +
          "Transfer-Encoding: chunked\r\n\r\n2;a=\"b\"\r\n{}\r\n0\r\nTrailer: x\r\n\r\n",
      "\5GET /v1/responses HTTP/1.1\r\n" + host +
          "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://a\r\n\r\n",
      "\2HEAD /x?y=%20 HTTP/1.0\r\nConnection: keep-alive\r\nX-Request-Id: r-1\r\nExpect: 100-continue\r\n"
      "Authorization: Bearer k\r\nContent-Encoding: gzip\r\n\r\n"};
}

texts toml_seeds() {
  return {
      "[server]\nport = 1234\nhost = \"127.0.0.1\"\n[engine]\nmax_batch_size = 5\nthreads = 0x2\n",
      "a.b.c = [1, 2.5e3, {x = true}]\n'q \"' = '''\nm\n'''\nd = 1979-05-27T07:32:00Z\n[[t]]\n[t.u]\n# c\n",
      "x = \"\\u00e9\\n\"\ny = inf\nz = -0b101\nw = 1_000\n[e]\n"};
}

texts sse_seeds() {
  return {"\1event: a\ndata: {\"x\":1}\n\ndata: [DONE]\n\n",
          "\2\xEF\xBB\xBF: c\r\n\r\ndata:a\r\ndata: b\r\rid: 1\nretry: 5\n\n",
          "\4"
          "data\n\ndata\ndata\n\ndata:\xff\n"};
}

} // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::cerr << "fuzz_seeds FOLDER\n";
    return 2;
  }
  const fs::path folder = argv[1];
  write(folder / "gguf", gguf_seeds(),
        {"general.architecture", "general.alignment", "llama.block_count", "llama.rope.scaling.type",
         "llama.expert_count", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.tokens",
         "tokenizer.chat_template", "output.weight", "token_embd.weight", "\xff\xff\xff\xff\xff\xff\xff\xff",
         std::string("\0\0\0\0\0\0\0\x80", 8)});
  write(folder / "tokenizer", text_seeds(),
        {"\u00e9", "\u0301", "'s", "'LL", "\u00a0", "\U0001f600", "<think>", "\u180e"});
  write(folder / "chat_template", template_seeds(),
        {"{%",
         "%}",
         "{{",
         "}}",
         "{%-",
         "-%}",
         "for",
         "in",
         "endfor",
         "if",
         "elif",
         "else",
         "endif",
         "set",
         "endset",
         "macro",
         "endmacro",
         "namespace",
         "loop.index",
         "is defined",
         "is string",
         "not",
         "and",
         "or",
         "| tojson",
         "| trim",
         "| length",
         "| join",
         "| map(attribute=",
         "| selectattr(",
         "| sort",
         "| groupby(",
         "raise_exception(",
         "strftime_now(",
         "messages",
         "tools",
         "add_generation_prompt",
         "['content']",
         ".items()",
         ".split(",
         "[::-1]",
         "range(",
         "**",
         "//",
         "~",
         "generation",
         "break",
         "continue",
         "call",
         "filter",
         "%s",
         "9007199254740993"});
  write(folder / "chat_messages", text_seeds(),
        {"</think>", "\n", " ", "<|im_end|>", "\u00e9", "\U0001f600", "\u00df", "\u0130"});
  write(folder / "settings_file", toml_seeds(),
        {"[[", "]]", "'''", "\"\"\"", "inf", "nan", "1979-05-27", "true", " = ", "0x"});
  write(folder / "request_json", json_seeds(),
        {"\"messages\"",
         "\"input\"",
         "\"role\"",
         "\"content\"",
         "\"type\"",
         "\"input_text\"",
         "\"stop\"",
         "\"prompt\"",
         "\"logit_bias\"",
         "\"best_of\"",
         "\"logprobs\"",
         "\"seed\"",
         "\"tools\"",
         "\"tool_choice\"",
         "\"previous_response_id\"",
         "\"metadata\"",
         "\"text\"",
         "\"function\"",
         "\"image_url\"",
         "null",
         "1e999",
         "\\ud800",
         "\"max_tokens\"",
         "\"max_output_tokens\"",
         "\"temperature\"",
         "\"stream_options\"",
         "\"item_reference\""});
  write(folder / "http_request", http_seeds(),
        {"\r\n", "Content-Length: ", "Transfer-Encoding: chunked", "HTTP/1.1",
         "Host: ", "Connection: ", "Upgrade: websocket", "Sec-WebSocket-Key: ", "POST ", "0\r\n\r\n",
         "ffffffffffffffff", "Expect: 100-continue"});
  write(folder / "sse_parser", sse_seeds(), {"data: ", "event: ", "\r\n", "\n\n", ": ", "\xEF\xBB\xBF"});
  return 0;
} catch (const std::exception& problem) {
  std::cerr << "fuzz_seeds: " << problem.what() << '\n';
  return 1;
}
