#pragma once

#include "actors/message_types.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

/// The wiring diagram: who takes which message, what it answers, and the credit that bounds each edge, since
/// a mailbox has no bound of its own. "Errors" are the rejections or CAF errors that an answer may be.
namespace troupe {

/// Hears of its responses. Credit: the ledger sends no more than `unsent_bytes_max` unacknowledged bytes a
/// response, and one message a step.
using subscriber_actor = caf::typed_actor<caf::reacts_to<event_batch>,  // from the ledger
                                          caf::reacts_to<ledger_lost>>; // from the front

/// An engine's supervisor: the only handle of an engine that anyone outside knows; it outlives restarts.
using engine_actor =
    caf::typed_actor<caf::reacts_to<dispatch_sequence>, // from the ledger. Credit: its entries
                     caf::reacts_to<cancel_sequence>,   // from the ledger: one an entry
                     caf::reacts_to<step_ack>,          // from the ledger: one a step
                     // From the health monitor, one in flight. Errors: request timeout.
                     caf::replies_to<health_probe>::with<health_report>,
                     caf::reacts_to<inject_fault>, // tests only
                     caf::reacts_to<tick>>;        // from itself: a child slow to stop

/// Every accepted request, its tokens and its events. Restarted engines are fed from here.
using ledger_actor = caf::typed_actor<
    // From intake. Credit: requests_max entries. Errors: too_many_requests, not_ready.
    caf::replies_to<open_entry, subscriber_actor>::with<intake_reply>,
    caf::reacts_to<step_result>,        // from an executor. Credit: two steps, see step_ack
    caf::reacts_to<acknowledge_events>, // from a subscriber: at most one a batch of events
    caf::reacts_to<cancel_response>,    // from a subscriber: one a response
    caf::reacts_to<detach_reader>,      // from a subscriber: one a response and reader
    // From a subscriber: one in flight a reader. Errors: response_not_found, invalid_value.
    caf::replies_to<attach_reader, subscriber_actor>::with<intake_reply>,
    caf::reacts_to<engine_up, engine_actor>, // from an engine's supervisor: one a restart
    caf::reacts_to<engine_gone>,             // from the front
    caf::reacts_to<tick>>;                   // from itself: deadlines

/// Where an engine reports: the ledger, or what stands for it inside an engine's process.
using report_actor =
    caf::typed_actor<caf::reacts_to<step_result>, // from an executor. Credit: two steps, see step_ack
                     caf::reacts_to<engine_up, engine_actor>>; // from an engine's supervisor: one a restart

/// Inside an engine: forms steps.
using batcher_actor =
    caf::typed_actor<caf::reacts_to<dispatch_sequence>, caf::reacts_to<cancel_sequence>,
                     caf::reacts_to<step_ack>,
                     caf::reacts_to<batch_timer>, // from itself: one is valid
                     caf::reacts_to<page_news>,   // from the page manager: one a read at most
                     caf::replies_to<health_probe>::with<health_report>, caf::reacts_to<inject_fault>>;

/// Inside an engine, detached: runs steps; whoever the engine reports to gets a copy of each result.
/// Credit: the batcher has one plan in flight. Errors: request timeout (step_deadline_ms).
using executor_actor =
    caf::typed_actor<caf::replies_to<step_plan>::with<step_result>, caf::reacts_to<inject_fault>>;

/// Inside an engine: owns the KV pages. A refusal is a page_grant with granted = false.
/// Credit: the batcher has one request in flight. Errors: request timeout.
using page_manager_actor =
    caf::typed_actor<caf::replies_to<page_request>::with<page_grants>,
                     // From the KV directory's thread. Credit: page_fetches has 64 reads under way.
                     caf::reacts_to<fetched_page>,
                     caf::reacts_to<tick>, // from itself: reads that are too slow
                     caf::reacts_to<inject_fault>>;

/// Validates, renders, tokenizes; hands to the ledger, which answers.
/// Errors: every request_error but cancelled and response_not_found.
using intake_actor =
    caf::typed_actor<caf::replies_to<generation_request, subscriber_actor>::with<intake_reply>>;

/// Probes the engine through the actors that must make progress. One probe in flight.
using health_monitor_actor = caf::typed_actor<caf::reacts_to<tick>>;

/// The node's root supervisor, and the one handle that doors hold: it forwards to whoever lives now.
using front_actor =
    caf::typed_actor<caf::replies_to<generation_request, subscriber_actor>::with<intake_reply>,
                     caf::reacts_to<acknowledge_events>, caf::reacts_to<cancel_response>,
                     caf::reacts_to<detach_reader>,
                     caf::replies_to<attach_reader, subscriber_actor>::with<intake_reply>,
                     caf::replies_to<health_probe>::with<health_report>, caf::reacts_to<inject_fault>,
                     caf::reacts_to<tick>>; // from itself: a child slow to stop

} // namespace troupe

CAF_BEGIN_TYPE_ID_BLOCK(troupe_handles, caf::first_custom_type_id + 100)
CAF_ADD_TYPE_ID(troupe_handles, (troupe::subscriber_actor))
CAF_ADD_TYPE_ID(troupe_handles, (troupe::engine_actor))
CAF_END_TYPE_ID_BLOCK(troupe_handles)
