#pragma once

#include "actors/messages.hpp"
#include "actors/page_messages.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/type_id.hpp>

// The messages travel inside one process in this release. They become inspectable, one by one, when nodes
// talk to each other; until then CAF is told not to expect a wire form.
#define TROUPE_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::name)

TROUPE_LOCAL_MESSAGE(generation_request)
TROUPE_LOCAL_MESSAGE(intake_reply)
TROUPE_LOCAL_MESSAGE(event_batch)
TROUPE_LOCAL_MESSAGE(acknowledge_events)
TROUPE_LOCAL_MESSAGE(cancel_response)
TROUPE_LOCAL_MESSAGE(detach_reader)
TROUPE_LOCAL_MESSAGE(attach_reader)
TROUPE_LOCAL_MESSAGE(open_entry)
TROUPE_LOCAL_MESSAGE(dispatch_sequence)
TROUPE_LOCAL_MESSAGE(cancel_sequence)
TROUPE_LOCAL_MESSAGE(step_ack)
TROUPE_LOCAL_MESSAGE(step_plan)
TROUPE_LOCAL_MESSAGE(step_result)
TROUPE_LOCAL_MESSAGE(page_request)
TROUPE_LOCAL_MESSAGE(page_grants)
TROUPE_LOCAL_MESSAGE(fetched_page)
TROUPE_LOCAL_MESSAGE(page_news)
TROUPE_LOCAL_MESSAGE(batch_timer)
TROUPE_LOCAL_MESSAGE(engine_up)
TROUPE_LOCAL_MESSAGE(engine_gone)
TROUPE_LOCAL_MESSAGE(ledger_lost)
TROUPE_LOCAL_MESSAGE(health_probe)
TROUPE_LOCAL_MESSAGE(health_report)
TROUPE_LOCAL_MESSAGE(tick)
TROUPE_LOCAL_MESSAGE(inject_fault)

#undef TROUPE_LOCAL_MESSAGE
