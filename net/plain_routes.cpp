#include "net/plain_routes.hpp"

#include "base/version.hpp"
#include "net/field_reader.hpp"
#include "net/json_writer.hpp"
#include "observe/metrics.hpp"

#include <fmt/format.h>

namespace troupe {

namespace {

void write_model(json_writer& json, const served_model& model) {
  json.begin_object().field("id", model.id).field("object", "model").field("created", model.created);
  json.field("owned_by", "troupe").field("max_model_len", model.max_model_len).end_object();
}

http_answer models_answer(const server_context& context, const route& target) {
  const auto served = context.door->models();
  std::string body;
  json_writer json(body);
  if (target.target == endpoint::models) {
    json.begin_object().field("object", "list").key("data").begin_array();
    for (const auto& model : served)
      write_model(json, model);
    json.end_array().end_object();
    return http_answer::json(std::move(body));
  }
  for (const auto& model : served) {
    if (model.id == target.argument) {
      write_model(json, model);
      return http_answer::json(std::move(body));
    }
  }
  return http_answer::failure(
      to_api_error(rejection{request_error::model_not_found, "this model is not served here", "model", 0}));
}

http_answer inject_fault_answer(server_context& context, const http_request& request) {
  const auto body = context.json.parse(request.body);
  if (!body)
    return http_answer::failure(to_api_error(body.error()));
  field_reader fields(*body);
  const auto part = fields.word("part", {"batcher", "executor", "page_manager", "engine"});
  const auto kind = fields.word("fault", {"throw", "kill", "poison", "hang", "device"});
  const auto seed = fields.seed("seed");
  fields.refuse_unknown();
  if (!part || !kind)
    fields.fail(part ? "fault" : "part", "is missing");
  if (fields.failed())
    return http_answer::failure(to_api_error(fields.problem()));
  inject_fault fault;
  fault.part = *part == "batcher"        ? engine_part::batcher
               : *part == "executor"     ? engine_part::executor
               : *part == "page_manager" ? engine_part::page_manager
                                         : engine_part::engine;
  fault.kind = *kind == "kill"     ? fault_kind::kill
               : *kind == "poison" ? fault_kind::poison
               : *kind == "hang"   ? fault_kind::hang
               : *kind == "device" ? fault_kind::device
                                   : fault_kind::throw_error;
  fault.seed = seed.value_or(0);
  context.door->inject(fault);
  auto answer = http_answer::json(R"({"injected":true})");
  answer.code = 202;
  return answer;
}

} // namespace

http_answer plain_answer(server_context& context, const route& target, const http_request& request) {
  switch (target.target) {
  case endpoint::live:
    return context.door->status().live ? http_answer::text(200, "ok\n")
                                       : http_answer::text(503, "not live\n");
  case endpoint::ready: {
    const auto now = context.door->status();
    return now.ready ? http_answer::text(200, "ok\n") : http_answer::text(503, "not ready\n");
  }
  case endpoint::version:
    return http_answer::json(fmt::format(R"({{"version":"{}","commit":"{}"}})", version, commit));
  case endpoint::metrics: {
    auto answer = http_answer::text(200, context.counts.render());
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return answer;
  }
  case endpoint::faults:
    return inject_fault_answer(context, request);
  default:
    return models_answer(context, target);
  }
}

} // namespace troupe
