#pragma once

#include "supervision/cluster/address_book.hpp"
#include "supervision/cluster/cluster_effects.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

struct membership_options {
  node_card self;
  std::vector<std::string> peers; // addresses to begin with
  address_book_options addresses;
  milliseconds ping_every{1000};
  milliseconds suspect_after{1900}; // nothing heard, or no ping answered, for so long
  milliseconds down_after{2900};    // the third missed ping; with a tick of 0.1 s a silence costs 3.0 s
  milliseconds handshake_max{2000}; // for both hellos, from the connection on
  milliseconds pause_max{1000};     // between two ticks: beyond it this node itself stood still
  size_t members_max = 31;          // beside this node
  size_t links_max = 128;
};

/// A node that is there.
struct member {
  node_card card;
  node_status status;
  bool suspected = false;
  bool leaving = false;
};

/// Who is there, as far as this node can tell: a direct mesh, without a coordinator and without agreement. A
/// node is up once hellos went both ways. It is down when its connection ends and its address refuses
/// another, when it is silent, or when it answers no pings (which go by way of the actors that must make
/// progress): one event a death. It comes back with a newer life only, which its obituary makes it take.
/// Plain code, no I/O.
class membership {
public:
  explicit membership(membership_options options);

  void link_up(link_id link, const std::string& dialed, steady_time now, cluster_effects& out);
  void link_down(link_id link, steady_time now, cluster_effects& out);
  void dial_failed(const std::string& address, bool refused, steady_time now, cluster_effects& out);

  /// What the message says to the parts above membership, and who said it; absent: nothing.
  std::optional<outgoing> received(link_id link, const wire_message& message, steady_time now,
                                   cluster_effects& out);

  /// The actors that must make progress have: the ping is answered.
  void progressed(const progress_probe& probe, cluster_effects& out);
  void tick(steady_time now, cluster_effects& out);

  /// Tells everybody that this node takes nothing new; gone: that it has handed on all it had.
  void leave(bool gone, cluster_effects& out);

  /// A node at a configured address has not been met since this one started.
  bool someone_unmet() const { return book_.someone_unmet(); }

  void set_status(node_status own) { status_ = std::move(own); }

  /// Puts it onto the connection over which its node was heard last; dropped if there is none.
  void address(const outgoing& sent, cluster_effects& out) const;

  const std::map<std::string, member>& members() const { return view_; }
  const node_card& self() const { return options_.self; }
  size_t links() const { return links_.size(); }

private:
  struct link_state {
    std::string dialed; // address; empty: the other side dialed
    std::optional<node_card> card;
    bool echoed = false; // our hello named the life that we heard
    bool bound = false;  // the peer echoed our life: it counts
    steady_time since{};
    steady_time last_obituary{};
  };

  struct sent_ping {
    uint64_t number = 0;
    steady_time at{};
  };

  struct peer {
    std::vector<link_id> links;
    link_id heard_on = 0;
    steady_time last_heard{};
    steady_time next_ping{};
    std::deque<sent_ping> unanswered; // oldest first
    bool broken = false;              // all its connections ended
  };

  void on_hello(link_id id, const hello& said, steady_time now, cluster_effects& out);
  void take_up(link_id id, const node_card& card, steady_time now, cluster_effects& out);
  bool refuse(link_id id, const node_card& card, steady_time now, cluster_effects& out);
  void on_obituary(const node_life& dead, cluster_effects& out);
  void say_hello(link_id id, cluster_effects& out);
  void send_obituary(link_id id, const node_life& life, steady_time now, cluster_effects& out);
  void send(link_id link, wire_body body, cluster_effects& out) const;
  void ping_peer(const std::string& name, peer& to, steady_time now, cluster_effects& out);
  void judge(const std::string& name, steady_time now, cluster_effects& out);
  void bury(std::string name, member_change change, down_reason reason, steady_time now,
            cluster_effects& out);
  void close(link_id id, steady_time now, cluster_effects& out);
  void unlink(link_id id, steady_time now, bool redial_at_once);
  std::vector<std::string> addresses() const;

  membership_options options_;
  address_book book_;
  node_status status_;
  std::map<link_id, link_state> links_;
  std::map<std::string, peer> peers_;
  std::map<std::string, member> view_;    // the same names
  std::map<std::string, node_life> dead_; // newest life that ended, by name
  std::deque<std::string> buried_;        // by time: dead_ is bounded
  uint64_t pings_ = 0;
  std::optional<steady_time> last_tick_;
};

} // namespace troupe
