#include "net/resume_reader.hpp"

namespace troupe {

resume_reader make_resume_reader(server_context& context, const attach_reader& reader,
                                 std::shared_ptr<answer_stream> stream) {
  resume_reader made;
  if (auto record = context.store.find(reader.response_id, reader.owner)) {
    if (record->background)
      made.then = pending_answer::when_left::go_on;
    made.recorder = std::make_shared<response_recorder>(context, std::move(record), response_json(),
                                                        response_recorder::keeping::nowhere, stream);
  }
  made.stream = std::move(stream);
  return made;
}

} // namespace troupe
